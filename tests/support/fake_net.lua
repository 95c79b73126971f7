-- SPDX-License-Identifier: MIT
--
-- A network inside the process for simulated modules on the virtual clock:
-- the interface of attest.sim.net, with servers that are Lua functions.
--
--     local net <const> = fake_net.new()
--     net.servers["192.0.2.1:7"] = fake_net.echo
--
-- A server is called with a peer when somebody connects; it may set
-- `peer.data` and call `peer:send(bytes)` and `peer:close()`.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"

local fake_net = {}

local LATENCY <const> = 0.01
local FIRST_PORT <const> = 50001

local function refused()
  return errors.new { code = "io", message = "ECONNREFUSED" }
end

-- Every step of the network takes its time and keeps its order.
local function soon(fn, ...)
  local args <const> = table.pack(...)
  core.after(LATENCY, function()
    fn(table.unpack(args, 1, args.n))
  end)
end

local connection <const> = {}
connection.__index = connection

function connection:write(bytes, done)
  if self.net.is_stalled then
    table.insert(self.net.stalled, function() self:write(bytes, done) end)
    return
  end
  soon(function()
    if self.is_closed then
      return done(nil, refused())
    end
    self.net.sent[#self.net.sent + 1] = bytes
    done(true)
    if self.peer.data then
      self.peer:data(bytes)
    end
  end)
end

function connection:start(events)
  self.events = events
  self:deliver()
end

function connection:deliver()
  while self.events and not self.is_paused and #self.waiting > 0 do
    self.events.data(table.remove(self.waiting, 1))
  end
  if self.events and self.is_lost and #self.waiting == 0 then
    local events <const> = self.events
    self.events = nil
    events.closed()
  end
end

function connection:pause()
  self.is_paused = true
  self.net.pauses = self.net.pauses + 1
end

function connection:resume()
  self.is_paused = false
  self:deliver()
end

function connection:local_port()
  return self.port
end

function connection:close()
  self.is_closed = true
  self.events = nil
  self.net.open = self.net.open - 1
end

local peer_methods <const> = {}
peer_methods.__index = peer_methods

function peer_methods:send(bytes)
  soon(function()
    table.insert(self.connection.waiting, bytes)
    self.connection:deliver()
  end)
end

function peer_methods:close()
  soon(function()
    self.connection.is_lost = true
    self.connection.net.open = self.connection.net.open - 1
    self.connection:deliver()
  end)
end

local function connect(net, options, done)
  net.connects[#net.connects + 1] = options
  local server <const> = net.servers[options.address .. ":" .. options.port]
  if server == "black hole" then
    return function()
      net.aborts = net.aborts + 1
    end
  elseif not server then
    return soon(done, nil, refused())
  end
  net.next_port = net.next_port + 1
  local port <const> = options.local_port ~= 0 and options.local_port or net.next_port
  local made <const> = setmetatable({ net = net, port = port, waiting = {} }, connection)
  made.peer = setmetatable({ connection = made }, peer_methods)
  net.open = net.open + 1
  soon(function()
    server(made.peer)
    done(made)
  end)
end

local function resolve(net, host, done)
  if host:find("^[%d.]+$") or host:find(":", 1, true) then
    return soon(done, host)
  elseif net.names[host] then
    return soon(done, net.names[host])
  end
  soon(done, nil, errors.new { code = "io", message = "ENOTFOUND" })
end

local function ping(net, options, reply, done)
  net.pings[#net.pings + 1] = options
  local answers <const> = net.answers[options.address] or {}
  for i = 1, options.count do
    if answers[i] then
      core.after(i * 0.2, function()
        reply(answers[i], 64)
      end)
    end
  end
  core.after(options.count * 0.2 + 0.1, function()
    done(true)
  end)
end

--- A server that sends back what it gets.
function fake_net.echo(peer)
  peer.data = peer.send
end

--- A server that takes everything and says nothing.
function fake_net.sink() end

--- Makes an empty network.
-- @treturn table a backend with `servers`, `names` and `answers` (of ping, in
--   ms by address) to fill, `is_stalled` (it takes nothing until `go_on()`), and
--   `sent`, `connects`, `pings`, `open`, `aborts`, `pauses` to look at
function fake_net.new()
  local net <const> = {
    servers = {}, names = {}, answers = {},
    sent = {}, connects = {}, pings = {},
    stalled = {}, -- what was to be written meanwhile
    open = 0, aborts = 0, pauses = 0,
    next_port = FIRST_PORT - 1,
  }
  function net.go_on()
    net.is_stalled = false
    for _, write in ipairs(net.stalled) do write() end
    net.stalled = {}
  end
  function net.resolve(host, done)
    return resolve(net, host, done)
  end
  function net.connect(options, done)
    return connect(net, options, done)
  end
  function net.ping(options, reply, done)
    return ping(net, options, reply, done)
  end
  return net
end

return fake_net
