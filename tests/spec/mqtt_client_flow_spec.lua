-- SPDX-License-Identifier: MIT
--
-- Messages through the MQTT client of the simulated modules: QoS 0, 1 and 2
-- both ways. Scripted broker, virtual clock.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local mqtt_peer <const> = require "tests.support.mqtt_peer"

core.virtual()

local connected <const> = mqtt_peer.connected

local function settled(b)
  core.sleep(0.2)
  return b:take()
end

local function publish(b, qos, payload)
  return b.client:publish { topic = "t", payload = payload or "x", qos = qos }
end

local function came(b, fields)
  local packet <const> = { type = "publish", topic = "t", payload = "x" }
  for key, value in pairs(fields) do
    packet[key] = value
  end
  b.broker:send(packet)
end

-- The packets that came, as "type id" and "dup" where it is set.
local function packets(b)
  local list <const> = b.broker:take()
  for i, packet in ipairs(list) do
    local words <const> = { packet.type, packet.id, packet.dup and "dup" or nil }
    list[i] = table.concat(words, " ")
  end
  return list
end

describe("the MQTT client publishes", function()
  it("with QoS 0 and no identifier", async(function()
    local b <close> = connected()
    assert.equal(0, b.client:publish { topic = "t", payload = "\0\r\n", retain = true })
    assert.same({}, settled(b))
    assert.same({ {
      type = "publish", topic = "t", payload = "\0\r\n", qos = 0, retain = true, dup = false,
    } }, b.broker.packets)
  end))

  it("with QoS 1 until PUBACK", async(function()
    local b <close> = connected()
    assert.equal(1, publish(b, 1))
    assert.equal(2, publish(b, 1))
    assert.same({ "puback 1", "puback 2" }, settled(b))
    assert.same({ "publish 1", "publish 2" }, packets(b))
  end))

  it("with QoS 2 through PUBREC and PUBREL to PUBCOMP", async(function()
    local b <close> = connected()
    assert.equal(1, publish(b, 2))
    assert.same({ "pubrec 1", "pubcomp 1" }, settled(b))
    assert.same({ "publish 1", "pubrel 1" }, packets(b))
  end))

  it("to a broker that takes nothing until so much waits that it is gone", async(function()
    local b <close> = connected()
    b.net.is_stalled = true
    local message <const> = { topic = "t", payload = ("x"):rep(1 << 16) }
    local count = 0
    while b.client:publish(message) and count < 1000 do
      count = count + 1
    end
    assert.equal(64, count)
    assert.matches("^closed by_peer", table.concat(settled(b), " "))
    b.net.go_on()
    core.sleep(1)
    assert.same({}, b:take())
    assert.equal(0, b.net.open)
  end))

  it("nothing that cannot be sent", async(function()
    local b <close> = connected()
    for _, topic in ipairs { "", "a/#", "+", "a\0b", "\xFF", ("x"):rep(65536) } do
      local id <const>, err <const> = b.client:publish { topic = topic, payload = "x", qos = 1 }
      assert.is_nil(id)
      assert.equal("invalid", err.code)
    end
    assert.same({}, settled(b))
    assert.equal(1, publish(b, 1))
  end))

  it("until its time is over; what comes later ends it without a word", async(function()
    local b <close> = connected { ack_timeout = 3 }
    b.broker.answers.publish, b.broker.answers.pubrel = false, false
    publish(b, 1)
    publish(b, 2)
    core.sleep(4)
    table.sort(b.log)
    assert.same({ "timeout publish 1", "timeout publish 2" }, b:take())
    b.broker:send { type = "puback", id = 1 }
    b.broker:send { type = "pubrec", id = 2 }
    assert.same({}, settled(b))
    assert.same({ "publish 1", "publish 2", "pubrel 2" }, packets(b))
    core.sleep(10)
    assert.same({}, b:take())
  end))

  it("and gives each step of QoS 2 its time", async(function()
    local b <close> = connected { ack_timeout = 3 }
    b.broker.answers.publish, b.broker.answers.pubrel = false, false
    publish(b, 2)
    core.sleep(2)
    b.broker:send { type = "pubrec", id = 1 }
    core.sleep(2)
    assert.same({ "pubrec 1" }, b:take())
    core.sleep(2)
    assert.same({ "timeout publish 1" }, b:take())
    b.broker:send { type = "pubcomp", id = 1 }
    assert.same({}, settled(b))
    assert.same({}, b.client.session:unanswered())
  end))

  it("and answers a PUBREC again, and one of nobody", async(function()
    local b <close> = connected()
    b.broker.answers.pubrel = false
    publish(b, 2)
    core.sleep(0.1)
    b.broker:send { type = "pubrec", id = 1 }
    b.broker:send { type = "pubrec", id = 99 }
    assert.same({ "pubrec 1" }, settled(b))
    assert.same({ "publish 1", "pubrel 1", "pubrel 1", "pubrel 99" }, packets(b))
  end))

  it("and minds no answer of the wrong kind", async(function()
    local b <close> = connected()
    b.broker.answers.publish = false
    publish(b, 1)
    publish(b, 2)
    for _, packet in ipairs {
      { type = "pubrec", id = 1 }, { type = "pubcomp", id = 1 },
      { type = "puback", id = 2 }, { type = "pubcomp", id = 2 }, { type = "puback", id = 3 },
    } do
      b.broker:send(packet)
    end
    assert.same({}, settled(b))
    assert.same({ "publish 1", "publish 2" }, packets(b))
  end))

  it("with identifiers that come round and skip those in use", async(function()
    local b <close> = connected { ack_timeout = 1e6 }
    b.broker.answers.publish = false
    assert.equal(1, publish(b, 1))
    assert.equal(2, b.client:subscribe("t", 0))
    b.client.session:claim(65534)
    assert.equal(65535, publish(b, 1))
    assert.equal(3, publish(b, 2))
    core.sleep(0.1)
    b.client.session:claim(65535)
    assert.equal(2, b.client:subscribe("u", 0)) -- the first SUBACK has come
  end))

  it("no more than there are identifiers", async(function()
    local b <close> = connected()
    for id = 1, 65535 do
      b.client.session:add { type = "publish", id = id, qos = 1 }
    end
    local id <const>, err <const> = publish(b, 1)
    assert.is_nil(id)
    assert.equal("busy", err.code)
    assert.equal(0, publish(b, 0))
  end))
end)

