-- SPDX-License-Identifier: MIT
--
-- Real peers for a simulated module: names, TCP, UDP and ping through luv.
-- Everything the simulator reaches goes through one table like this, so that
-- tests can put an in-process one in its place. It knows no AT command, no
-- redirection and no deadline; attest.sim.peers adds these.
--
-- A backend has three functions; `done` is called once, now or later, and
-- each returns a function that aborts the work.
--
--     resolve(host, done)             done(address) or done(nil, err)
--     connect(options, done)          done(connection) or done(nil, err)
--     ping(options, reply, done)      reply(ms, ttl) per answer; done(true)
--
-- A connection, of TCP or UDP alike:
--
--     write(bytes, done)              done(true) or done(nil, err)
--     start { data = fn(bytes), closed = fn(err) }
--     pause()  resume()  local_port()  close()

local uv <const> = require "luv"

local errors <const> = require "attest.error"
local guard <const> = require "attest.sim.guard"
local ping <const> = require "attest.sim.ping"

local net = {}

-- Milliseconds that a closed connection may go on sending what it has.
local LINGER <const> = 1000

local function failure(reason)
  return errors.new { code = "io", message = tostring(reason) }
end

local function close_handle(handle)
  if not handle:is_closing() then
    handle:close()
  end
end

-- IPv4 first: servers on "localhost" often listen on 127.0.0.1 only.
local function pick(addresses)
  local first
  for _, found in ipairs(addresses or {}) do
    if found.family == "inet" then
      return found.addr
    end
    first = first or found.addr
  end
  return first
end

local function resolve(host, done)
  local on_result <const> = guard(function(err, addresses)
    local address <const> = pick(addresses)
    if address then
      done(address)
    else
      done(nil, failure(err or "no address"))
    end
  end)
  local request, why <const> = uv.getaddrinfo(host, nil, { socktype = "stream" }, on_result)
  if not request then
    done(nil, failure(why))
    return
  end
  return function()
    uv.cancel(request)
  end
end

local function any_address(address)
  return address:find(":", 1, true) and "::" or "0.0.0.0"
end

-- Shared by both kinds of connection; `handle` is owned.
local methods <const> = {}
local mt <const> = { __name = "attest.sim.connection", __index = methods }

function methods:write(bytes, done)
  local finish <const> = guard(function(err)
    done(not err or nil, err and failure(err))
  end)
  local ok, why <const> = self.send(bytes, finish)
  if not ok then
    done(nil, failure(why))
  end
end

function methods:start(events)
  self.events = events
  self:resume()
end

function methods:resume()
  if self.events and not self.handle:is_closing() then
    self.listen(guard(self.events.data), guard(self.events.closed))
  end
end

function methods:pause()
  if not self.handle:is_closing() then
    self.stop()
  end
end

function methods:local_port()
  return self.handle:getsockname().port
end

function methods:close()
  self.events = nil
  self.finish()
end

-- A FIN first: closing with unread bytes would send a reset. It comes after
-- what is still to be sent, so a peer that takes nothing is waited for only
-- so long.
local function finish_tcp(tcp)
  if tcp:is_closing() then
    return
  end
  local patience <const> = uv.new_timer()
  local function finish()
    close_handle(patience)
    close_handle(tcp)
  end
  if tcp:shutdown(finish) then
    patience:start(LINGER, 0, finish)
  else
    finish()
  end
end

local function tcp_connection(tcp)
  return setmetatable({
    handle = tcp,
    send = function(bytes, done)
      return tcp:write(bytes, done)
    end,
    listen = function(data, closed)
      tcp:read_start(function(err, bytes)
        if bytes then
          data(bytes)
        else
          close_handle(tcp)
          closed(err and failure(err))
        end
      end)
    end,
    stop = function()
      tcp:read_stop()
    end,
    finish = function()
      finish_tcp(tcp)
    end,
  }, mt)
end

local function connect_tcp(options, done)
  local tcp <const> = uv.new_tcp()
  local function fail(why)
    close_handle(tcp)
    done(nil, failure(why))
  end
  if options.local_port ~= 0 then
    local ok, why <const> = tcp:bind(any_address(options.address), options.local_port)
    if not ok then
      return fail(why)
    end
  end
  local ok, why <const> = tcp:connect(options.address, options.port, guard(function(err)
    if err then
      return fail(err)
    end
    tcp:nodelay(true)
    done(tcp_connection(tcp))
  end))
  if not ok then
    return fail(why)
  end
  return function()
    close_handle(tcp)
  end
end

-- The socket stays unconnected, as a module's does: an ICMP refusal of one
-- datagram must not fail the next. So it sorts out strangers itself.
local function udp_connection(udp, address, port)
  local function is_peer(from)
    return from.port == port and from.ip == address
  end
  return setmetatable({
    handle = udp,
    send = function(bytes, done)
      return udp:send(bytes, address, port, done)
    end,
    listen = function(data)
      udp:recv_start(function(_, bytes, from)
        if bytes and from and is_peer(from) then
          data(bytes)
        end
      end)
    end,
    stop = function()
      udp:recv_stop()
    end,
    finish = function()
      close_handle(udp)
    end,
  }, mt)
end

local function connect_udp(options, done)
  local udp <const> = uv.new_udp()
  local ok, why <const> = udp:bind(any_address(options.address), options.local_port)
  if ok then
    done(udp_connection(udp, options.address, options.port))
  else
    close_handle(udp)
    done(nil, failure(why))
  end
end

local function connect(options, done)
  local by_type <const> = { TCP = connect_tcp, UDP = connect_udp }
  return by_type[options.type](options, done)
end

--- Makes a backend on the process's own network.
-- @treturn table
function net.new()
  return { resolve = resolve, connect = connect, ping = ping.start }
end

return net
