-- SPDX-License-Identifier: MIT
--
-- Packets of MQTT 3.1.1 (OASIS, 29 October 2014) as tables and as bytes, both
-- directions. Pure: knows no session and no socket. What encode() accepts,
-- decode() gives back as it was; neither raises for any value or bytes.
--
--     connect      client_id, clean, keepalive, will, user, password
--                  (will: topic, message, qos, retain)
--     connack      code, has_session
--     publish      topic, payload, qos, retain, dup, id (not with QoS 0)
--     puback pubrec pubrel pubcomp unsuback    id
--     subscribe    id, filters: list of { filter, qos }
--     suback       id, codes: list of the granted QoS or 128
--     unsubscribe  id, filters: list of strings
--     pingreq pingresp disconnect

local errors <const> = require "attest.error"
local mqtt_reader <const> = require "attest.sim.mqtt_reader"
local mqtt_topic <const> = require "attest.sim.mqtt_topic"
local mqtt_writer <const> = require "attest.sim.mqtt_writer"

local mqtt_packet = {}

-- Index is the type's number in the fixed header.
local TYPES <const> = {
  "connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp",
  "subscribe", "suback", "unsubscribe", "unsuback", "pingreq", "pingresp", "disconnect",
}
local NUMBERS <const> = {}
for number, name in ipairs(TYPES) do
  NUMBERS[name] = number
end

-- Flags of the fixed header where they are not 0; those of PUBLISH vary.
local FLAGS <const> = { pubrel = 2, subscribe = 2, unsubscribe = 2 }
local DUP <const>, RETAIN <const> = 8, 1

local PROTOCOL <const>, LEVEL <const> = "MQTT", 4
local LAST_CODE <const> = 5 -- of CONNACK; the rest is reserved
local GRANTED <const> = { [0] = true, true, true, [0x80] = true }
-- Most that the remaining length can say.
local LARGEST <const> = 268435455

-- Bits of CONNECT's flags.
local CLEAN <const>, WILL <const>, WILL_RETAIN <const> = 0x02, 0x04, 0x20
local PASSWORD <const>, USER <const> = 0x40, 0x80

local function bit(is_set, mask)
  return is_set and mask or 0
end

-- ----------------------------------------------------------------- encoding

local writers <const> = {}

local function connect_flags(packet)
  local will <const> = packet.will
  return bit(packet.clean, CLEAN)
    | bit(will, WILL)
    | (will and (will.qos or 0) << 3 | bit(will.retain, WILL_RETAIN) or 0)
    | bit(packet.password, PASSWORD)
    | bit(packet.user, USER)
end

local function check_connect(w, packet)
  local id <const> = packet.client_id
  w:check(id ~= "" or packet.clean, "an empty client id needs a clean session")
  w:check(packet.user or not packet.password, "a password needs a user")
  w:check(packet.will == nil or type(packet.will) == "table", "will")
  if type(packet.will) == "table" then
    w:check_qos(packet.will.qos or 0)
  end
  return not w.fault
end

function writers.connect(w, packet)
  if not check_connect(w, packet) then
    return
  end
  w:text(PROTOCOL)
  w:u8(LEVEL)
  w:u8(connect_flags(packet))
  w:u16(packet.keepalive or 0, "keepalive")
  w:text(packet.client_id)
  if packet.will then
    w:text(packet.will.topic, mqtt_topic.check_name)
    w:binary(packet.will.message or "")
  end
  if packet.user then
    w:text(packet.user)
  end
  if packet.password then
    w:binary(packet.password)
  end
end

function writers.connack(w, packet)
  w:check(math.type(packet.code) == "integer" and packet.code >= 0 and packet.code <= LAST_CODE,
    "return code")
  w:check(not packet.has_session or packet.code == 0, "a session with a refusal")
  w:u8(bit(packet.has_session, 1))
  w:u8(packet.code)
end

function writers.publish(w, packet)
  local qos <const> = packet.qos or 0
  w:check_qos(qos)
  w:check(not packet.dup or qos ~= 0, "dup with QoS 0")
  w:text(packet.topic, mqtt_topic.check_name)
  if qos ~= 0 then
    w:id(packet.id)
  end
  w:raw(packet.payload or "")
  return not w.fault and bit(packet.dup, DUP) | qos << 1 | bit(packet.retain, RETAIN)
end

local function write_id(w, packet)
  w:id(packet.id)
end

for _, name in ipairs { "puback", "pubrec", "pubrel", "pubcomp", "unsuback" } do
  writers[name] = write_id
end

