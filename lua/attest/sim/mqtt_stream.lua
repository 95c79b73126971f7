-- SPDX-License-Identifier: MIT
--
-- Cuts a stream of bytes into MQTT packets. Pure. However the stream is
-- sliced, the same packets and the same error come out; what is kept is
-- never more than the largest packet allowed and one slice.

local errors <const> = require "attest.error"
local mqtt_packet <const> = require "attest.sim.mqtt_packet"

local mqtt_stream = {}

-- Bytes of the largest packet taken, its header included.
local LARGEST <const> = 256 * 1024

local methods <const> = {}
local mt <const> = { __name = "attest.sim.mqtt_stream", __index = methods }

--- Begins a stream.
-- @tparam[opt] integer largest packet taken, in bytes
function mqtt_stream.new(largest)
  return setmetatable({ parts = {}, size = 0, need = 1, largest = largest or LARGEST }, mt)
end

-- Reads the fixed header at `at`: its size and the length of what follows;
-- nothing when bytes are missing; nil and the reason when it is wrong.
local function read_header(bytes, at)
  local length, shift = 0, 0
  for i = 1, 4 do
    local byte <const> = bytes:byte(at + i)
    if not byte then
      return nil
    end
    length = length | (byte & 0x7f) << shift
    if byte < 0x80 then
      return i + 1, length
    end
    shift = shift + 7
  end
  return nil, "remaining length"
end

-- Takes the packet at `at`: it and where it ends; nothing and the bytes
-- needed when some are missing; nil, nil and the error when it is malformed.
local function take(self, bytes, at)
  local first <const> = bytes:byte(at)
  if not first then
    return nil, 1
  end
  local reason, name = mqtt_packet.check_first(first)
  local size, length
  if not reason then
    size, length = read_header(bytes, at)
    if not size and not length then
      return nil, #bytes - at + 2
    end
    reason = not size and length or size + length > self.largest and "packet too large"
  end
  if reason then
    return nil, nil, select(2, mqtt_packet.malformed(name, reason))
  end
  local stop <const> = at + size + length - 1
  if stop > #bytes then
    return nil, size + length
  end
  local packet <const>, err <const> = mqtt_packet.decode(first, bytes:sub(at + size, stop))
  return packet, packet and stop, err
end

local function take_all(self, bytes)
  local packets <const>, at = {}, 1
  while true do
    local packet <const>, stop <const>, err <const> = take(self, bytes, at)
    if err then
      self.err = err
      break
    elseif not packet then
      self.need = stop
      break
    end
    packets[#packets + 1] = packet
    at = stop + 1
  end
  self.parts = { bytes:sub(at) }
  self.size = #bytes - at + 1
  return packets
end

local function broken(self, packets)
  self.parts, self.size = {}, 0
  return nil, errors.new {
    code = "protocol",
    message = self.err.message,
    reason = self.err.reason,
    packets = packets,
  }
end

--- Adds bytes. After an error the stream stays broken.
-- @tparam string bytes
-- @treturn[1] table list of the packets that are complete now
-- @treturn[2] nil
-- @treturn[2] error `protocol`, with `reason` and `packets`, the list of those
--   that came whole before what is malformed
function methods:feed(bytes)
  if self.err then
    return broken(self, {})
  end
  self.parts[#self.parts + 1] = bytes
  self.size = self.size + #bytes
  if self.size < self.need then
    return {}
  end
  local packets <const> = take_all(self, table.concat(self.parts))
  if self.err then
    return broken(self, packets)
  end
  return packets
end

return mqtt_stream
