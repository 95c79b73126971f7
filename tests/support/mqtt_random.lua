-- SPDX-License-Identifier: MIT
--
-- Random MQTT packets and random damage to their bytes, from math.random: the
-- caller seeds it. What packet() makes is valid and has every field that
-- decoding gives, so that both can be compared.

local mqtt_random = {}

local random <const> = math.random

local TYPES <const> = {
  "connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp",
  "subscribe", "suback", "unsubscribe", "unsuback", "pingreq", "pingresp", "disconnect",
}
local LEVELS <const> = {
  "", "a", "dev", "\u{6D4B}", "\u{2A6D4}", "$SYS", " ", "\"", "\r\n", "x\x7f",
}
local WILDCARDS <const> = { "+", "dev", "a", "" }

local function flip()
  return random(2) == 1
end

--- Makes any bytes.
-- @tparam integer most
function mqtt_random.bytes(most)
  local out <const> = {}
  for i = 1, random(0, most) do
    out[i] = string.char(random(0, 255))
  end
  return table.concat(out)
end

local function levels(choice)
  local out <const> = {}
  for i = 1, random(4) do
    out[i] = choice[random(#choice)]
  end
  return table.concat(out, "/")
end

local function name()
  return "t" .. levels(LEVELS)
end

local function filter()
  local kinds <const> = {
    name,
    function() return levels(WILDCARDS) .. "/#" end,
    function() return "+/" .. levels(WILDCARDS) end,
    function() return "#" end,
  }
  return kinds[random(#kinds)]()
end

local function list(make)
  local out <const> = {}
  for i = 1, random(5) do
    out[i] = make()
  end
  return out
end

local makers <const> = {}

function makers.connect(packet)
  packet.client_id = levels(LEVELS)
  packet.clean = packet.client_id == "" or flip()
  packet.keepalive = random(0, 0xffff)
  packet.user = flip() and levels(LEVELS) or nil
  packet.password = packet.user and flip() and mqtt_random.bytes(20) or nil
  if flip() then
    packet.will = {
      topic = name(), message = mqtt_random.bytes(40), qos = random(0, 2), retain = flip(),
    }
  end
end

function makers.connack(packet)
  packet.code = random(0, 5)
  packet.has_session = packet.code == 0 and flip()
end

function makers.publish(packet)
  packet.topic = name()
  packet.payload = mqtt_random.bytes(random(4) == 1 and 400 or 40)
  packet.qos = random(0, 2)
  packet.retain = flip()
  packet.dup = packet.qos ~= 0 and flip()
  packet.id = packet.qos ~= 0 and random(0xffff) or nil
end

function makers.subscribe(packet)
  packet.filters = list(function()
    return { filter = filter(), qos = random(0, 2) }
  end)
end

function makers.suback(packet)
  packet.codes = list(function()
    return ({ 0, 1, 2, 0x80 })[random(4)]
  end)
end

function makers.unsubscribe(packet)
  packet.filters = list(filter)
end

local HAS_NO_ID <const> = {
  connect = true, connack = true, publish = true,
  pingreq = true, pingresp = true, disconnect = true,
}

--- Makes a packet.
-- @tparam[opt] string kind its type; any by default
function mqtt_random.packet(kind)
  local packet <const> = { type = kind or TYPES[random(#TYPES)] }
  if not HAS_NO_ID[packet.type] then
    packet.id = random(0xffff)
  end
  if makers[packet.type] then
    makers[packet.type](packet)
  end
  return packet
end

mqtt_random.types = TYPES

local function splice(bytes, from, to, new)
  return bytes:sub(1, from - 1) .. new .. bytes:sub(to + 1)
end

local damages <const> = {
  function(bytes, at) -- another byte
    return splice(bytes, at, at, string.char(random(0, 255)))
  end,
  function(bytes, at) -- another bit
    return splice(bytes, at, at, string.char(bytes:byte(at) ~ 1 << random(0, 7)))
  end,
  function(bytes, at) -- bytes that are missing
    return splice(bytes, at, at + random(0, 4), "")
  end,
  function(bytes, at) -- bytes too many
    return splice(bytes, at, at - 1, mqtt_random.bytes(6))
  end,
  function(bytes) -- another first byte
    return splice(bytes, 1, 1, string.char(random(0, 255)))
  end,
  function(bytes) -- another length
    return splice(bytes, 2, 2, string.char(random(0, 255)))
  end,
  function(bytes, at) -- twice the same
    return splice(bytes, at, at - 1, bytes:sub(1, at))
  end,
}

--- Damages bytes.
-- @tparam string bytes not empty
function mqtt_random.damage(bytes)
  for _ = 1, random(3) do
    if bytes ~= "" then
      bytes = damages[random(#damages)](bytes, random(#bytes))
    end
  end
  return bytes
end

--- Cuts bytes into slices; some may be empty.
-- @tparam string bytes
-- @treturn table list of strings
function mqtt_random.slices(bytes)
  local out, at = {}, 1
  local most <const> = ({ 1, 3, 17, 1000 })[random(4)]
  while at <= #bytes do
    local length <const> = random(most == 1 and 1 or 0, most)
    out[#out + 1] = bytes:sub(at, at + length - 1)
    at = at + length
  end
  return out
end

return mqtt_random
