-- SPDX-License-Identifier: MIT
--
-- Time in the MQTT client of the simulated modules: pings while a connection
-- lasts, and a session that outlives it. Scripted broker, virtual clock.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local mqtt_peer <const> = require "tests.support.mqtt_peer"

core.virtual()

local connected <const> = mqtt_peer.connected

local function connect(b, options)
  assert(mqtt_peer.connect(b, options))
  core.sleep(0.2)
end

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

describe("the MQTT client pings", function()
  local function ping_times(options, seconds)
    local b <close> = connected(nil, options)
    local start <const> = core.now()
    core.sleep(seconds)
    local times <const> = {}
    for i, line in ipairs(b.log) do
      assert.equal("pingresp", line)
      times[i] = math.floor(b.at[i] - start + 0.5)
    end
    return times
  end

  it("after half of the keepalive", async(function()
    assert.same({ 30, 60, 90 }, ping_times({ keepalive = 60 }, 100))
    assert.equal(20, #ping_times({ keepalive = 1 }, 10.1))
  end))

  it("after the time it was told", async(function()
    assert.same({ 60, 120 }, ping_times({ keepalive = 60, ping_interval = 60 }, 150))
  end))

  it("never without a keepalive", async(function()
    assert.same({}, ping_times({ keepalive = 0 }, 100000))
    assert.same({}, ping_times({}, 100000))
  end))

  it("not while it sends something else", async(function()
    local b <close> = connected(nil, { keepalive = 20 })
    for _ = 1, 10 do
      core.sleep(8)
      publish(b, 0)
    end
    assert.same({}, b:take())
    core.sleep(9.5)
    assert.same({}, b:take())
    core.sleep(1)
    assert.same({ "pingresp" }, b:take())
  end))

  it("also while messages only come, since the broker counts what it gets", async(function()
    local b <close> = connected(nil, { keepalive = 20 })
    for _ = 1, 4 do
      core.sleep(4)
      came(b, {})
    end
    core.sleep(0.1)
    assert.equal("pingresp", b.log[3])
  end))

  it("a silent broker again and again, each with its timeout", async(function()
    local b <close> = connected({ ack_timeout = 10 }, { keepalive = 60 })
    b.broker.answers.pingreq = false
    local start <const> = core.now()
    core.sleep(105)
    assert.same({ "timeout ping", "timeout ping", "timeout ping" }, b.log)
    for i, seconds in ipairs { 40, 70, 100 } do
      assert.near(seconds, b.at[i] - start, 0.3)
    end
    assert.equal("connected", b.client:state())
  end))

  it("only when the ping before has ended", async(function()
    local b <close> = connected({ ack_timeout = 10 }, { keepalive = 4 })
    b.broker.answers.pingreq = false
    core.sleep(40)
    assert.same({ "timeout ping", "timeout ping", "timeout ping" }, b.log)
    assert.same({ "pingreq", "pingreq", "pingreq", "pingreq" }, packets(b))
  end))

  it("on when a late answer comes", async(function()
    local b <close> = connected({ ack_timeout = 3 }, { keepalive = 20 })
    b.broker.answers.pingreq = false
    core.sleep(14)
    b.broker:send { type = "pingresp" }
    assert.same({ "timeout ping", "pingresp" }, settled(b))
    b.broker.answers.pingreq = function()
      return { type = "pingresp" }
    end
    core.sleep(7)
    assert.same({ "pingresp" }, b:take())
  end))
end)

describe("the MQTT session", function()
  local KEPT <const> = { clean = false }

  -- A QoS 1 message and two of QoS 2, one of these released; then it is cut.
  local function interrupted()
    local b <const> = connected(nil, KEPT)
    b.broker.answers.publish, b.broker.answers.pubrel = false, false
    publish(b, 2, "released")
    publish(b, 1)
    publish(b, 2)
    core.sleep(0.1)
    b.broker:send { type = "pubrec", id = 1 }
    core.sleep(0.1)
    b.client:cut()
    assert.same({ "pubrec 1", "closed by_us" }, b:take())
    b.broker:take()
    return b
  end

  local function with_session(b)
    b.broker.answers.connect = function()
      return { type = "connack", code = 0, has_session = true }
    end
  end

  it("is sent again after a reconnect, in order", async(function()
    local b <close> = interrupted()
    with_session(b)
    connect(b, KEPT)
    assert.same({ "connect", "publish 2 dup", "publish 3 dup", "pubrel 1" }, packets(b))
    for _, packet in ipairs {
      { type = "puback", id = 2 }, { type = "pubrec", id = 3 },
      { type = "pubcomp", id = 3 }, { type = "pubcomp", id = 1 },
    } do
      b.broker:send(packet)
    end
    assert.same({ "connack 0 true", "puback 2", "pubrec 3", "pubcomp 3", "pubcomp 1" },
      settled(b))
    assert.same({}, b.client.session:unanswered())
  end))

  it("has its timeouts again", async(function()
    local b <close> = interrupted()
    with_session(b)
    connect(b, KEPT)
    core.sleep(11)
    table.sort(b.log)
    assert.same({
      "connack 0 true", "timeout publish 1", "timeout publish 2", "timeout publish 3",
    }, b:take())
  end))

  it("keeps its identifiers from new messages", async(function()
    local b <close> = interrupted()
    connect(b, KEPT)
    b.client.session:claim(65535)
    assert.equal(4, publish(b, 1))
  end))

  it("is forgotten by a clean one", async(function()
    local b <close> = interrupted()
    connect(b, { clean = true })
    assert.same({ "connect" }, packets(b))
    assert.equal(1, publish(b, 1))
  end))

  it("loses what was asked but not answered", async(function()
    local b <close> = connected(nil, KEPT)
    b.broker.answers.subscribe = false
    b.client:subscribe("t", 0)
    b.client:cut()
    connect(b, KEPT)
    b.broker:send { type = "suback", id = 1, codes = { 0 } }
    assert.same({ "closed by_us", "connack 0 false" }, settled(b))
  end))

  it("knows what came before the connection was lost", async(function()
    local b <close> = connected(nil, KEPT)
    b.broker.answers.pubrec = false
    came(b, { qos = 2, id = 5 })
    core.sleep(0.1)
    b.broker:close()
    assert.same({ 'publish t "x" qos=2', "closed by_peer" }, settled(b))
    with_session(b)
    connect(b, KEPT)
    came(b, { qos = 2, id = 5, dup = true })
    b.broker:send { type = "pubrel", id = 5 }
    assert.same({ "connack 0 true", "pubrel 5" }, settled(b))
  end))

  it("forgets what came when the broker has no session", async(function()
    local b <close> = connected(nil, KEPT)
    b.broker.answers.pubrec = false
    came(b, { qos = 2, id = 5 })
    core.sleep(0.1)
    b.client:cut()
    connect(b, KEPT)
    b:take()
    came(b, { qos = 2, id = 5, payload = "new" })
    assert.same({ 'publish t "new" qos=2' }, settled(b))
  end))
end)
