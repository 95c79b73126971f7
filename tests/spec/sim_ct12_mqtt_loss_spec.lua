-- SPDX-License-Identifier: MIT
--
-- What the simulated ct12 does with its MQTT connection by itself: messages
-- that come, a broker that closes or falls silent, connecting again. On the
-- virtual clock, with a scripted broker in the process.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local ct12_mqtt <const> = require "tests.support.ct12_mqtt"

core.virtual()

local CONNECT <const>, CONNECT_AGAIN <const> = ct12_mqtt.CONNECT, ct12_mqtt.CONNECT_AGAIN
local GONE <const> = "\r\nMQTTDISCONNECT\r\n"
local connected <const>, facts <const>, only <const> =
  ct12_mqtt.connected, ct12_mqtt.facts, ct12_mqtt.only
local start <const> = ct12_mqtt.start

describe("messages that come", function()
  it("are printed with topic and length, whatever they hold", async(function()
    local client <close>, broker <const> = connected()
    local any <const> = '\r\nOK\r\n\0"+++\xff'
    for qos = 0, 2 do
      broker:send { type = "publish", topic = "a,b", payload = any, qos = qos, id = 7 + qos }
    end
    broker:send { type = "publish", topic = "e", payload = "", qos = 0, retain = true }
    local one <const> = ('\r\n+QMTRECV:"a,b",%d,%s\r\n'):format(#any, any)
    assert.equals(one:rep(3) .. '\r\n+QMTRECV:"e",0,\r\n', client:listen(1))
    local _, types <const> = broker:take()
    assert.same({ "puback", "pubrec", "pubcomp" }, types)
  end))

  it("wait while the client reads slowly", async(function()
    local client <close>, broker <const>, net <const> = connected()
    local payload <const> = ("x"):rep(1000)
    for i = 1, 200 do
      broker:send { type = "publish", topic = "t", payload = payload, qos = 1, id = i }
      core.sleep(0.001)
    end
    core.sleep(60)
    assert.truthy(net.pauses > 0)
    assert.equals(200, #only(broker, "puback"))
    assert.equals(('\r\n+QMTRECV:"t",1000,%s\r\n'):format(payload):rep(200), client:take())
  end))
end)

describe("a broker that goes", function()
  it("is told, and nothing more without the flag", async(function()
    local client <close>, broker <const>, net <const> = connected()
    broker:close()
    assert.equals(GONE, client:listen(100))
    assert.equals(1, #net.connects)
    facts(client, { { "AT+QMTSTATU", "+QMTSTATU:0", "OK" }, { CONNECT, "OK", "MQTTCONNECT" } })
  end))

  it("silently is noticed by the pings", async(function()
    local client <close>, broker <const> = start()
    facts(client, { { "AT+QMTSTART=1,60", "OK" }, { CONNECT, "OK", "MQTTCONNECT" } })
    assert.equals("", client:listen(100))
    broker.answers.pingreq = false
    assert.equals(GONE, client:listen(45))
  end))

  it("silently is never noticed without pings", async(function()
    local client <close>, broker <const> = start()
    facts(client, { { "AT+QMTSTART=1,0", "OK" }, { CONNECT, "OK", "MQTTCONNECT" } })
    assert.equals("", client:listen(20000))
    assert.same({}, only(broker, "pingreq"))
  end))

  it("is pinged at half the keep-alive", async(function()
    for keepalive, count in pairs { [1] = 14, [7200] = 0 } do
      local client <close>, broker <const> = start()
      facts(client, {
        { "AT+QMTSTART=1," .. keepalive, "OK" }, { CONNECT, "OK", "MQTTCONNECT" },
      })
      client:listen(4)
      local pings <const> = #only(broker, "pingreq")
      assert.truthy(pings >= count - 2 and pings <= count, pings)
    end
  end))

  it("is looked for again and again with the flag", async(function()
    local client <close>, broker <const>, net <const> = connected(CONNECT_AGAIN, {
      set = { reconnect = 2 },
    })
    facts(client, { { 'AT+QMTSUB="t",1', "OK" } })
    broker:take()
    net.servers["192.0.2.1:1883"] = nil
    broker:close()
    assert.equals(GONE, client:listen(1))
    facts(client, { { "AT+QMTSTATU", "+QMTSTATU:2", "OK" } })
    local before <const>, times <const> = core.now() - 4, {}
    local connect <const> = net.connect
    net.connect = function(...)
      times[#times + 1] = math.floor(core.now() - before + 0.5)
      return connect(...)
    end
    assert.equals("", client:listen(50))
    assert.same({ 6, 14, 30 }, times)
    net.servers["192.0.2.1:1883"] = broker.serve
    assert.equals("\r\nMQTTCONNECT\r\n", client:listen(10))
    assert.equals("t", only(broker, "subscribe")[1].filters[1].filter)
    facts(client, { { "AT+QMTSUB?", '+QMTSUB:"t",1', "OK" } })
    broker:close()
    assert.equals(GONE .. "\r\nMQTTCONNECT\r\n", client:listen(2.5))
  end))

  it("is not looked for after QMTDISC", async(function()
    local client <close>, broker <const>, net <const> = connected(CONNECT_AGAIN)
    broker:close()
    client:listen(1)
    facts(client, { { "AT+QMTDISC", "OK", "MQTTDISCONNECT" } })
    facts(client, { { "AT+QMTSTATU", "+QMTSTATU:0", "OK" } })
    client:listen(100)
    assert.equals(1, #net.connects)
  end))

  it("that remembers the session is not asked again", async(function()
    local client <close>, broker <const> = start()
    facts(client, {
      { "AT+QMTSTART=0,60", "OK" },
      { CONNECT_AGAIN, "OK", "MQTTCONNECT" },
      { 'AT+QMTSUB="t",1', "OK" },
    })
    broker:take()
    broker.answers.connect = function()
      return { type = "connack", code = 0, has_session = true }
    end
    broker:close()
    assert.equals(GONE .. "\r\nMQTTCONNECT\r\n", client:listen(10))
    assert.same({}, only(broker, "subscribe"))
  end))

  it("before the first connection is looked for with the flag, too", async(function()
    local client <close>, broker <const>, net <const> = start()
    net.servers["192.0.2.1:1883"] = nil
    facts(client, { { CONNECT_AGAIN, "OK", "ERROR=203" } })
    net.servers["192.0.2.1:1883"] = broker.serve
    assert.equals("\r\nMQTTCONNECT\r\n", client:listen(5))
  end))
end)