local function write_list(w, packet, key, write)
  w:id(packet.id)
  local list <const> = packet[key]
  w:check(type(list) == "table" and #list > 0, "empty list")
  for _, each in ipairs(type(list) == "table" and list or {}) do
    write(each)
  end
end

function writers.subscribe(w, packet)
  write_list(w, packet, "filters", function(each)
    local is_table <const> = w:check(type(each) == "table", "topic filter")
    w:text(is_table and each.filter, mqtt_topic.check_filter)
    w:check_qos(is_table and each.qos)
    w:u8(is_table and each.qos)
  end)
end

function writers.suback(w, packet)
  write_list(w, packet, "codes", function(code)
    w:check(GRANTED[code] and math.type(code) == "integer", "return code")
    w:u8(code)
  end)
end

function writers.unsubscribe(w, packet)
  write_list(w, packet, "filters", function(filter)
    w:text(filter, mqtt_topic.check_filter)
  end)
end

local function write_nothing() end

for _, name in ipairs { "pingreq", "pingresp", "disconnect" } do
  writers[name] = write_nothing
end

local function encode_length(length)
  local out = ""
  repeat
    local low <const> = length & 0x7f
    length = length >> 7
    out = out .. string.char(length > 0 and low | 0x80 or low)
  until length == 0
  return out
end

local function refused(name, reason)
  return nil, errors.new {
    code = "invalid",
    message = ("MQTT %s: %s"):format(name:upper(), reason),
    reason = reason,
  }
end

--- Turns a packet into bytes.
-- @tparam table packet `type` and the fields above; what may be absent is 0,
--   false or empty
-- @treturn[1] string
-- @treturn[2] nil
-- @treturn[2] error `invalid`, with `reason`
function mqtt_packet.encode(packet)
  local write <const> = writers[packet.type]
  if not write then
    error(("mqtt_packet.encode: no packet %q"):format(tostring(packet.type)), 2)
  end
  local w <const> = mqtt_writer.new()
  local flags <const> = write(w, packet) or FLAGS[packet.type] or 0
  local body <const> = w:bytes()
  w:check(#body <= LARGEST, "packet too large")
  if w.fault then
    return refused(packet.type, w.fault)
  end
  return string.char(NUMBERS[packet.type] << 4 | flags) .. encode_length(#body) .. body
end

-- ----------------------------------------------------------------- decoding

local readers <const> = {}

local function read_will(r, flags)
  if flags & WILL == 0 then
    r:check(flags & (WILL_RETAIN | 0x18) == 0, "will flags without a will")
    return nil
  end
  return {
    topic = r:text(mqtt_topic.check_name),
    message = r:binary(),
    qos = r:qos(flags >> 3 & 3),
    retain = flags & WILL_RETAIN ~= 0,
  }
end

function readers.connect(r, packet)
  r:check(r:text() == PROTOCOL, "protocol name")
  r:check(r:u8() == LEVEL, "protocol level")
  local flags <const> = r:u8()
  r:check(flags & 1 == 0, "reserved connect flag")
  r:check(flags & PASSWORD == 0 or flags & USER ~= 0, "a password without a user")
  packet.clean = flags & CLEAN ~= 0
  packet.keepalive = r:u16()
  packet.client_id = r:text()
  packet.will = read_will(r, flags)
  packet.user = flags & USER ~= 0 and r:text() or nil
  packet.password = flags & PASSWORD ~= 0 and r:binary() or nil
end

function readers.connack(r, packet)
  local flags <const> = r:u8()
  packet.code = r:u8()
  packet.has_session = flags == 1
  r:check(flags <= 1, "reserved connack flags")
  r:check(packet.code <= LAST_CODE, "reserved return code")
  r:check(flags == 0 or packet.code == 0, "a session with a refusal")
end

function readers.publish(r, packet, flags)
  packet.qos = r:qos(flags >> 1 & 3)
  packet.dup = flags & DUP ~= 0
  packet.retain = flags & RETAIN ~= 0
  r:check(not packet.dup or packet.qos ~= 0, "dup with QoS 0")
  packet.topic = r:text(mqtt_topic.check_name)
  packet.id = packet.qos ~= 0 and r:id() or nil
  packet.payload = r:rest()
end

local function read_id(r, packet)
  packet.id = r:id()
end

for _, name in ipairs { "puback", "pubrec", "pubrel", "pubcomp", "unsuback" } do
  readers[name] = read_id
end

-- At least one; `read` may fail, which ends the list.
local function read_list(r, packet, key, read)
  local list <const> = {}
  packet.id = r:id()
  packet[key] = list
  repeat
    list[#list + 1] = read()
  until r.fault or r:is_at_end()
end

function readers.subscribe(r, packet)
  read_list(r, packet, "filters", function()
    local filter <const> = r:text(mqtt_topic.check_filter)
    return { filter = filter, qos = r:qos(r:u8()) }
  end)
end

function readers.suback(r, packet)
  read_list(r, packet, "codes", function()
    local code <const> = r:u8()
    r:check(GRANTED[code], "reserved return code")
    return code
  end)
end

function readers.unsubscribe(r, packet)
  read_list(r, packet, "filters", function()
    return r:text(mqtt_topic.check_filter)
  end)
end

local function read_nothing() end

for _, name in ipairs { "pingreq", "pingresp", "disconnect" } do
  readers[name] = read_nothing
end

--- Judges the first byte of a packet.
-- @tparam integer first byte
-- @treturn string|nil reason why no packet may begin with it
-- @treturn string name of the type, for a message
function mqtt_packet.check_first(first)
  local name <const> = TYPES[first >> 4]
  if not name then
    return "reserved type", "packet"
  elseif name ~= "publish" then
    return first & 0xf ~= (FLAGS[name] or 0) and "reserved flags" or nil, name
  end
  return first & 6 == 6 and "QoS 3" or nil, name
end

local function malformed(name, reason)
  return nil, errors.new {
    code = "protocol",
    message = ("malformed MQTT %s: %s"):format(name:upper(), reason),
    reason = reason,
  }
end

mqtt_packet.malformed = malformed

--- Turns the parts of a packet into a table.
-- @tparam integer first byte of the fixed header
-- @tparam string body what follows the remaining length, all of it
-- @treturn[1] table packet
-- @treturn[2] nil
-- @treturn[2] error `protocol`, with `reason`
function mqtt_packet.decode(first, body)
  local reason <const>, name <const> = mqtt_packet.check_first(first)
  if reason then
    return malformed(name, reason)
  end
  local r <const> = mqtt_reader.new(body)
  local packet <const> = { type = name }
  readers[name](r, packet, first & 0xf)
  r:check(r:is_at_end(), "trailing bytes")
  if r.fault then
    return malformed(name, r.fault)
  end
  return packet
end

return mqtt_packet
