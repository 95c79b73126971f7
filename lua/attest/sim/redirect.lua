-- SPDX-License-Identifier: MIT
--
-- `--map HOST=ADDR[:PORT]`: where a simulated module really goes when it is
-- told to reach HOST, a name or an address, whatever the port. Pure.

local errors <const> = require "attest.error"

local redirect = {}

local function bad(text)
  return nil, errors.new {
    code = "invalid",
    message = string.format("map %q: expected HOST=ADDR or HOST=ADDR:PORT", tostring(text)),
  }
end

-- "[::1]:7" and "::1" are addresses of IPv6, "name:7" is not.
local function split_port(text)
  local address, port = text:match("^%[(.+)%]:(%d+)$")
  if address then
    return address, port
  end
  address = text:match("^%[(.+)%]$")
  if address then
    return address
  end
  address, port = text:match("^([^:]+):(%d+)$")
  if address then
    return address, port
  end
  local _, colons <const> = text:gsub(":", "")
  return colons ~= 1 and text or nil
end

-- Digits and dots are an address of IPv4, or a mistake.
local function is_reachable(addr)
  if not addr:find("^[%d.]+$") then
    return true
  end
  local bytes <const> = { addr:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$") }
  for _, byte in ipairs(bytes) do
    if #byte > 3 or tonumber(byte) > 255 then
      return false
    end
  end
  return #bytes == 4
end

--- Reads one `--map` argument.
-- @tparam string text such as `broker.emqx.io=127.0.0.1:1883`
-- @treturn[1] table `{ host, addr, port }`; the port is nil when not given
-- @treturn[2] nil
-- @treturn[2] error `invalid`
function redirect.parse(text)
  local host, target <const> = tostring(text):match("^%s*([^=%s]+)%s*=%s*(%S+)%s*$")
  if not host then
    return bad(text)
  end
  local addr, digits <const> = split_port(target)
  local port <const> = math.tointeger(tonumber(digits))
  if not addr or not is_reachable(addr) or digits and (not port or port < 1 or port > 65535) then
    return bad(text)
  end
  return { host = host, addr = addr, port = port }
end

--- Finds where the module goes; a later rule for the same host wins.
-- @tparam table rules list of `{ host, addr, port }`
-- @tparam string host as the module was told
-- @tparam integer port as the module was told
-- @treturn string address or name to reach
-- @treturn integer port to reach
function redirect.find(rules, host, port)
  for i = #rules, 1, -1 do
    local rule <const> = rules[i]
    if rule.host:lower() == host:lower() then
      return rule.addr, rule.port or port
    end
  end
  return host, port
end

return redirect
