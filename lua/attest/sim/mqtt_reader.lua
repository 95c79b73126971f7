-- SPDX-License-Identifier: MIT
--
-- Takes the fields of an MQTT packet from bytes, one after the other. The
-- first fault stays in `fault`; from then on every field is empty or 0, so
-- that a caller reads on and looks once at the end. Never raises.

local mqtt_topic <const> = require "attest.sim.mqtt_topic"

local mqtt_reader = {}

local methods <const> = {}
local mt <const> = { __name = "attest.sim.mqtt_reader", __index = methods }

--- Begins at the first byte.
-- @tparam string bytes
function mqtt_reader.new(bytes)
  return setmetatable({ bytes = bytes, at = 1 }, mt)
end

--- Notes the first thing that is wrong.
-- @param is_right anything
-- @tparam string reason
function methods:check(is_right, reason)
  if not is_right and not self.fault then
    self.fault = reason
  end
end

--- Tells whether nothing is left.
function methods:is_at_end()
  return self.at > #self.bytes
end

local function take(self, length)
  self:check(self.at + length - 1 <= #self.bytes, "truncated")
  if self.fault then
    return nil
  end
  local from <const> = self.at
  self.at = from + length
  return self.bytes:sub(from, from + length - 1)
end

--- Reads one byte.
function methods:u8()
  local bytes <const> = take(self, 1)
  return bytes and bytes:byte() or 0
end

--- Reads 16 bits.
function methods:u16()
  local bytes <const> = take(self, 2)
  return bytes and (string.unpack(">I2", bytes)) or 0
end

--- Reads a packet identifier.
function methods:id()
  local id <const> = self:u16()
  self:check(id ~= 0, "packet id 0")
  return id
end

--- Passes on a QoS that may be 0, 1 or 2.
-- @tparam integer value
function methods:qos(value)
  self:check(value ~= 3, "QoS 3")
  self:check(value < 4, "reserved bits")
  return value
end

--- Reads bytes that follow their length.
function methods:binary()
  return take(self, self:u16()) or ""
end

--- Reads a string.
-- @tparam[opt] function check of attest.sim.mqtt_topic
function methods:text(check)
  local text <const> = self:binary()
  local reason <const> = (check or mqtt_topic.check_text)(text)
  self:check(not reason, reason)
  return text
end

--- Reads what is left.
function methods:rest()
  return take(self, #self.bytes - self.at + 1) or ""
end

return mqtt_reader
