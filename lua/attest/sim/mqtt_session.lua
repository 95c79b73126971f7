-- SPDX-License-Identifier: MIT
--
-- What an MQTT client must remember while it is not connected (3.1.1, section
-- 4.1): its messages that were not acknowledged yet and the QoS 2 messages it
-- got that were not released yet. Pure; knows no connection and no time.

local mqtt_session = {}

local LAST_ID <const> = 0xffff

local methods <const> = {}
local mt <const> = { __name = "attest.sim.mqtt_session", __index = methods }

--- Begins a session.
function mqtt_session.new()
  return setmetatable({ last_id = 0, turn = 0, outgoing = {}, incoming = {} }, mt)
end

--- Finds the next packet identifier that nobody uses; claim() takes it.
-- @tparam table used by identifier, what else uses one
-- @treturn integer|nil identifier; nil when all are taken
function methods:free_id(used)
  local id = self.last_id
  for _ = 1, LAST_ID do
    id = id % LAST_ID + 1
    if not self.outgoing[id] and not used[id] then
      return id
    end
  end
end

--- Takes an identifier.
-- @tparam integer id
function methods:claim(id)
  self.last_id = id
end

local function take_turn(self)
  self.turn = self.turn + 1
  return self.turn
end

--- Remembers a message of QoS 1 or 2 that is sent.
-- @tparam table packet PUBLISH
function methods:add(packet)
  self.outgoing[packet.id] = { packet = packet, turn = take_turn(self) }
end

--- Notes what the broker answered to a message of ours.
-- @tparam string answer "puback", "pubrec" or "pubcomp"
-- @tparam integer id
-- @treturn boolean whether the message waited for this answer
function methods:answered(answer, id)
  local entry <const> = self.outgoing[id]
  if not entry then
    return false
  end
  local is_released <const> = entry.packet.type == "pubrel"
  if answer == "pubrec" and entry.packet.qos == 2 then
    entry.packet = { type = "pubrel", id = id }
    entry.turn = take_turn(self)
    return true
  end
  local is_over <const> = answer == "pubcomp" and is_released
    or answer == "puback" and entry.packet.qos == 1
  if is_over then
    self.outgoing[id] = nil
  end
  return is_over
end

--- Tells whether an identifier belongs to a message that was released.
function methods:is_released(id)
  local entry <const> = self.outgoing[id]
  return entry ~= nil and entry.packet.type == "pubrel"
end

--- Lists what must be sent again after a reconnect, in order.
-- @treturn table list of PUBLISH with `dup` set, and PUBREL
function methods:unanswered()
  local entries <const>, packets <const> = {}, {}
  for _, entry in pairs(self.outgoing) do
    entries[#entries + 1] = entry
    entry.packet.dup = entry.packet.type == "publish" or nil
  end
  table.sort(entries, function(a, b)
    return a.turn < b.turn
  end)
  for i, entry in ipairs(entries) do
    packets[i] = entry.packet
  end
  return packets
end

--- Notes a QoS 2 message that came.
-- @tparam integer id
-- @treturn boolean whether it is new, not the same again
function methods:received(id)
  local is_new <const> = not self.incoming[id]
  self.incoming[id] = true
  return is_new
end

--- Notes that the broker released a message.
-- @tparam integer id
-- @treturn boolean whether it was there
function methods:released(id)
  local was_there <const> = self.incoming[id] or false
  self.incoming[id] = nil
  return was_there
end

--- Forgets what came: a broker without this session uses the identifiers anew.
function methods:forget_incoming()
  self.incoming = {}
end

return mqtt_session
