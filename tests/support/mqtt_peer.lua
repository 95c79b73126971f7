-- SPDX-License-Identifier: MIT
--
-- A scripted MQTT broker for tests/support/fake_net.lua: notes every packet
-- that a client sends and answers as a polite broker does, unless a test
-- replaces the answer to a type of packet, or takes it away.
--
--     local broker <const> = mqtt_peer.new(net)
--     net.servers["192.0.2.1:1883"] = broker.serve
--     broker.answers.pingreq = false          falls silent on pings
--     broker:send { type = "publish", ... }   to the client that came last

local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local mqtt_bench <const> = require "tests.support.mqtt_bench"
local mqtt_packet <const> = require "attest.sim.mqtt_packet"
local mqtt_stream <const> = require "attest.sim.mqtt_stream"

local mqtt_peer = {}

local function with_id(kind)
  return function(packet)
    return { type = kind, id = packet.id }
  end
end

local POLITE <const> = {
  connect = function()
    return { type = "connack", code = 0, has_session = false }
  end,
  publish = function(packet)
    local kinds <const> = { [1] = "puback", [2] = "pubrec" }
    return packet.qos ~= 0 and { type = kinds[packet.qos], id = packet.id }
  end,
  subscribe = function(packet)
    return { type = "suback", id = packet.id, codes = { packet.filters[1].qos } }
  end,
  pubrel = with_id "pubcomp",
  pubrec = with_id "pubrel",
  unsubscribe = with_id "unsuback",
  pingreq = function()
    return { type = "pingresp" }
  end,
}

local methods <const> = {}
local mt <const> = { __index = methods }

-- Timers of one instant have no order, but a stream has: what is sent in one
-- instant leaves together, a moment later.
local function merge(send)
  local parts, dones = {}, {}
  return function(bytes, done)
    parts[#parts + 1] = bytes
    dones[#dones + 1] = done
    if #parts > 1 then
      return
    end
    core.after(0.001, function()
      local all <const>, told <const> = table.concat(parts), dones
      parts, dones = {}, {}
      send(all, function(...)
        for _, each in ipairs(told) do
          each(...)
        end
      end)
    end)
  end
end

local function keep_order(net)
  local connect <const> = net.connect
  function net.connect(options, done)
    return connect(options, function(connection, err)
      if connection then
        local write <const> = merge(function(bytes, told)
          getmetatable(connection).write(connection, bytes, told)
        end)
        function connection:write(bytes, told) -- luacheck: ignore 212/self
          write(bytes, told)
        end
      end
      done(connection, err)
    end)
  end
end

--- Makes a broker.
-- @tparam table net that clients use: what they write keeps its order
-- @treturn table `serve` (for a fake net), `answers` (by type: a function, or
--   false for none), `packets` and `types` (what came)
function mqtt_peer.new(net)
  keep_order(net)
  local self <const> = setmetatable({ answers = {}, packets = {}, types = {} }, mt)
  for kind, answer in pairs(POLITE) do
    self.answers[kind] = answer
  end
  function self.serve(peer)
    local stream <const> = mqtt_stream.new()
    self.peer = peer
    self.write = merge(function(bytes)
      peer:send(bytes)
    end)
    function peer.data(_, bytes)
      for _, packet in ipairs(assert(stream:feed(bytes))) do
        self:receive(packet)
      end
    end
  end
  return self
end

function methods:receive(packet)
  self.packets[#self.packets + 1] = packet
  self.types[#self.types + 1] = packet.type
  local answer <const> = self.answers[packet.type]
  local packet_back <const> = answer and answer(packet)
  if packet_back then
    self:send(packet_back)
  end
end

--- Sends a packet to the client.
-- @tparam table packet
function methods:send(packet)
  self.write(assert(mqtt_packet.encode(packet)))
end

--- Closes the connection after what was sent.
function methods:close()
  core.after(0.002, function()
    self.peer:close()
  end)
end

--- Takes what came: the packets and their types.
function methods:take()
  local packets <const>, types <const> = self.packets, self.types
  self.packets, self.types = {}, {}
  return packets, types
end

--- Makes a bench (see tests/support/mqtt_bench.lua) beside a scripted broker
-- at 192.0.2.1:1883, which is also "broker.test".
-- @tparam[opt] table options of attest.sim.mqtt_client
-- @treturn table bench with `net` and `broker`
function mqtt_peer.bench(options)
  options = options or {}
  options.net = fake_net.new()
  local bench <const> = mqtt_bench.new(options)
  bench.net = options.net
  bench.net.names["broker.test"] = "192.0.2.1"
  bench.broker = mqtt_peer.new(bench.net)
  bench.net.servers["192.0.2.1:1883"] = bench.broker.serve
  return bench
end

--- Connects a bench, cleanly unless it is told otherwise.
-- @tparam table bench
-- @tparam[opt] table options of connect()
-- @return what connect() returns
function mqtt_peer.connect(bench, options)
  local given <const> = { host = "broker.test", port = 1883, client_id = "dut", clean = true }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  return bench.client:connect(given)
end

--- Makes a bench that is connected; nothing is in its logs. Waits.
-- @tparam[opt] table options of attest.sim.mqtt_client
-- @tparam[opt] table connect_options of connect()
-- @treturn table bench
function mqtt_peer.connected(options, connect_options)
  local bench <const> = mqtt_peer.bench(options)
  assert(mqtt_peer.connect(bench, connect_options))
  bench:await "connack 0 false"
  bench:take()
  bench.broker:take()
  return bench
end

return mqtt_peer
