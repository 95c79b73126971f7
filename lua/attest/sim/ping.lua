-- SPDX-License-Identifier: MIT
--
-- Pings a host with the system's own `ping`, which may open the sockets that
-- an ordinary user may not. Reports each answer as it comes.
--
--     64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.278 ms

local uv <const> = require "luv"

local errors <const> = require "attest.error"
local guard <const> = require "attest.sim.guard"

local ping = {}

-- Seconds between two requests, and how long the last answer is waited for.
local INTERVAL <const> = "0.2"
local PATIENCE <const> = "2"

--- Reads one line that `ping` prints.
-- @tparam string line
-- @treturn number|nil milliseconds, when it is an answer
-- @treturn integer|nil TTL
function ping.parse(line)
  local ttl <const>, ms <const> = line:match("icmp_seq=%d+ ttl=(%d+) time=([%d.]+) ms")
  if ms then
    return tonumber(ms), math.tointeger(ttl)
  end
end

local function each_line(fn)
  local rest = ""
  return function(bytes)
    rest = rest .. bytes
    rest = rest:gsub("([^\n]*)\n", function(line)
      fn(line)
      return ""
    end)
  end
end

local function failure(why)
  return errors.new { code = "io", message = "ping: " .. tostring(why) }
end

-- Answers are complete when the process has ended *and* its output has.
local function when_both(fn)
  local missing = 2
  return function()
    missing = missing - 1
    if missing == 0 then
      fn()
    end
  end
end

local function close_handle(handle)
  if handle and not handle:is_closing() then
    handle:close()
  end
end

--- Starts pinging.
-- @tparam table options `address`, `count`
-- @tparam function reply called with milliseconds and TTL of each answer
-- @tparam function done called with true at the end, or nil and an error
-- @treturn function that aborts
function ping.start(options, reply, done)
  local output <const> = uv.new_pipe()
  local process
  local on_end <const> = when_both(guard(function()
    done(true)
  end))
  local why
  process, why = uv.spawn("ping", {
    args = { "-n", "-c", tostring(options.count), "-i", INTERVAL, "-W", PATIENCE, options.address },
    env = { "LC_ALL=C", "PATH=" .. (os.getenv("PATH") or "/usr/bin:/bin:/usr/sbin:/sbin") },
    stdio = { nil, output, nil },
  }, function()
    close_handle(process)
    on_end()
  end)
  if not process then
    close_handle(output)
    done(nil, failure(why))
    return
  end
  local feed <const> = guard(each_line(function(line)
    local ms <const>, ttl <const> = ping.parse(line)
    if ms then
      reply(ms, ttl)
    end
  end))
  output:read_start(function(_, bytes)
    if bytes then
      feed(bytes)
    else
      close_handle(output)
      on_end()
    end
  end)
  return function()
    close_handle(output)
    if not process:is_closing() then
      process:kill("sigkill")
    end
  end
end

return ping
