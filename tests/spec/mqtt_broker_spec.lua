-- SPDX-License-Identifier: MIT
--
-- The MQTT client of the simulated modules against mosquitto, with mosquitto's
-- own clients as witnesses. Real time, loopback only.

local async <const> = require "tests.support.async"
local broker <const> = require "tests.support.broker"
local core <const> = require "attest.core"
local mqtt_bench <const> = require "tests.support.mqtt_bench"
local net <const> = require "attest.sim.net"

local PATIENCE <const> = 30 -- seconds, on a machine that has much else to do

-- Every byte value, as one payload among those of other lengths.
local function every_byte()
  local bytes <const> = {}
  for i = 0, 255 do
    bytes[#bytes + 1] = string.char(i)
  end
  return table.concat(bytes)
end

local PAYLOADS <const> = { "", "hello", every_byte(), every_byte():rep(8) }

local function hex(bytes)
  return (bytes:gsub(".", function(byte)
    return ("%02X"):format(byte:byte())
  end))
end

local function message(topic, qos, retained, payload)
  return ("MSG %s %d %d %d %s\n"):format(topic, qos, retained, #payload, hex(payload))
end

local function connect(bench, b, options)
  local given <const> = { host = "localhost", port = b.port, client_id = "dut", clean = true }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  assert(bench.client:connect(given))
end

local function new(options)
  options = options or {}
  options.net = net.new()
  local bench <const> = mqtt_bench.new(options)
  bench.patience = PATIENCE
  return bench
end

local function connected(b, options, connect_options)
  local bench <const> = new(options)
  connect(bench, b, connect_options)
  bench:await "connack 0 false"
  return bench
end

local function with_broker(body, options)
  return async(function()
    broker.run(options or {}, body)
  end)
end

local function subscribe(bench, filter, qos)
  local id <const> = assert(bench.client:subscribe(filter, qos))
  bench:await(("suback %d %d"):format(id, qos))
end

-- Waits for the answers that a message of ours gets.
local function publish(bench, fields)
  local id <const> = assert(bench.client:publish(fields))
  local answers <const> = { [0] = {}, { "puback" }, { "pubrec", "pubcomp" } }
  for _, answer in ipairs(answers[fields.qos]) do
    bench:await(answer .. " " .. id)
  end
end

local function await_messages(bench, count)
  local deadline <const> = core.now() + PATIENCE
  while #bench.messages < count do
    assert(core.now() < deadline, "the message did not come")
    bench.waiter = core.current()
    core.wait(0.5)
    bench.waiter = nil
  end
end

describe("MQTT with mosquitto:", function()
  it("what we publish with QoS 0, 1 and 2 arrives as it is", with_broker(function(b)
    local witness <const> = b:subscribe("t/#", 2)
    local bench <close> = connected(b)
    for qos = 0, 2 do
      for _, payload in ipairs(PAYLOADS) do
        publish(bench, { topic = "t/" .. qos, payload = payload, qos = qos })
        witness:await(message("t/" .. qos, qos, 0, payload))
      end
    end
  end))

  it("what others publish with QoS 0, 1 and 2 comes as it is", with_broker(function(b)
    local bench <close> = connected(b)
    subscribe(bench, "t/+", 2)
    for qos = 0, 2 do
      for _, payload in ipairs(PAYLOADS) do
        b:publish("t/" .. qos, payload, { "-q", tostring(qos) })
        await_messages(bench, 1)
        local packet <const> = table.remove(bench.messages)
        assert.same({ "t/" .. qos, qos, false, payload },
          { packet.topic, packet.qos, packet.retain, packet.payload })
        if qos == 2 then
          bench:await("pubrel " .. packet.id)
        end
      end
    end
    assert.equal("connected", bench.client:state())
  end))

  it("our own messages come back, until we unsubscribe", with_broker(function(b)
    local bench <close> = connected(b)
    subscribe(bench, "pyr", 1)
    publish(bench, { topic = "pyr", payload = "abc", qos = 1 })
    bench:await 'publish pyr "abc" qos=1'
    bench:await("unsuback " .. bench.client:unsubscribe("pyr"))
    bench:take()
    publish(bench, { topic = "pyr", payload = "abcdef", qos = 2 })
    assert.same({ "pubrec 4", "pubcomp 4" }, bench:take())
  end))

  it("a retained message waits for who subscribes, an empty one removes it", with_broker(function(b)
    local bench <close> = connected(b)
    publish(bench, { topic = "kept", payload = "a", qos = 1, retain = true })
    local witness <const> = b:subscribe("kept", 1)
    witness:await(message("kept", 1, 1, "a"))
    assert(bench.client:subscribe("kept", 0))
    bench:await 'publish kept "a" qos=0 retain'
    publish(bench, { topic = "kept", payload = "", qos = 1, retain = true })
    bench:take()
    subscribe(bench, "kept", 0)
    publish(bench, { topic = "kept", payload = "end", qos = 1 })
    bench:await 'publish kept "end" qos=0'
    assert.is_nil(table.concat(bench.log):find("retain", 1, true))
  end))

  local WILL <const> = { will = { topic = "w", message = "001\0bye", qos = 1, retain = true } }

  it("the will is told when the connection is cut", with_broker(function(b)
    local witness <const> = b:subscribe("#", 2)
    local bench <close> = connected(b, nil, WILL)
    bench.client:cut()
    witness:await(message("w", 1, 0, "001\0bye"))
    local late <const> = b:subscribe("w", 2)
    late:await(message("w", 1, 1, "001\0bye"))
  end))

  it("the will is not told after a DISCONNECT", with_broker(function(b)
    local witness <const> = b:subscribe("#", 2)
    local bench <close> = connected(b, nil, WILL)
    bench.client:disconnect()
    bench:await "closed by_us"
    b:publish("end", "x")
    witness:await(message("end", 0, 0, "x"))
    assert.is_nil(witness.text:find("MSG w", 1, true))
    b.child:await("Received DISCONNECT from dut")
  end))

  it("a wrong password is refused, the right one is not", with_broker(function(b)
    for _, password in ipairs { "wrong", "" } do
      local bench <close> = new()
      connect(bench, b, { user = "MQTT1", password = password })
      bench:await "closed refused"
      local code <const> = bench.log[1]
      assert.is_true(code == "connack 4 false" or code == "connack 5 false", code)
    end
    local nobody <close> = new()
    connect(nobody, b)
    nobody:await "closed refused"
    local bench <close> = connected(b, nil, { user = "MQTT1", password = "123456" })
    assert.equal("connected", bench.client:state())
  end, { users = { MQTT1 = "123456" } }))

  it("nobody listens", async(function()
    local bench <close> = new()
    connect(bench, { port = broker.free_port() })
    bench:await "closed refused io"
  end))

  it("a broker that goes away in mid-session", with_broker(function(b)
    local bench <close> = connected(b, nil, { keepalive = 60 })
    publish(bench, { topic = "t", payload = "x", qos = 1 })
    b.child:signal("sigterm")
    bench:await "closed by_peer"
    assert.equal("closed", bench.client:state())
  end))

  it("a broker that closes because another has our name", with_broker(function(b)
    local first <close> = connected(b)
    local second <close> = connected(b)
    first:await "closed by_peer"
    assert.equal("connected", second.client:state())
  end))

  it("pings keep a connection", with_broker(function(b)
    local bench <close> = connected(b, nil, { keepalive = 60, ping_interval = 0.1 })
    for _ = 1, 3 do
      bench:await "pingresp"
    end
    b.child:await("Received PINGREQ from dut")
  end))

  it("a broker that falls silent, and comes back", with_broker(function(b)
    local options <const> = { ack_timeout = 1 }
    local bench <close> = connected(b, options, { keepalive = 60, ping_interval = 0.2 })
    b:pause()
    bench.client:subscribe("t", 0)
    bench.client:publish { topic = "t", payload = "x", qos = 1 }
    bench.client:publish { topic = "t", payload = "x", qos = 2 }
    bench:await "timeout ping"
    bench:await "timeout ping"
    local log <const> = bench:take()
    table.sort(log)
    assert.same({
      "connack 0 false", "timeout ping", "timeout ping",
      "timeout publish 2", "timeout publish 3", "timeout subscribe 1",
    }, log)
    local other <close> = new { connect_timeout = 0.1 }
    connect(other, b, { client_id = "other" })
    other:await "timeout connect"
    other:await "closed error timeout"
    b:resume()
    bench:await "pingresp"
    publish(bench, { topic = "t", payload = "again", qos = 2 })
  end))

  it("a session keeps what comes while we are away", with_broker(function(b)
    local KEPT <const> = { clean = false }
    local bench <close> = connected(b, nil, KEPT)
    subscribe(bench, "t", 2)
    bench.client:cut()
    bench:await "closed by_us"
    b:publish("t", "one", { "-q", "1" })
    b:publish("t", "two", { "-q", "2" })
    connect(bench, b, KEPT)
    bench:await "connack 0 true"
    bench:await 'publish t "one" qos=1'
    bench:await 'publish t "two" qos=2'
    bench.client:disconnect()
    bench:await "closed by_us"
    connect(bench, b, { clean = true })
    bench:await "connack 0 false"
  end))

  it("a QoS 2 message that is interrupted arrives once", with_broker(function(b)
    local witness <const> = b:subscribe("t", 2)
    local bench <close> = connected(b, nil, { clean = false })
    local id <const> = bench.client:publish { topic = "t", payload = "once", qos = 2 }
    bench.on.pubrec = function()
      bench.client:cut()
    end
    bench:await("pubrec " .. id)
    bench:await "closed by_us"
    bench.on.pubrec = nil
    connect(bench, b, { clean = false })
    bench:await "connack 0 true"
    bench:await("pubcomp " .. id)
    publish(bench, { topic = "t", payload = "end", qos = 2 })
    witness:await(message("t", 2, 0, "end"))
    local _, count <const> = witness.text:gsub(hex("once"), "")
    assert.equal(1, count)
  end))
end)
