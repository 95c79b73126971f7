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

return mqtt_peer
