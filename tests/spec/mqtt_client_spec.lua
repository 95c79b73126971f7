-- SPDX-License-Identifier: MIT
--
-- The MQTT client of the simulated modules against a scripted broker, on the
-- virtual clock and a network inside the process. The rules are those of MQTT
-- 3.1.1; what a message looks like on the wire is tested elsewhere.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local mqtt_client <const> = require "attest.sim.mqtt_client"
local mqtt_peer <const> = require "tests.support.mqtt_peer"

core.virtual()

local bench <const>, connect <const> = mqtt_peer.bench, mqtt_peer.connect
local connected <const> = mqtt_peer.connected
local ADDRESS <const>, PORT <const> = "192.0.2.1", 1883

local function is_quiet(b)
  core.sleep(60)
  assert.same({}, b:take())
end

-- What the log says, after everything that is under way has arrived.
local function settled(b)
  core.sleep(0.2)
  return b:take()
end

local function types(b)
  local _, list <const> = b.broker:take()
  return list
end

local function is_refused(code, value, err)
  assert.is_nil(value)
  assert.equal(code, err.code)
end

describe("the MQTT client pings:", function()
  it("in half the keep-alive after the last packet that it sent", async(function()
    local b <close> = connected(nil, { keepalive = 20 })
    core.sleep(9.9)
    assert.same({}, types(b))
    core.sleep(0.2)
    assert.same({ "pingreq" }, types(b))
    core.sleep(6)
    assert(b.client:publish { topic = "t", payload = "x" })
    core.sleep(9.9)
    assert.same({ "publish" }, types(b))
    core.sleep(0.2)
    assert.same({ "pingreq" }, types(b))
  end))

  it("never where there is no keep-alive", async(function()
    local b <close> = connected(nil, { keepalive = 0 })
    core.sleep(3600)
    assert.same({}, types(b))
  end))
end)

describe("the MQTT client connects:", function()
  it("CONNECT says what it was told", async(function()
    local b <close> = bench()
    local will <const> = { topic = "w", message = "bye", qos = 1, retain = true }
    assert.is_true(connect(b, {
      user = "u", password = "p", keepalive = 30, clean = false, will = will,
    }))
    assert.equal("connecting", b.client:state())
    b:await "connack 0 false"
    assert.equal("connected", b.client:state())
    assert.same({ {
      type = "connect", client_id = "dut", clean = false, keepalive = 30, user = "u",
      password = "p", will = will,
    } }, b.broker.packets)
    assert.same({ { type = "TCP", address = ADDRESS, port = PORT, local_port = 0 } },
      b.net.connects)
  end))

  it("where it is redirected to", async(function()
    local b <close> = bench { rules = { { host = "broker.emqx.io", addr = ADDRESS, port = PORT } } }
    connect(b, { host = "broker.emqx.io", port = 8883 })
    b:await "connack 0 false"
  end))

  it("a broker that refuses is told by its code", async(function()
    local b <close> = bench()
    b.broker.answers.connect = function()
      return { type = "connack", code = 5 }
    end
    connect(b)
    assert.same({ "connack 5 false", "closed refused" }, settled(b))
    assert.equal("closed", b.client:state())
    assert.equal(0, b.net.open)
  end))

  it("nobody there, and a name that is none", async(function()
    local b <close> = bench()
    connect(b, { port = 1 })
    assert.same({ "closed refused io" }, settled(b))
    connect(b, { host = "no.such.test" })
    assert.same({ "closed refused io" }, settled(b))
  end))

  it("a broker that takes the connection and says nothing", async(function()
    local b <close> = bench { connect_timeout = 8 }
    b.net.servers[ADDRESS .. ":" .. PORT] = fake_net.sink
    local start <const> = core.now()
    connect(b)
    core.sleep(1)
    assert.equal("waiting", b.client:state())
    local index <const> = b:await("timeout connect", 10)
    assert.near(8, b.at[index] - start, 0.01)
    assert.same({ "timeout connect", "closed error timeout" }, settled(b))
    assert.equal(0, b.net.open)
  end))

  it("a network that answers nothing", async(function()
    local b <close> = bench { connect_timeout = 8 }
    b.net.servers[ADDRESS .. ":" .. PORT] = "black hole"
    connect(b)
    core.sleep(9)
    assert.same({ "timeout connect", "closed error timeout" }, b:take())
    assert.equal(1, b.net.aborts)
  end))

  it("a broker that closes at CONNECT", async(function()
    local b <close> = bench()
    b.broker.answers.connect = function()
      b.broker:close()
    end
    connect(b)
    assert.same({ "closed by_peer" }, settled(b))
    is_quiet(b)
  end))

  it("a broker whose first packet is another, or which sends a second CONNACK", async(function()
    local b <close> = bench()
    b.broker.answers.connect = function()
      return { type = "pingresp" }
    end
    connect(b)
    assert.same({ "closed error protocol" }, settled(b))
    local c <close> = connected()
    c.broker:send { type = "connack", code = 0 }
    assert.same({ "closed error protocol" }, settled(c))
  end))

  it("once at a time, and again after it was closed", async(function()
    local b <close> = connected()
    is_refused("busy", connect(b))
    b.client:cut()
    assert.is_true(connect(b))
    b:await "connack 0 false"
    assert.equal(1, b.net.open)
  end))

  it("not with what cannot be sent", async(function()
    local b <close> = bench()
    is_refused("invalid", connect(b, { client_id = "a\0b" }))
    is_refused("invalid", connect(b, { client_id = "", clean = false }))
    is_refused("invalid", connect(b, { password = "without user" }))
    is_refused("invalid", connect(b, { keepalive = 65536 }))
    assert.same({}, b.net.connects)
    assert.has_error(function()
      connect(b, { retry = 3 })
    end)
    assert.has_error(function()
      mqtt_client.new { net = b.net, events = { pong = print } }
    end, 'mqtt_client.new: events: unknown option "pong"')
  end))

  it("and can be cut at any moment before it is", async(function()
    for _, moment in ipairs { 0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035 } do
      local b <close> = bench()
      connect(b)
      core.sleep(moment)
      b.client:cut()
      assert.equal("closed", b.client:state())
      assert.same({ "closed by_us" }, settled(b))
      assert.equal(0, b.net.open)
    end
  end))
end)

