-- SPDX-License-Identifier: MIT
--
-- The MQTT codec of the simulated modules. The bytes are typed from the MQTT
-- 3.1.1 standard (OASIS, 29 October 2014): its figures and its numbered rules.

local mqtt_packet <const> = require "attest.sim.mqtt_packet"
local mqtt_stream <const> = require "attest.sim.mqtt_stream"

local function bytes_of(hex)
  local out <const> = hex:gsub("%s", ""):gsub("%x%x", function(pair)
    return string.char(tonumber(pair, 16))
  end)
  return out
end

local function encode(packet)
  return assert(mqtt_packet.encode(packet))
end

-- The bytes are what the packet encodes to, and what it is decoded from.
local function is(hex, packet)
  assert.equal(bytes_of(hex), encode(packet))
  assert.same({ packet }, mqtt_stream.new():feed(bytes_of(hex)))
end

local function reason_of(bytes)
  local packets <const>, err <const> = mqtt_stream.new():feed(bytes)
  assert.is_nil(packets)
  assert.equal("protocol", err.code)
  return err.reason
end

local function is_malformed(reason, hex)
  assert.equal(reason, reason_of(bytes_of(hex)))
end

local function is_refused(reason, packet)
  local bytes <const>, err <const> = mqtt_packet.encode(packet)
  assert.is_nil(bytes)
  assert.same({ "invalid", reason }, { err.code, err.reason })
end

local function publish(fields)
  local packet <const> = {
    type = "publish", topic = "a/b", payload = "", qos = 0, dup = false, retain = false,
  }
  for key, value in pairs(fields) do
    packet[key] = value
  end
  return packet
end

describe("an MQTT packet of the standard", function()
  it("is CONNECT, with the flags of figure 3.6", function()
    is([[10 25 0004 4D515454 04 CE 000A
         0002 6964  0003 772F74  0003 627965  0004 75736572  0005 7000C3FF77]], {
      type = "connect", client_id = "id", clean = true, keepalive = 10,
      will = { topic = "w/t", message = "bye", qos = 1, retain = false },
      user = "user", password = "p\0\xC3\xFFw",
    })
  end)

  it("is CONNECT with nothing but an empty client id", function()
    is("10 0C 0004 4D515454 04 02 0000 0000", {
      type = "connect", client_id = "", clean = true, keepalive = 0,
    })
  end)

  it("is CONNECT with a retained will of QoS 2 and a user without a password", function()
    is("10 14 0004 4D515454 04 B4 FFFF 0001 41 0001 74 0000 0000", {
      type = "connect", client_id = "A", clean = false, keepalive = 65535, user = "",
      will = { topic = "t", message = "", qos = 2, retain = true },
    })
  end)

  it("is CONNACK", function()
    is("20 02 00 00", { type = "connack", code = 0, has_session = false })
    is("20 02 01 00", { type = "connack", code = 0, has_session = true })
    is("20 02 00 05", { type = "connack", code = 5, has_session = false })
  end)

  it("is PUBLISH, with the header of figure 3.11", function()
    is("32 07 0003 612F62 000A", publish { qos = 1, id = 10 })
    is("3D 09 0003 612F62 000A 00FF", publish {
      qos = 2, id = 10, dup = true, retain = true, payload = "\0\xFF",
    })
    is("31 06 0003 612F62 78", publish { retain = true, payload = "x" })
  end)

  it("is one of the acknowledgements", function()
    is("40 02 0001", { type = "puback", id = 1 })
    is("50 02 FFFF", { type = "pubrec", id = 65535 })
    is("62 02 0102", { type = "pubrel", id = 258 })
    is("70 02 000A", { type = "pubcomp", id = 10 })
    is("B0 02 000A", { type = "unsuback", id = 10 })
  end)

  it("is SUBSCRIBE, with the payload of figure 3.23", function()
    is("82 0E 000A 0003 612F62 01 0003 632F64 02", {
      type = "subscribe", id = 10,
      filters = { { filter = "a/b", qos = 1 }, { filter = "c/d", qos = 2 } },
    })
  end)

  it("is SUBACK, with the codes of figure 3.26", function()
    is("90 05 000A 00 02 80", { type = "suback", id = 10, codes = { 0, 2, 128 } })
  end)

  it("is UNSUBSCRIBE, with the payload of figure 3.30", function()
    is("A2 0C 000A 0003 612F62 0003 632F64", {
      type = "unsubscribe", id = 10, filters = { "a/b", "c/d" },
    })
  end)

  it("is one that has a header only", function()
    is("C0 00", { type = "pingreq" })
    is("D0 00", { type = "pingresp" })
    is("E0 00", { type = "disconnect" })
  end)

  it("carries UTF-8 as figure 1.2 shows it", function()
    is("30 07 0005 41F0AA9B94", publish { topic = "A\u{2A6D4}" })
  end)

  it("keeps a byte order mark, which is no order mark here (MQTT-1.5.3-3)", function()
    is("30 06 0004 EFBBBF61", publish { topic = "\xEF\xBB\xBFa" })
  end)
end)

