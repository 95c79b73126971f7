-- SPDX-License-Identifier: MIT
--
-- Collects the fields of an MQTT packet as bytes. The first value that does
-- not fit stays as a reason in `fault`; what is collected after it is
-- worthless. Never raises, whatever it is given.

local mqtt_topic <const> = require "attest.sim.mqtt_topic"

local mqtt_writer = {}

local methods <const> = {}
local mt <const> = { __name = "attest.sim.mqtt_writer", __index = methods }

--- Begins with nothing.
function mqtt_writer.new()
  return setmetatable({ parts = {} }, mt)
end

local function is_integer(value, low, high)
  return math.type(value) == "integer" and value >= low and value <= high
end

--- Notes the first thing that is wrong.
-- @param is_right anything
-- @tparam string reason
-- @treturn boolean whether it is right
function methods:check(is_right, reason)
  if not is_right and not self.fault then
    self.fault = reason
  end
  return not not is_right
end

--- Checks a QoS.
function methods:check_qos(value)
  self:check(is_integer(value, 0, 2), "QoS")
end

--- Adds bytes as they are.
function methods:raw(bytes)
  if self:check(type(bytes) == "string", "bytes") then
    self.parts[#self.parts + 1] = bytes
  end
end

--- Adds one byte.
function methods:u8(value)
  if self:check(is_integer(value, 0, 0xff), "number") then
    self.parts[#self.parts + 1] = string.char(value)
  end
end

--- Adds 16 bits.
-- @tparam integer value
-- @tparam string name for the reason
function methods:u16(value, name)
  if self:check(is_integer(value, 0, 0xffff), name) then
    self.parts[#self.parts + 1] = string.pack(">I2", value)
  end
end

--- Adds a packet identifier.
function methods:id(value)
  self:check(value ~= 0, "packet id 0")
  self:u16(value, "packet id")
end

--- Adds bytes after their length.
function methods:binary(bytes)
  local is_string <const> = self:check(type(bytes) == "string", "bytes")
  if is_string and self:check(#bytes <= mqtt_topic.LONGEST, "string too long") then
    self.parts[#self.parts + 1] = string.pack(">s2", bytes)
  end
end

--- Adds a string.
-- @tparam string text
-- @tparam[opt] function check of attest.sim.mqtt_topic
function methods:text(text, check)
  if self:check(type(text) == "string", "no string") then
    local reason <const> = (check or mqtt_topic.check_text)(text)
    self:check(not reason, reason)
    self:binary(text)
  end
end

--- Gives what was collected.
-- @treturn string
function methods:bytes()
  return table.concat(self.parts)
end

return mqtt_writer
