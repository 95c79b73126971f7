-- SPDX-License-Identifier: MIT
--
-- Cutting a stream into MQTT packets, however it is sliced, and the filters of
-- subscriptions. Random packets come from a fixed seed.

local mqtt_packet <const> = require "attest.sim.mqtt_packet"
local mqtt_random <const> = require "tests.support.mqtt_random"
local mqtt_stream <const> = require "attest.sim.mqtt_stream"
local mqtt_topic <const> = require "attest.sim.mqtt_topic"

local SEED <const> = 311

local function bytes_of(hex)
  local out <const> = hex:gsub("%s", ""):gsub("%x%x", function(pair)
    return string.char(tonumber(pair, 16))
  end)
  return out
end

local function encode(packet)
  return assert(mqtt_packet.encode(packet))
end

describe("a topic filter", function()
  -- Sections 4.7.1.2 and 4.7.1.3 of the standard.
  local good <const> = {
    "#", "sport/tennis/player1/#", "sport/#", "sport/tennis/#", "+", "+/tennis/#", "/+", "+/+",
    "sport/+/player1", "/", "/finance", "//", "+/", "/#", "$SYS/#", "a b",
  }
  local bad <const> = {
    "sport/tennis#", "sport/tennis/#/ranking", "sport+", "##", "#/", "#/#", "a/##", "a/#/#",
    "++", "+a/b", "a/+b", "#+", "+#",
  }

  it("has wildcards that fill a level, # in the last one", function()
    for _, filter in ipairs(good) do
      assert.is_nil(mqtt_topic.check_filter(filter), filter)
    end
    for _, filter in ipairs(bad) do
      assert.equal("misplaced wildcard in a topic filter", mqtt_topic.check_filter(filter), filter)
    end
  end)
end)

describe("the MQTT stream", function()
  local function feed_slices(slices, largest)
    local stream <const>, all <const> = mqtt_stream.new(largest), {}
    for _, slice in ipairs(slices) do
      local packets <const>, err <const> = stream:feed(slice)
      table.move(packets or err.packets, 1, #(packets or err.packets), #all + 1, all)
      if err then
        return all, err.reason
      end
    end
    return all
  end

  it("gives back random packets of every type", function()
    math.randomseed(SEED)
    for _, kind in ipairs(mqtt_random.types) do
      for _ = 1, 100 do
        local packet <const> = mqtt_random.packet(kind)
        assert.same({ packet }, mqtt_stream.new():feed(encode(packet)))
      end
    end
  end)

  it("gives the same packets for any slicing", function()
    math.randomseed(SEED)
    for _ = 1, 100 do
      local packets <const>, bytes <const> = {}, {}
      for i = 1, math.random(6) do
        packets[i] = mqtt_random.packet()
        bytes[i] = encode(packets[i])
      end
      assert.same(packets, (feed_slices(mqtt_random.slices(table.concat(bytes)))))
    end
  end)

  it("gives the same packets and the same error for any slicing of what is malformed", function()
    math.randomseed(SEED)
    for _ = 1, 200 do
      local bytes <const> = encode(mqtt_random.packet())
        .. mqtt_random.damage(encode(mqtt_random.packet()) .. encode(mqtt_random.packet()))
      local whole <const>, reason <const> = feed_slices { bytes }
      local parts <const>, same_reason <const> = feed_slices(mqtt_random.slices(bytes))
      assert.same({ whole, reason }, { parts, same_reason })
    end
  end)

  it("hands over what came whole before what is malformed, once", function()
    local stream <const> = mqtt_stream.new()
    local packets <const>, err <const> = stream:feed(bytes_of "40 02 0001 D0 00 F0 D0 00")
    assert.is_nil(packets)
    assert.equal("reserved type", err.reason)
    assert.same({ { type = "puback", id = 1 }, { type = "pingresp" } }, err.packets)
    local _, again <const> = stream:feed(bytes_of "D0 00")
    assert.same({ "reserved type", {} }, { again.reason, again.packets })
  end)

  it("refuses a packet that is too large as soon as its length is there", function()
    local stream <const> = mqtt_stream.new(100)
    assert.same({ { type = "pingresp" } }, stream:feed(bytes_of "D0 00 30"))
    assert.equal("packet too large", select(2, stream:feed("\x63")).reason)
    assert.same({}, mqtt_stream.new(100):feed(bytes_of "30 62"))
  end)

  it("keeps no more than one packet", function()
    local stream <const> = mqtt_stream.new()
    local bytes <const> = encode { type = "publish", topic = "t", payload = ("x"):rep(60000) }
    for at = 1, #bytes - 1, 100 do
      assert.same({}, stream:feed(bytes:sub(at, math.min(at + 99, #bytes - 1))))
    end
    assert.equal(1, #stream:feed(bytes:sub(-1)))
    assert.equal(0, stream.size)
  end)
end)