describe("the remaining length", function()
  -- Table 2.4 of the standard; a PUBLISH to "a/b" has 5 bytes before its payload.
  local digits <const> = {
    [5] = "05", [64] = "40", [127] = "7F", [128] = "80 01", [321] = "C1 02",
    [16383] = "FF 7F", [16384] = "80 80 01", [2097151] = "FF FF 7F", [2097152] = "80 80 80 01",
  }

  it("has the digits of table 2.4", function()
    for length, hex in pairs(digits) do
      local packet <const> = publish { payload = ("x"):rep(length - 5) }
      local bytes <const> = encode(packet)
      local header <const> = bytes_of("30 " .. hex)
      assert.equal(header, bytes:sub(1, #header))
      assert.equal(#header + length, #bytes)
      assert.same({ packet }, mqtt_stream.new(3000000):feed(bytes))
    end
  end)

  it("may say the same with more digits than needed", function()
    local packets <const> = mqtt_stream.new():feed(bytes_of "40 82 80 00 0001")
    assert.same({ { type = "puback", id = 1 } }, packets)
  end)

  it("has four digits at most", function()
    is_malformed("remaining length", "30 FF FF FF FF")
    is_malformed("remaining length", "30 80 80 80 80 01")
  end)

  it("of the largest packet is taken by whoever allows it", function()
    assert.same({}, mqtt_stream.new(1 << 30):feed(bytes_of "30 FF FF FF 7F"))
    is_malformed("packet too large", "30 FF FF FF 7F")
  end)
end)

describe("a malformed MQTT packet", function()
  it("has a reserved type", function()
    is_malformed("reserved type", "00 00")
    is_malformed("reserved type", "F0 00")
  end)

  it("has reserved flags (MQTT-2.2.2-2)", function()
    for _, first in ipairs { 0x11, 0x21, 0x42, 0x51, 0x60, 0x63, 0x71, 0x80, 0x92, 0xA0, 0xB2,
      0xC1, 0xD8, 0xE4 } do
      assert.equal("reserved flags", reason_of(string.char(first)))
    end
  end)

  it("has QoS 3 (MQTT-3.3.1-4, MQTT-3-8.3-4)", function()
    is_malformed("QoS 3", "36 07 0003 612F62 000A")
    is_malformed("QoS 3", "82 06 0001 0001 61 03")
    is_malformed("QoS 3", "10 12 0004 4D515454 04 1E 0000 0001 41 0001 74 0000")
  end)

  it("is a duplicate with QoS 0 (MQTT-3.3.1-2)", function()
    is_malformed("dup with QoS 0", "38 05 0003 612F62")
  end)

  it("has the packet id 0 (MQTT-2.3.1-1)", function()
    is_malformed("packet id 0", "32 07 0003 612F62 0000")
    for _, first in ipairs { "40", "50", "62", "70", "B0" } do
      is_malformed("packet id 0", first .. " 02 0000")
    end
    is_malformed("packet id 0", "82 06 0000 0001 61 00")
    is_malformed("packet id 0", "90 03 0000 00")
    is_malformed("packet id 0", "A2 05 0000 0001 61")
  end)

  it("has a string that is not UTF-8 (MQTT-1.5.3-1)", function()
    is_malformed("bad UTF-8", "30 03 0001 FF")
    is_malformed("bad UTF-8", "30 04 0002 C080") -- NUL, written too long
    is_malformed("bad UTF-8", "30 05 0003 EDA080") -- half of a surrogate pair
    is_malformed("bad UTF-8", "30 06 0004 F4908080") -- beyond U+10FFFF
    is_malformed("bad UTF-8", "30 04 0002 E6B5") -- cut
    is_malformed("bad UTF-8", "10 0D 0004 4D515454 04 02 0000 0001 80")
  end)

  it("has a NUL in a string (MQTT-1.5.3-2)", function()
    is_malformed("NUL in a string", "30 05 0003 610062")
    is_malformed("NUL in a string", "82 06 0001 0001 00 00")
    is_malformed("NUL in a string", "10 0D 0004 4D515454 04 02 0000 0001 00")
  end)

  it("is sent to no topic or to a wildcard (MQTT-3.3.2-2, MQTT-4.7.3-1)", function()
    is_malformed("empty topic", "30 02 0000")
    is_malformed("wildcard in a topic", "30 05 0003 612F23")
    is_malformed("wildcard in a topic", "30 03 0001 2B")
    is_malformed("wildcard in a topic", "10 12 0004 4D515454 04 06 0000 0001 41 0001 2B 0000")
  end)

  it("subscribes to nothing or to a bad filter (MQTT-3.8.3-3, MQTT-4.7.1-2)", function()
    is_malformed("truncated", "82 02 0001")
    is_malformed("truncated", "A2 02 0001")
    is_malformed("truncated", "90 02 0001")
    is_malformed("empty topic filter", "82 05 0001 0000 00")
    is_malformed("misplaced wildcard in a topic filter", "82 08 0001 0003 236162 00")
    is_malformed("misplaced wildcard in a topic filter", "A2 06 0001 0002 612B")
  end)

  it("has reserved bits or codes", function()
    is_malformed("reserved bits", "82 06 0001 0001 61 04")
    is_malformed("reserved return code", "90 03 0001 03")
    is_malformed("reserved return code", "20 02 00 06")
    is_malformed("reserved connack flags", "20 02 02 00")
    is_malformed("a session with a refusal", "20 02 01 02")
  end)

  it("is a CONNECT with flags that contradict each other", function()
    is_malformed("reserved connect flag", "10 0C 0004 4D515454 04 03 0000 0000")
    is_malformed("a password without a user", "10 0E 0004 4D515454 04 42 0000 0000 0000")
    is_malformed("will flags without a will", "10 0C 0004 4D515454 04 0A 0000 0000")
    is_malformed("will flags without a will", "10 0C 0004 4D515454 04 22 0000 0000")
  end)

  it("is a CONNECT of another protocol", function()
    is_malformed("protocol name", "10 0C 0004 4D515455 04 02 0000 0000")
    is_malformed("protocol level", "10 0C 0004 4D515454 05 02 0000 0000")
  end)

  it("is shorter than its fields", function()
    is_malformed("truncated", "40 01 00")
    is_malformed("truncated", "20 00")
    is_malformed("truncated", "20 01 00")
    is_malformed("truncated", "30 01 00")
    is_malformed("truncated", "30 04 0003 6162")
    is_malformed("truncated", "32 06 0003 612F62 00")
    is_malformed("truncated", "82 05 0001 0001 61")
    is_malformed("truncated", "10 09 0004 4D515454 04 02 00")
    is_malformed("truncated", "10 0E 0004 4D515454 04 C2 0000 0000 0000")
  end)

  it("is longer than its fields", function()
    is_malformed("trailing bytes", "40 03 0001 00")
    is_malformed("trailing bytes", "20 03 00 00 00")
    is_malformed("trailing bytes", "C0 01 00")
    is_malformed("trailing bytes", "10 0D 0004 4D515454 04 02 0000 0000 00")
  end)

  it("says what it is", function()
    local _, err <const> = mqtt_stream.new():feed(bytes_of "36 07 0003 612F62 000A")
    assert.equal("malformed MQTT PUBLISH: QoS 3", tostring(err))
  end)
end)

describe("encoding refuses", function()
  it("what the decoder would refuse", function()
    is_refused("wildcard in a topic", publish { topic = "a/#" })
    is_refused("empty topic", publish { topic = "" })
    is_refused("NUL in a string", publish { topic = "a\0b" })
    is_refused("bad UTF-8", publish { topic = "\xFF" })
    is_refused("string too long", publish { topic = ("x"):rep(65536) })
    is_refused("QoS", publish { qos = 3, id = 1 })
    is_refused("dup with QoS 0", publish { dup = true })
    is_refused("packet id 0", publish { qos = 1, id = 0 })
    is_refused("packet id", publish { qos = 1, id = 65536 })
    is_refused("packet id", { type = "puback" })
    is_refused("empty list", { type = "subscribe", id = 1, filters = {} })
    is_refused("empty topic filter", {
      type = "subscribe", id = 1, filters = { { filter = "", qos = 0 } },
    })
    is_refused("QoS", { type = "subscribe", id = 1, filters = { { filter = "a", qos = 3 } } })
    is_refused("return code", { type = "suback", id = 1, codes = { 3 } })
    is_refused("return code", { type = "connack", code = 6 })
    is_refused("a session with a refusal", { type = "connack", code = 1, has_session = true })
  end)

  it("what a client may not say in CONNECT", function()
    local function connect(fields)
      fields.type, fields.client_id = "connect", fields.client_id or "id"
      return fields
    end
    is_refused("an empty client id needs a clean session", connect { client_id = "" })
    is_refused("a password needs a user", connect { password = "p" })
    is_refused("keepalive", connect { keepalive = 65536 })
    is_refused("keepalive", connect { keepalive = 1.5 })
    is_refused("will", connect { will = "bye" })
    is_refused("no string", connect { will = { message = "bye" } })
    is_refused("wildcard in a topic", connect { will = { topic = "+" } })
    is_refused("QoS", connect { will = { topic = "t", qos = 4 } })
    is_refused("string too long", connect { will = { topic = "t", message = ("x"):rep(65536) } })
    is_refused("no string", { type = "connect" })
  end)

  it("any other value without raising", function()
    for _, value in ipairs { {}, 1.5, -1, true, "\xFF\0", print, 0 / 0, math.huge } do
      mqtt_packet.encode(publish { topic = value })
      mqtt_packet.encode(publish { payload = value })
      mqtt_packet.encode(publish { qos = value, id = value })
      mqtt_packet.encode { type = "connack", code = value }
      mqtt_packet.encode { type = "suback", id = value, codes = { value } }
      mqtt_packet.encode { type = "subscribe", id = 1, filters = { value, { filter = value } } }
      mqtt_packet.encode { type = "unsubscribe", id = 1, filters = value }
      mqtt_packet.encode {
        type = "connect", client_id = value, user = value, password = value, will = value,
      }
      mqtt_packet.encode {
        type = "connect", client_id = "a", will = { topic = value, message = value, qos = value },
      }
    end
  end)

  it("by raising a packet that does not exist", function()
    assert.has_error(function()
      mqtt_packet.encode { type = "auth" }
    end, "mqtt_packet.encode: no packet \"auth\"")
  end)
end)