describe("the MQTT client closes:", function()
  it("disconnect() says DISCONNECT, then it is over", async(function()
    local b <close> = connected()
    assert.is_true(b.client:disconnect())
    assert.equal("closing", b.client:state())
    is_refused("closed", b.client:disconnect())
    is_refused("closed", b.client:publish { topic = "t" })
    is_refused("busy", connect(b))
    assert.same({ "closed by_us" }, settled(b))
    assert.same({ "disconnect" }, types(b))
    assert.equal(0, b.net.open)
    is_refused("closed", b.client:disconnect())
  end))

  it("disconnect() does not wait for a network that takes nothing", async(function()
    local b <close> = connected()
    b.net.is_stalled = true
    b.client:disconnect()
    b:await("closed by_us", 1.5)
    assert.equal(0, b.net.open)
  end))

  it("what comes while it says goodbye is nothing", async(function()
    local b <close> = connected()
    b.broker:send { type = "publish", topic = "t", payload = "late" }
    core.sleep(0.005)
    b.client:disconnect()
    b.broker:close()
    assert.same({ "closed by_us" }, settled(b))
  end))

  it("cut() says nothing, and nothing comes after it", async(function()
    local b <close> = connected()
    b.client:subscribe("t", 0)
    b.broker:send { type = "publish", topic = "t", payload = "late" }
    b.client:cut()
    b.client:cut()
    assert.same({ "closed by_us" }, b:take())
    is_quiet(b)
    assert.equal(0, b.net.open)
  end))

  it("the broker may close in mid-session", async(function()
    local b <close> = connected(nil, { keepalive = 10 })
    b.client:subscribe("t", 0)
    b.broker.answers.subscribe = false
    b.broker:close()
    assert.same({ "closed by_peer" }, settled(b))
    is_quiet(b)
  end))

  it("a malformed packet ends it, after what came before", async(function()
    local b <close> = connected()
    b.broker.write("\x30\x03\0\1t\xF0\0")
    assert.same({ 'publish t "" qos=0', "closed error protocol" }, settled(b))
    assert.equal(0, b.net.open)
  end))

  it("packets that only a client sends end it", async(function()
    for _, packet in ipairs {
      { type = "connect", client_id = "x", clean = true }, { type = "pingreq" },
      { type = "subscribe", id = 1, filters = { { filter = "a", qos = 0 } } },
      { type = "unsubscribe", id = 1, filters = { "a" } }, { type = "disconnect" },
    } do
      local b <close> = connected()
      b.broker:send(packet)
      assert.same({ "closed error protocol" }, settled(b))
    end
  end))

  it("a packet that is too large ends it", async(function()
    local b <close> = connected { largest = 100 }
    b.broker:send { type = "publish", topic = "t", payload = ("x"):rep(100) }
    assert.same({ "closed error protocol" }, settled(b))
  end))

  it("an event may close it, and the rest of what came is dropped", async(function()
    local b <close> = connected()
    b.on.publish = function()
      b.client:cut()
    end
    b.broker.write("\x32\x05\0\1t\0\1\x30\x03\0\1t\xF0\0")
    assert.same({ 'publish t "" qos=1', "closed by_us" }, settled(b))
    assert.same({}, types(b))
  end))
end)

