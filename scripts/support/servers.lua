-- SPDX-License-Identifier: MIT
--
-- Peers for a simulated module, on the loopback address only: an echo server
-- (TCP and UDP on one port number) and, with --ntp, a small SNTP responder for
-- machines on which chronyd may not run.
--
--     attest lua scripts/support/servers.lua [--ntp]
--
-- Prints "ready ECHO_PORT [NTP_PORT]" and serves until SIGINT or SIGTERM.

local core <const> = require "attest.core"
local uv <const> = require "luv"

local HOST <const> = "127.0.0.1"
local BACKLOG <const> = 64
-- Seconds between the epochs of NTP (1900) and of Unix (1970).
local NTP_EPOCH <const> = 2208988800

local handles <const> = {}

local function keep(handle)
  handles[#handles + 1] = handle
  return handle
end

local function echo_tcp(server)
  local client <const> = uv.new_tcp()
  server:accept(client)
  client:read_start(function(_, bytes)
    if bytes then
      client:write(bytes)
    elseif not client:is_closing() then
      client:close()
    end
  end)
end

local function listen_tcp(port)
  local server <const> = keep(uv.new_tcp())
  assert(server:bind(HOST, port))
  assert(server:listen(BACKLOG, function()
    echo_tcp(server)
  end))
  return server:getsockname().port
end

-- answer(bytes) returns what goes back, or nil.
local function listen_udp(port, answer)
  local server <const> = keep(uv.new_udp())
  local ok <const>, why <const> = server:bind(HOST, port)
  if not ok then
    return nil, why
  end
  server:recv_start(function(_, bytes, from)
    local reply <const> = bytes and answer(bytes)
    if reply then
      server:send(reply, from.ip, from.port)
    end
  end)
  return server:getsockname().port
end

local function timestamp()
  local seconds <const>, microseconds <const> = uv.gettimeofday()
  return string.pack(">I4I4", (seconds + NTP_EPOCH) & 0xFFFFFFFF,
    (microseconds << 32) // 1000000)
end

-- RFC 4330, section 6: stratum 8, the client's transmit time comes back.
local function answer_sntp(bytes)
  if #bytes < 48 or bytes:byte(1) & 7 ~= 3 then
    return nil
  end
  local now <const> = timestamp()
  local version <const> = bytes:byte(1) & 0x38
  return string.pack(">BBbb", version | 4, 8, 6, -20) .. ("\0"):rep(8) .. "LOCL"
    .. now .. bytes:sub(41, 48) .. now .. now
end

local function echo_port()
  for _ = 1, 20 do
    local port <const> = listen_tcp(0)
    local ok <const> = listen_udp(port, function(bytes) return bytes end)
    if ok then
      return port
    end
  end
  error("no port number is free for both TCP and UDP")
end

local function serve()
  local task <const> = core.current()
  for _, name in ipairs { "sigint", "sigterm" } do
    keep(uv.new_signal()):start(name, function() core.wake(task) end)
  end
  local words <const> = { "ready", echo_port() }
  if arg[1] == "--ntp" then
    words[3] = assert(listen_udp(0, answer_sntp))
  end
  print(table.concat(words, " "))
  io.stdout:flush()
  core.wait()
  for _, handle in ipairs(handles) do
    if not handle:is_closing() then
      handle:close()
    end
  end
end

local ok <const>, err <const> = core.run(core.spawn(serve))
if not ok then
  error(err, 0)
end
os.exit(0)