describe("the MQTT client receives", function()
  it("QoS 0 and answers nothing", async(function()
    local b <close> = connected()
    came(b, { retain = true })
    assert.same({ 'publish t "x" qos=0 retain' }, settled(b))
    assert.same({}, packets(b))
  end))

  it("QoS 1 and answers PUBACK, each time it comes", async(function()
    local b <close> = connected()
    came(b, { qos = 1, id = 9 })
    came(b, { qos = 1, id = 9, dup = true })
    assert.same({ 'publish t "x" qos=1', 'publish t "x" qos=1 dup' }, settled(b))
    assert.same({ "puback 9", "puback 9" }, packets(b))
  end))

  it("QoS 2 exactly once", async(function()
    local b <close> = connected()
    b.broker.answers.pubrec = false
    came(b, { qos = 2, id = 9 })
    came(b, { qos = 2, id = 9, dup = true })
    b.broker:send { type = "pubrel", id = 9 }
    b.broker:send { type = "pubrel", id = 9 }
    assert.same({ 'publish t "x" qos=2', "pubrel 9" }, settled(b))
    assert.same({ "pubrec 9", "pubrec 9", "pubcomp 9", "pubcomp 9" }, packets(b))
    came(b, { qos = 2, id = 9 })
    assert.same({ 'publish t "x" qos=2' }, settled(b))
  end))

  it("messages whose identifiers are those of its own", async(function()
    local b <close> = connected()
    b.broker.answers.publish = false
    publish(b, 2)
    came(b, { qos = 2, id = 1 })
    assert.same({ 'publish t "x" qos=2', "pubrel 1" }, settled(b))
    b.broker:send { type = "pubrec", id = 1 }
    assert.same({ "pubrec 1", "pubcomp 1" }, settled(b))
  end))

  it("nothing while it is paused, and then everything", async(function()
    local b <close> = connected()
    b.client:pause()
    came(b, {})
    assert.same({}, settled(b))
    b.client:resume()
    assert.same({ 'publish t "x" qos=0' }, settled(b))
  end))
end)
