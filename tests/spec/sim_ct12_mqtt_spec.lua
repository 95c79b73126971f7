-- SPDX-License-Identifier: MIT
--
-- The MQTT commands of the simulated ct12 (chapter 6.6) on the virtual clock,
-- with a scripted broker in the process. What the module does by itself is in
-- sim_ct12_mqtt_loss_spec.lua.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local ct12_mqtt <const> = require "tests.support.ct12_mqtt"
local redirect <const> = require "attest.sim.redirect"

core.virtual()

local CONNECT <const>, CONNECT_AGAIN <const> = ct12_mqtt.CONNECT, ct12_mqtt.CONNECT_AGAIN
local GONE <const> = "\r\nMQTTDISCONNECT\r\n"
local connected <const>, facts <const>, only <const> =
  ct12_mqtt.connected, ct12_mqtt.facts, ct12_mqtt.only
local start <const> = ct12_mqtt.start

describe("what MQTT commands keep:", function()
  it("nothing at first, but a session", async(function()
    local client <close> = start()
    facts(client, {
      { "AT+QMTCFG?", "+QMTCFG:NOT SET", "OK" },
      { "AT+QMTCONNCFG?", "+QMTCONNCFG:NOT SET", "OK" },
      { "AT+QMTSTART?", "+QMTSTART:1,60", "OK" },
      { "AT+QMTSUB?", "OK" },
      { "AT+QMTSTATU", "+QMTSTATU:0", "OK" },
    })
  end))

  it("what was set, until the power goes", async(function()
    local client <close> = start()
    facts(client, {
      { 'AT+QMTCFG="CT12"', "OK" },
      { "AT+QMTCFG?", "+QMTCFG:CT12", "OK" },
      { 'AT+QMTCFG="CT12","MQTT1","123456"', "OK" },
      { "AT+QMTCFG?", "+QMTCFG:CT12,MQTT1,123456", "OK" },
      { 'AT+QMTCFG="CT12","MQTT1","123456",0,1,QQQ,123456', "OK" },
      { "AT+QMTCFG?", "+QMTCFG:CT12,MQTT1,123456,0,1,QQQ,123456", "OK" },
      { "AT+QMTSTART=0,7200", "OK" },
      { "AT+QMTSTART?", "+QMTSTART:0,7200", "OK" },
      { CONNECT, "OK", "MQTTCONNECT" },
      { "AT+QMTCONNCFG?", "+QMTCONNCFG:192.0.2.1,1883,0", "OK" },
      { "AT+RST", "OK", "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" },
      { "ATE0", "OK" },
      { "AT+QMTCFG?", "+QMTCFG:NOT SET", "OK" },
      { "AT+QMTCONNCFG?", "+QMTCONNCFG:NOT SET", "OK" },
      { "AT+QMTSTART?", "+QMTSTART:1,60", "OK" },
    })
  end))

  it("refuses what is too long or makes no sense", async(function()
    local client <close> = connected()
    local long <const> = ("x"):rep(257)
    facts(client, {
      { ('AT+QMTCFG="%s"'):format(long), "ERROR=101" },
      { ('AT+QMTCFG="a","%s","b"'):format(long), "ERROR=101" },
      { ('AT+QMTCFG="a","b","%s"'):format(long), "ERROR=101" },
      { ('AT+QMTCFG="a","b","c",0,0,"%s","m"'):format(long), "ERROR=101" },
      { ('AT+QMTCFG="a","b","c",0,0,"t","%s"'):format(long), "ERROR=101" },
      { 'AT+QMTCFG="a","b"', "ERROR=101" },
      { 'AT+QMTCFG="a","b","c",3,0,"t","m"', "ERROR=103" },
      { 'AT+QMTCFG="a","b","c",0,2,"t","m"', "ERROR=103" },
      { 'AT+QMTCFG="a","b","c",0,0,"t/#","m"', "ERROR=103" },
      { 'AT+QMTCFG="\xff"', "ERROR=103" },
      { "AT+QMTCFG", "ERROR=104" },
      { "AT+QMTSTART=2,60", "ERROR=103" },
      { "AT+QMTSTART=1,7201", "ERROR=103" },
      { "AT+QMTSTART=1", "ERROR=101" },
      { ('AT+QMTCONNCFG="%s",1883,0'):format(long), "ERROR=101" },
      { 'AT+QMTCONNCFG="a",65536,0', "ERROR=103" },
      { 'AT+QMTCONNCFG="a",1883,2', "ERROR=103" },
      { ('AT+QMTSUB="%s",0'):format(long), "ERROR=101" },
      { 'AT+QMTSUB="t",3', "ERROR=103" },
      { 'AT+QMTSUB="t/#/x",0', "ERROR=103" },
      { 'AT+QMTSUB="t"u",0', "ERROR=103" },
      { 'AT+QMTSUB="t\0",0', "ERROR=103" },
      { ('AT+QMTUNSUB="%s"'):format(long), "ERROR=101" },
      { ('AT+QMTPUB="t",0,0,"%s"'):format(("x"):rep(513)), "ERROR=101" },
      { ('AT+QMTPUB="%s",0,0,"m"'):format(long), "ERROR=101" },
      { 'AT+QMTPUB="t/+",0,0,"m"', "ERROR=103" },
      { 'AT+QMTPUB="t",3,0,"m"', "ERROR=103" },
      { 'AT+QMTPUB="t",0,2,"m"', "ERROR=103" },
      { 'AT+QMTPUB="t",0,0,2049', "ERROR=101" },
      { 'AT+QMTPUBEX="t",0,0,0', "ERROR=101" },
      { 'AT+QMTPUBEX="t",0,0,2049', "ERROR=101" },
      { 'AT+QMTPUBEX="t/#",0,0,5', "ERROR=103" },
      { "AT+QMTSTATU", "+QMTSTATU:1", "OK" },
    })
  end))
end)