describe("the MQTT client subscribes:", function()
  it("identifiers count from 1, and SUBACK says what was granted", async(function()
    local b <close> = connected()
    assert.equal(1, b.client:subscribe("a/+", 2))
    assert.equal(2, b.client:subscribe("b", 1))
    assert.same({ "suback 1 2", "suback 2 1" }, settled(b))
    assert.equal(3, b.client:unsubscribe("b"))
    assert.same({ "unsuback 3" }, settled(b))
    assert.same({ "subscribe", "subscribe", "unsubscribe" }, types(b))
  end))

  it("a broker may refuse", async(function()
    local b <close> = connected()
    b.broker.answers.subscribe = function(packet)
      return { type = "suback", id = packet.id, codes = { 128 } }
    end
    b.client:subscribe("a", 0)
    assert.same({ "suback 1 128" }, settled(b))
  end))

  it("not while it is not connected, nor with a filter that is none", async(function()
    local b <close> = bench()
    is_refused("closed", b.client:subscribe("a", 0))
    is_refused("closed", b.client:unsubscribe("a"))
    connect(b)
    is_refused("closed", b.client:subscribe("a", 0))
    b:await "connack 0 false"
    is_refused("invalid", b.client:subscribe("a#", 0))
    is_refused("invalid", b.client:subscribe("a", 3))
    is_refused("invalid", b.client:unsubscribe("a\0"))
    assert.equal(1, b.client:subscribe("a", 0)) -- the refused took no identifier
  end))

  it("silence is a timeout, and what comes later is no answer", async(function()
    local b <close> = connected { ack_timeout = 3 }
    b.broker.answers.subscribe, b.broker.answers.unsubscribe = false, false
    b.client:subscribe("a", 0)
    b.client:unsubscribe("a")
    core.sleep(2.9)
    assert.same({}, b:take())
    core.sleep(0.2)
    table.sort(b.log)
    assert.same({ "timeout subscribe 1", "timeout unsubscribe 2" }, b:take())
    b.broker:send { type = "suback", id = 1, codes = { 0 } }
    b.broker:send { type = "unsuback", id = 2 }
    is_quiet(b)
    assert.equal("connected", b.client:state())
  end))

  it("the time for an answer can be changed", async(function()
    local b <close> = connected()
    b.broker.answers.subscribe = false
    b.client:set_ack_timeout(1)
    b.client:subscribe("a", 0)
    b:await("timeout subscribe 1", 1.1)
  end))

  it("an answer to nothing, or of another kind, is nothing", async(function()
    local b <close> = connected()
    b.broker.answers.subscribe = false
    b.client:subscribe("a", 0)
    b.broker:send { type = "suback", id = 7, codes = { 0 } }
    b.broker:send { type = "unsuback", id = 1 }
    b.broker:send { type = "puback", id = 1 }
    b.broker:send { type = "pubrec", id = 1 }
    assert.same({}, settled(b))
    b.broker:send { type = "suback", id = 1, codes = { 0 } }
    assert.same({ "suback 1 0" }, settled(b))
    assert.same({ "subscribe" }, types(b))
  end))

  it("more codes than filters break the protocol", async(function()
    local b <close> = connected()
    b.broker.answers.subscribe = function(packet)
      return { type = "suback", id = packet.id, codes = { 0, 0 } }
    end
    b.client:subscribe("a", 0)
    assert.same({ "closed error protocol" }, settled(b))
  end))
end)
