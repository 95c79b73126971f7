-- SPDX-License-Identifier: MIT
--
-- The text that names a port: a path, a simulated module with its settings, or
-- a transcript that is replayed.
--
--     /dev/ttyUSB0
--     sim:ct12?map=echo.example.net=127.0.0.1:7007&set=rssi=5&state=dut1.flash
--     replay:field.txt?mode=command&slot=1&speed=0&session=2&module=ml302
--
-- Pure: opens nothing and does not know which modules, settings or files exist.
-- What parse() returns, format() turns back into an equal address. Values and a
-- transcript's name are percent-decoded: a '%' or '&' is written %25 or %26.

local errors <const> = require "attest.error"
local redirect <const> = require "attest.sim.redirect"

local address = {}

local function invalid(fmt, ...)
  return nil, errors.new { code = "invalid", message = fmt:format(...) }
end

local function decode(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function encode(text)
  return (text:gsub("[%c %%&#+?]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

local function whole_number(text, lower, upper)
  local number <const> = text:match("^%d+$") and math.tointeger(tonumber(text))
  return number and number >= lower and number <= upper and number or nil
end

--- Reads one setting.
-- @tparam string text `key=value`
-- @treturn[1] string key
-- @treturn[1] string value
-- @treturn[2] nil
-- @treturn[2] table error object, code `invalid`
function address.setting(text)
  local key <const>, value <const> = text:match("^([%a_][%w_.]*)=(.*)$")
  if not key then
    return invalid("setting %q: expected key=value", text)
  end
  return key, value
end

--- Reads a seed.
-- @tparam string text a whole number from 0
-- @treturn[1] integer
-- @treturn[2] nil
-- @treturn[2] table error object, code `invalid`
function address.seed(text)
  local seed <const> = whole_number(text, 0, math.maxinteger)
  if not seed then
    return invalid("seed %q: expected a whole number from 0", text)
  end
  return seed
end

-- What a key of a simulated module's query does to the result.
local take <const> = {}

function take.map(into, value)
  local map <const>, err <const> = redirect.parse(value)
  if not map then
    return nil, err
  end
  into.map[#into.map + 1] = map
  return true
end

function take.set(into, value)
  local key <const>, setting <const> = address.setting(value)
  if not key then
    return nil, setting
  end
  into.set[key] = setting
  return true
end

function take.fault(into, value)
  if value == "" then
    return invalid("fault \"\": expected a fault, such as silent")
  end
  into.fault[#into.fault + 1] = value
  return true
end

function take.seed(into, value)
  local seed <const>, err <const> = address.seed(value)
  into.seed = seed
  return seed, err
end

function take.state(into, value)
  into.state = value
  return true
end

function take.dialect(into, value)
  into.dialect = value
  return true
end

--- Reads the speed of a replay.
-- @tparam string text how many times as fast as recorded; 0: without pauses
-- @treturn[1] number
-- @treturn[2] nil
-- @treturn[2] table error object, code `invalid`
function address.speed(text)
  local speed <const> = text:find("^[%d.]+$") and tonumber(text)
  if not speed or speed ~= 0 and (speed < 1e-6 or speed > 1e6) then
    return invalid("speed %q: expected 0, or a number from 0.000001 to 1000000", text)
  end
  return speed
end

--- Reads the number of a session.
-- @tparam string text a whole number from 1
-- @treturn[1] integer
-- @treturn[2] nil
-- @treturn[2] table error object, code `invalid`
function address.session(text)
  local session <const> = whole_number(text, 1, math.maxinteger)
  if not session then
    return invalid("session %q: expected a whole number from 1", text)
  end
  return session
end

local function parse_sim(text)
  local module <const>, query <const> = text:match("^sim:([%w_]+)%??(.*)$")
  if not module then
    return invalid("port %q: expected sim:MODULE or sim:MODULE?key=value&...", text)
  end
  local result <const> = { kind = "sim", module = module, map = {}, set = {}, fault = {} }
  for part in query:gmatch("[^&]+") do
    local key <const>, value <const> = part:match("^([^=]+)=(.*)$")
    if not key or not take[key] then
      return invalid("port %q: %q, expected map=, set=, state=, fault=, seed= or dialect=",
        text, part)
    end
    local ok <const>, err <const> = take[key](result, decode(value))
    if not ok then
      return invalid("port %q: %s", text, err.message)
    end
  end
  return result
end

-- What a key of a replay's query does to the result.
local take_replay <const> = { speed = address.speed, session = address.session }

function take_replay.mode(value)
  if value ~= "strict" and value ~= "command" then
    return invalid("mode %q: expected strict or command", value)
  end
  return value
end

function take_replay.slot(value)
  return value
end

function take_replay.module(value)
  if not value:find("^[%w_]+$") then
    return invalid("module %q: expected a module's name, such as ct12", value)
  end
  return value
end

local function parse_replay(text)
  local path <const>, query <const> = text:match("^replay:([^?]+)%??(.*)$")
  if not path then
    return invalid("port %q: expected replay:FILE or replay:FILE?key=value&...", text)
  end
  local result <const> = { kind = "replay", path = decode(path) }
  for part in query:gmatch("[^&]+") do
    local key <const>, value <const> = part:match("^([^=]+)=(.*)$")
    if not key or not take_replay[key] then
      return invalid("port %q: %q, expected mode=, slot=, speed=, session= or module=", text, part)
    end
    local taken <const>, err <const> = take_replay[key](decode(value))
    if taken == nil then
      return invalid("port %q: %s", text, err.message)
    end
    result[key] = taken
  end
  return result
end

--- Reads a port's address.
-- @tparam string text what a person wrote after `--port`
-- @treturn[1] table `{ kind="path", path= }`, or `{ kind="sim", module=, map={
-- {host=,addr=,port=} }, set={}, fault={}, state=, seed=, dialect= }`, or `{ kind="replay", path=,
-- mode=, slot=, speed=, session=, module= }`
-- @treturn[2] nil
-- @treturn[2] table error object, code `invalid`
function address.parse(text)
  if text == "" then
    return invalid("port \"\": expected a path, sim:MODULE or replay:FILE")
  end
  local scheme <const> = text:match("^(%l[%l%d]+):")
  if scheme == "sim" then
    return parse_sim(text)
  elseif scheme == "replay" then
    return parse_replay(text)
  elseif scheme then
    return invalid("port %q: kind %q is not known, expected a path, sim:MODULE or replay:FILE",
      text, scheme)
  end
  return { kind = "path", path = text }
end

-- One colon would be taken for that of a port, and so would the last before one.
local function format_map(map)
  local _, colons <const> = map.addr:gsub(":", "")
  local addr <const> = (colons == 1 or colons > 1 and map.port) and "[" .. map.addr .. "]"
    or map.addr
  return map.host .. "=" .. addr .. (map.port and ":" .. map.port or "")
end

local function format_replay(value)
  local parts <const> = {}
  for _, key in ipairs { "mode", "slot", "speed", "session", "module" } do
    if value[key] then
      parts[#parts + 1] = key .. "=" .. encode(tostring(value[key]))
    end
  end
  local query <const> = table.concat(parts, "&")
  return "replay:" .. encode(value.path) .. (query == "" and "" or "?" .. query)
end

--- Writes an address as text.
-- @tparam table value as parse() returns it
-- @treturn string
function address.format(value)
  if value.kind == "path" then
    return value.path
  elseif value.kind == "replay" then
    return format_replay(value)
  end
  local parts <const> = {}
  local function add(key, text)
    parts[#parts + 1] = key .. "=" .. encode(text)
  end
  for _, map in ipairs(value.map or {}) do
    add("map", format_map(map))
  end
  local keys <const> = {}
  for key in pairs(value.set or {}) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    add("set", key .. "=" .. value.set[key])
  end
  for _, fault in ipairs(value.fault or {}) do
    add("fault", fault)
  end
  for _, key in ipairs { "state", "seed", "dialect" } do
    if value[key] then
      add(key, tostring(value[key]))
    end
  end
  local query <const> = table.concat(parts, "&")
  return "sim:" .. value.module .. (query == "" and "" or "?" .. query)
end

return address