describe("connecting", function()
  it("says who it is", async(function()
    local client <close>, broker <const> = start()
    facts(client, {
      { 'AT+QMTCFG="CT11","MQTT1","123456",2,1,QQQ,"by\xe4\xbd\xa0"', "OK" },
      { "AT+QMTSTART=0,300", "OK" },
      { CONNECT, "OK", "MQTTCONNECT" },
      { "AT+QMTSTATU?", "+QMTSTATU:1", "OK" },
    })
    local hello <const> = broker:take()[1]
    assert.same({
      "CT11", "MQTT1", "123456", false, 300,
      { topic = "QQQ", message = "by\xe4\xbd\xa0", qos = 2, retain = true },
    }, { hello.client_id, hello.user, hello.password, hello.clean, hello.keepalive, hello.will })
  end))

  it("has a name of its own, and no empty user", async(function()
    local client <close>, broker <const> = start { set = { imei = "490154203237518" } }
    facts(client, { { CONNECT, "OK", "MQTTCONNECT" }, { "AT+QMTDISC", "OK", "MQTTDISCONNECT" } })
    assert.equals("CT12-7518", broker:take()[1].client_id)
    facts(client, { { 'AT+QMTCFG="a","",""', "OK" }, { CONNECT, "OK", "MQTTCONNECT" } })
    local hello <const> = broker:take()[1]
    assert.same({ "a" }, { hello.client_id, hello.user, hello.password, hello.will })
  end))

  it("is under way for a while", async(function()
    local client <close>, broker <const> = start()
    broker.answers.connect = false
    facts(client, {
      { CONNECT, "OK" },
      { "AT+QMTSTATU", "+QMTSTATU:2", "OK" },
      { CONNECT, "ERROR=202" },
    })
    assert.same({ "ERROR=102" }, client:lines('AT+QMTSUB="t",0', 0.5))
    assert.equals("\r\nERROR=203\r\n", client:listen(1))
    facts(client, { { "AT+QMTSTATU", "+QMTSTATU:0", "OK" } })
  end))

  it("twice is refused, and changes nothing", async(function()
    local client <close>, _, net <const> = connected()
    facts(client, {
      { 'AT+QMTCONNCFG="192.0.2.9",1,1', "ERROR=202" },
      { "AT+QMTCONNCFG?", "+QMTCONNCFG:192.0.2.1,1883,0", "OK" },
      { "AT+QMTSTATU", "+QMTSTATU:1", "OK" },
    })
    assert.equals(1, #net.connects)
  end))

  it("fails where nobody is, or somebody who refuses", async(function()
    local client <close>, broker <const>, net <const> = start()
    broker.answers.connect = function()
      return { type = "connack", code = 4, has_session = false }
    end
    facts(client, {
      { 'AT+QMTCONNCFG="192.0.2.9",1883,0', "OK", "ERROR=203" },
      { 'AT+QMTCONNCFG="no.such.host",1883,0', "OK", "ERROR=203" },
      { CONNECT, "OK", "ERROR=203" },
      { "AT+QMTSTATU", "+QMTSTATU:0", "OK" },
      { "AT+QMTDISC", "ERROR=102" },
    })
    assert.equals(0, net.open)
    function broker.serve(peer)
      peer:close()
    end
    net.servers["192.0.2.1:1883"] = broker.serve
    facts(client, { { CONNECT, "OK", "ERROR=203" } })
  end))

  it("follows --map", async(function()
    local client <close>, broker <const> = start {
      map = { assert(redirect.parse "broker.emqx.io=192.0.2.1:1883") },
    }
    facts(client, { { 'AT+QMTCONNCFG="broker.emqx.io",8883,0', "OK", "MQTTCONNECT" } })
    assert.equals("connect", broker:take()[1].type)
  end))

  it("needs the network", async(function()
    local client <close> = bare_client.start { set = { register = 100 } }
    client:expect("SIM_SUCCESS\r\n")
    client:ask("ATE0")
    facts(client, { { CONNECT, "ERROR=102" }, { 'AT+QMTSUB="t",0', "ERROR=102" } })
  end))
end)

describe("without a connection", function()
  it("its commands are refused", async(function()
    local client <close> = start()
    facts(client, {
      { 'AT+QMTSUB="TTT",0', "ERROR=102" },
      { 'AT+QMTUNSUB="TTT"', "ERROR=102" },
      { 'AT+QMTPUB="TTT",0,0,"x"', "ERROR=102" },
      { 'AT+QMTPUB="TTT",0,0,5', "ERROR=102" },
      { 'AT+QMTPUBEX="TTT",0,0,5', "ERROR=102" },
      { "AT+QMTDISC", "ERROR=102" },
    })
  end))
end)

describe("disconnecting", function()
  it("is orderly, and told after the OK", async(function()
    local client <close>, broker <const>, net <const> = connected()
    facts(client, {
      { "AT+QMTDISC", "OK", "MQTTDISCONNECT" },
      { "AT+QMTSTATU", "+QMTSTATU:0", "OK" },
      { "AT+QMTDISC", "ERROR=102" },
    })
    assert.equals(1, #only(broker, "disconnect"))
    assert.equals(0, net.open)
    facts(client, { { CONNECT, "OK", "MQTTCONNECT" } })
  end))

  it("ends an attempt to connect", async(function()
    local client <close>, broker <const> = start()
    broker.answers.connect = false
    facts(client, {
      { CONNECT_AGAIN, "OK" },
      { "AT+QMTDISC", "OK", "MQTTDISCONNECT" },
      { "AT+QMTSTATU", "+QMTSTATU:0", "OK" },
    })
    assert.equals("", client:listen(100))
  end))

  it("a power cycle says nothing, to nobody", async(function()
    local client <close>, broker <const>, net <const> = connected(CONNECT_AGAIN)
    facts(client, { { "AT+RST", "OK", "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" } })
    assert.same({}, only(broker, "disconnect"))
    assert.equals(0, net.open)
    assert.equals("", client:listen(100))
  end))
end)

describe("subscriptions", function()
  it("are listed, replaced and ended", async(function()
    local client <close>, broker <const> = connected()
    facts(client, {
      { 'AT+QMTSUB="TTT",0', "OK" },
      { 'AT+QMTSUB="a,b/#",2', "OK" },
      { "AT+QMTSUB?", '+QMTSUB:"TTT",0', '+QMTSUB:"a,b/#",2', "OK" },
      { 'AT+QMTSUB="TTT",1', "OK" },
      { "AT+QMTSUB?", '+QMTSUB:"TTT",1', '+QMTSUB:"a,b/#",2', "OK" },
      { 'AT+QMTUNSUB="TTT"', "OK" },
      { 'AT+QMTUNSUB="never"', "OK" },
      { "AT+QMTSUB?", '+QMTSUB:"a,b/#",2', "OK" },
    })
    assert.equals(3, #only(broker, "subscribe"))
    facts(client, { { "AT+QMTDISC", "OK", "MQTTDISCONNECT" }, { "AT+QMTSUB?", "OK" } })
  end))

  it("are fifty at most", async(function()
    local client <close> = connected()
    for i = 1, 50 do
      assert.same({ "OK" }, client:lines(('AT+QMTSUB="t/%d",0'):format(i)))
    end
    facts(client, {
      { 'AT+QMTSUB="t/51",0', "ERROR=101" },
      { 'AT+QMTSUB="t/50",1', "OK" },
      { 'AT+QMTUNSUB="t/1"', "OK" },
      { 'AT+QMTSUB="t/51",0', "OK" },
    })
    assert.equals(51, #client:lines("AT+QMTSUB?"))
  end))

  it("that the broker refuses do not exist", async(function()
    local client <close>, broker <const> = connected()
    broker.answers.subscribe = function(packet)
      return { type = "suback", id = packet.id, codes = { 128 } }
    end
    facts(client, { { 'AT+QMTSUB="t",0', "ERROR=103" }, { "AT+QMTSUB?", "OK" } })
  end))

  it("of a broker that does not answer fail, and so does the connection", async(function()
    local client <close>, broker <const> = connected()
    broker.answers.subscribe = false
    client:send('AT+QMTSUB="t",0\r\n')
    assert.equals("", client:listen(9.9))
    local lines <const> = client:listen(1)
    assert.truthy(lines:find("\r\nERROR=203\r\n", 1, true))
    assert.truthy(lines:find(GONE, 1, true))
    facts(client, { { "AT+QMTSTATU", "+QMTSTATU:0", "OK" } })
  end))
end)

describe("publishing", function()
  it("takes a text, of no bytes too", async(function()
    local client <close>, broker <const> = connected()
    local long <const> = ("x"):rep(512)
    facts(client, {
      { 'AT+QMTPUB="TTT",0,0,"12345678"', "OK" },
      { 'AT+QMTPUB="TTT",1,1,"a,b \xe4\xbd\xa0"', "OK" },
      { 'AT+QMTPUB="TTT",2,0,""', "OK" },
      { ('AT+QMTPUB="TTT",0,0,"%s"'):format(long), "OK" },
      { 'AT+QMTPUB="TTT",0,0,12a', "OK" },
    })
    local seen <const> = {}
    for i, packet in ipairs(only(broker, "publish")) do
      seen[i] = { packet.topic, packet.payload, packet.qos, packet.retain }
    end
    assert.same({
      { "TTT", "12345678", 0, false }, { "TTT", "a,b \xe4\xbd\xa0", 1, true },
      { "TTT", "", 2, false }, { "TTT", long, 0, false }, { "TTT", "12a", 0, false },
    }, seen)
  end))

  it("takes a length and any bytes, by either command", async(function()
    local payload <const> = '\r\nOK\r\n\0\x1a"+++ATO>\xff'
    for _, command in ipairs { "QMTPUB", "QMTPUBEX" } do
      local client <close>, broker <const> = connected()
      for _, bytes in ipairs { "x", payload, payload:rep(200):sub(1, 2048) } do
        client:send(('AT+%s="t",1,0,%d\r\n'):format(command, #bytes))
        assert.equals("\r\n>", client:expect(">"))
        client:send(bytes)
        assert.equals("\r\nOK\r\n", client:listen(2))
        local packet <const> = only(broker, "publish")[1]
        assert.same({ bytes, 1 }, { packet.payload, packet.qos })
      end
    end
  end))

  it("refuses a message of another length, and takes commands again", async(function()
    local client <close>, broker <const> = connected()
    client:send('AT+QMTPUBEX="t",0,0,10\r\n')
    client:expect(">")
    client:send("12345")
    assert.equals("", client:listen(9.9))
    assert.equals("\r\nERROR=101\r\n", client:listen(0.2))
    client:send('AT+QMTPUBEX="t",0,0,10\r\n')
    client:expect(">")
    client:send("1234567890AT+RST\r\n")
    assert.equals("\r\nERROR=101\r\n", client:listen(1))
    facts(client, { { "AT", "OK" } })
    assert.same({}, only(broker, "publish"))
  end))

  it("keeps messages that come until the payload is there", async(function()
    local client <close>, broker <const> = connected()
    client:send('AT+QMTPUBEX="t",0,0,5\r\n')
    client:expect(">")
    broker:send { type = "publish", topic = "t", payload = "hi", qos = 0 }
    assert.equals("", client:listen(1))
    client:send("hello")
    assert.equals('\r\nOK\r\n\r\n+QMTRECV:"t",2,hi\r\n', client:listen(1))
  end))

  it("fails when the connection goes meanwhile", async(function()
    local client <close>, broker <const> = connected()
    client:send('AT+QMTPUBEX="t",0,0,5\r\n')
    client:expect(">")
    broker:close()
    assert.equals("", client:listen(1))
    client:send("hello")
    assert.equals("\r\nERROR=203\r\n" .. GONE, client:listen(1))
    facts(client, { { 'AT+QMTPUB="t",0,0,"x"', "ERROR=102" } })
  end))

  it("with QoS 1 and 2 waits for the broker", async(function()
    for qos, answer in pairs { "publish", "pubrel" } do
      local client <close>, broker <const> = connected()
      broker.answers[answer] = false
      client:send(('AT+QMTPUB="t",%d,0,"x"\r\n'):format(qos))
      assert.equals("", client:listen(9.9))
      assert.truthy(client:listen(1):find("\r\nERROR=203\r\n", 1, true))
    end
  end))
end)
