-- SPDX-License-Identifier: MIT
--
-- Simple mode of the simulated ct12 (6.5, 4.2): what it keeps over a power
-- cycle, what it does by itself, and publishing without an end. On the virtual
-- clock and a network in the process.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local mqtt_peer <const> = require "tests.support.mqtt_peer"

core.virtual()

local CLIENT <const> = 'AT+SIMPLECLIENT="TCP","192.0.2.1",7,0,0'
local DIRECT <const> = 'AT+SIMPLECLIENT="TCP","192.0.2.1",7,0,1'
local BROKER <const> = 'AT+QMTCONNCFG="192.0.2.1",1883,1'
local REBOOT <const> = { "OK", "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" }
local OK <const> = "\r\nOK\r\n"

local function world()
  local net <const> = fake_net.new()
  local broker <const> = mqtt_peer.new(net)
  net.servers["192.0.2.1:7"] = fake_net.echo
  net.servers["192.0.2.1:1883"] = broker.serve
  return net, broker
end

-- Each command and the lines that it must get.
local function facts(client, list)
  for _, fact in ipairs(list) do
    local command <const> = table.remove(fact, 1)
    assert.same(fact, client:lines(command, 3), command)
  end
end

-- A module in a simple mode, without echo.
local function in_mode(mode, options)
  local net <const>, broker <const> = world()
  options = options or {}
  options.net = options.net or net
  local client <const> = bare_client.started(options)
  client:send("AT+SIMPLEMODE=" .. mode .. "\r\n")
  client:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
  client:ask("ATE0", 0.2)
  return client, net, broker
end

-- Off and on: what the module says until it has done what it does by itself.
local function power_cycle(client, seconds)
  client:take()
  client.sim.machine:reboot()
  local said <const> = client:listen(seconds or 3)
  return said:gsub("[\r\n]+", " "):match("NETWORK_ACTIVATE_SUCCESS ?(.*)$")
end

describe("the mode", function()
  it("is set with a restart, and kept", async(function()
    local client <close> = bare_client.started { net = (world()) }
    facts(client, {
      { "AT+SIMPLEMODE?", "+SIMPLEMODE:0,0", "OK" },
      { "AT+SIMPLEMODE=2,1", table.unpack(REBOOT) },
      { "AT+SIMPLEMODE?", "+SIMPLEMODE:2,1", "OK" },
    })
    assert.equals("", power_cycle(client))
    facts(client, {
      { "AT+SIMPLEMODE?", "+SIMPLEMODE:2,1", "OK" },
      { "AT+RESTORE", table.unpack(REBOOT) },
      { "AT+SIMPLEMODE?", "+SIMPLEMODE:0,0", "OK" },
    })
  end))

  it("goes with some uses only", async(function()
    local client <close> = bare_client.started()
    for _, pair in ipairs { "1,1", "1,2", "2,0", "3,0", "0,3", "2,3" } do
      assert.same({ "ERROR=103" }, client:lines("AT+SIMPLEMODE=" .. pair), pair)
    end
    facts(client, {
      { "AT+SIMPLEMODE=1", "ERROR=101" },
      { "AT+SIMPLEMODE=0,0", table.unpack(REBOOT) },
    })
  end))

  it("is refused with more than one connection", async(function()
    local client <close> = bare_client.started { net = (world()) }
    client:ask('AT+QIOPEN="TCP","192.0.2.1",7,0,0')
    client:ask('AT+QIOPEN="TCP","192.0.2.1",7,0,0')
    facts(client, {
      { "AT+SIMPLEMODE=1,0", "ERROR=102" },
      { "AT+QICLOSE=3", "OK", "DISCONNECT" },
      { "AT+SIMPLEMODE=2,1", table.unpack(REBOOT) },
    })
  end))
end)

describe("the client of mode 1", function()
  it("is complained about each second until it is set", async(function()
    local client <close> = in_mode("1,0")
    client:take()
    local flood <const> = client:listen(5):gsub("[\r\n]+", " ")
    assert.equals((" ERROR=104"):rep(5) .. " ", flood)
    client:ask("AT+SIMPLECLIENT?", 0.1)
    client:ask(CLIENT)
    assert.equals("", client:listen(10))
    assert.equals("CONNECT,ID:3 ", power_cycle(client, 10))
  end))

  it("is stored, connected, and used as any link", async(function()
    local client <close>, net <const> = in_mode("1,0")
    client:send(CLIENT .. "\r\n")
    client:expect("\r\nOK\r\n\r\nCONNECT,ID:3\r\n")
    facts(client, {
      { "AT+SIMPLECLIENT?", '+SIMPLECLIENT:"TCP","192.0.2.1",7,0,0', "OK" },
      { "AT+QISTATE", '+QISTATE:3,"TCP","192.0.2.1",7,50001', "OK" },
      { "AT+QISEND=3,2\r\nhi", "OK", ">", "SEND OK", "+QIRD:3,2", "hi" },
      { 'AT+QIOPEN="TCP","192.0.2.1",7,0,0', "ERROR=102" },
      { "AT+QICLOSE=3", "OK", "DISCONNECT" },
      { 'AT+QIOPEN="UDP","192.0.2.1",7,0,0', "CONNECT,ID:3" },
    })
    assert.equals(1, net.open)
  end))

  it("takes the place of the one before", async(function()
    local client <close>, net <const> = in_mode("1,0")
    client:ask(CLIENT)
    facts(client, {
      { 'AT+SIMPLECLIENT="UDP","192.0.2.1",7,4000,0', "OK", "DISCONNECT", "CONNECT,ID:3" },
      { "AT+SIMPLECLIENT?", '+SIMPLECLIENT:"UDP","192.0.2.1",7,4000,0', "OK" },
      { 'AT+SIMPLECLIENT="TCP","192.0.2.9",7,0,0', "OK", "UDP_CLOSE", "ERROR=201" },
      { "AT+QISTATE", "OK" },
    })
    assert.equals(0, net.open)
    net.servers["192.0.2.9:7"] = "black hole"
    client:ask('AT+SIMPLECLIENT="TCP","192.0.2.9",7,0,0')
    facts(client, {
      { 'AT+QIOPEN="TCP","192.0.2.1",7,0,0', "ERROR=102" },
      { CLIENT, "OK", "CONNECT,ID:3" },
    })
    assert.equals("", client:listen(20))
    assert.equals(1, net.aborts)
  end))

  it("is for mode 1 only, and has sixty bytes", async(function()
    local client <close> = bare_client.started { net = (world()) }
    facts(client, {
      { CLIENT, "ERROR=102" },
      { "AT+SIMPLECLIENT?", "+SIMPLECLIENT:NOT SET", "OK" },
    })
    local second <close> = in_mode("1,0")
    local text <const> = '"TCP","%s",7,0,0'
    local host <const> = ("x"):rep(60 - #text + 2)
    second:ask(CLIENT, 0.1)
    facts(second, {
      { "AT+SIMPLECLIENT=" .. text:format(host .. "x"), "ERROR=101" },
      { 'AT+SIMPLECLIENT="SCTP","192.0.2.1",7,0,0', "ERROR=103" },
      { 'AT+SIMPLECLIENT="TCP","192.0.2.1",65536,0,0', "ERROR=103" },
      { 'AT+SIMPLECLIENT="TCP","192.0.2.1",7,0,2', "ERROR=103" },
      { "AT+SIMPLECLIENT=" .. text:format(host), "OK", "DISCONNECT", "ERROR=201" },
    })
  end))

  it("is forgotten with its mode", async(function()
    local client <close> = in_mode("1,0")
    client:ask(CLIENT)
    facts(client, {
      { "AT+SIMPLEMODE=0,0", table.unpack(REBOOT) },
      { "AT+SIMPLECLIENT?", "+SIMPLECLIENT:NOT SET", "OK" },
    })
    assert.equals("", power_cycle(client))
  end))

  it("that nobody answers says so after each start", async(function()
    local client <close>, net <const> = in_mode("1,0")
    client:ask(CLIENT)
    net.servers["192.0.2.1:7"] = nil
    assert.equals("ERROR=201 ", power_cycle(client, 30))
  end))

  it("waits for the end of a command", async(function()
    local client <close>, net <const> = in_mode("1,0")
    net.servers["192.0.2.1:7"] = function(peer)
      core.after(0.5, function() peer:send("hello") end)
    end
    net.answers["192.0.2.8"] = { 10, 10, 10, 10 }
    client:send(DIRECT .. "\r\nAT+QPING=\"192.0.2.8\",2\r\n")
    local said <const> = client:listen(3):gsub("[\r\n]+", " ")
    assert.equals(
      ' OK +CIPPING:"192.0.2.8",10,64 +CIPPING:"192.0.2.8",10,64 OK CONNECT,ID:3 hello', said)
  end))

  it("in direct mode takes the client with it, after each start too", async(function()
    local client <close>, net <const> = in_mode("1,0")
    assert.equals("\r\nOK\r\n\r\nCONNECT,ID:3\r\n", client:ask(DIRECT, 2))
    client:send("hello\r\n")
    assert.equals("hello\r\n", client:listen(1.1))
    client:send("+++")
    assert.equals(OK, client:listen(2))
    facts(client, { { "AT+SIMPLECLIENT?", '+SIMPLECLIENT:"TCP","192.0.2.1",7,0,1', "OK" } })
    assert.equals("CONNECT,ID:3 ", power_cycle(client))
    client:send("AT\r\n")
    assert.equals("AT\r\n", client:listen(1.1))
    client:send("+++")
    assert.equals(OK, client:listen(2))
    client:send("ATO")
    client:listen(1)
    client:send("again")
    assert.equals("again", client:listen(1))
    assert.same({ "hello\r\n", "AT\r\n", "again" }, net.sent)
  end))
end)

describe("MQTT of mode 2", function()
  local function configured(mode)
    local client <const>, net <const>, broker <const> = in_mode(mode)
    facts(client, {
      { 'AT+QMTCFG="CT11","MQTT1","123456",0,1,QQQ,123456', "OK" },
      { "AT+QMTSTART=1,120", "OK" },
      { BROKER, "OK", "MQTTCONNECT" },
      { 'AT+QMTSUB="TTT",1', "OK" },
    })
    broker:take()
    return client, net, broker
  end

  it("is kept, and connects again after a power cycle", async(function()
    local client <close>, _, broker <const> = configured("2,1")
    assert.equals("MQTTCONNECT ", power_cycle(client))
    local packets <const>, types <const> = broker:take()
    assert.same({ "connect", "subscribe" }, types)
    assert.same({ "CT11", "MQTT1", "123456", 120, "QQQ" }, {
      packets[1].client_id, packets[1].user, packets[1].password, packets[1].keepalive,
      packets[1].will.topic,
    })
    assert.equals("TTT", packets[2].filters[1].filter)
    client:ask("ATE0")
    facts(client, {
      { "AT+QMTCFG?", "+QMTCFG:CT11,MQTT1,123456,0,1,QQQ,123456", "OK" },
      { "AT+QMTCONNCFG?", "+QMTCONNCFG:192.0.2.1,1883,1", "OK" },
      { "AT+QMTSUB?", '+QMTSUB:"TTT",1', "OK" },
      { "AT+QMTSTATU", "+QMTSTATU:1", "OK" },
    })
  end))

  it("stays over another use of the same mode, and goes with the mode", async(function()
    local client <close> = configured("2,1")
    facts(client, { { "AT+SIMPLEMODE=2,2", "OK", "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS",
      "MQTTCONNECT" } })
    client:ask("ATE0")
    facts(client, { { "AT+SIMPLEMODE=0,0", table.unpack(REBOOT) } })
    facts(client, { { "AT+QMTCFG?", "+QMTCFG:NOT SET", "OK" } })
  end))

  it("is not kept in the other modes", async(function()
    for _, mode in ipairs { "0,0", "1,0" } do
      local client <close> = in_mode(mode)
      client:ask(CLIENT)
      facts(client, { { BROKER, "OK", "MQTTCONNECT" } })
      assert.falsy(power_cycle(client):find("MQTT", 1, true))
    end
  end))

  it("survives in the state file, from one module to the next", async(function()
    local path <const> = os.tmpname()
    os.remove(path)
    local net <const>, broker <const> = world()
    do
      local client <close> = in_mode("2,1", { state = path, net = net })
      facts(client, { { 'AT+QMTCFG="kept"', "OK" }, { BROKER, "OK", "MQTTCONNECT" } })
    end
    broker:take()
    local client <close> = bare_client.started { state = path, net = net }
    client:expect("MQTTCONNECT\r\n")
    assert.equals("kept", broker:take()[1].client_id)
    os.remove(path)
  end))

  it("publishes single messages as usual", async(function()
    local client <close>, _, broker <const> = configured("2,1")
    facts(client, {
      { 'AT+QMTPUB="TTT",0,0,"1234567890"', "OK" },
      { 'AT+QMTPUBEX="TTT",0,0,2\r\nhi', ">", "OK" },
      { "AT+QMTDISC", "OK", "MQTTDISCONNECT" },
    })
    local packets <const>, types <const> = broker:take()
    assert.same({ "publish", "publish", "disconnect" }, types)
    assert.equals("hi", packets[2].payload)
  end))
end)

describe("publishing without an end", function()
  local function streaming(command, server)
    local client <const>, net <const>, broker <const> = in_mode("2,2")
    facts(client, { { server or BROKER, "OK", "MQTTCONNECT" } })
    broker:take()
    client:send((command or 'AT+QMTPUBEX="TTT",1,0,1') .. "\r\n")
    assert.equals("\r\n>", client:listen(1.1))
    return client, net, broker
  end

  local function payloads(broker)
    local list <const> = {}
    for _, packet in ipairs((broker:take())) do
      list[#list + 1] = packet.type == "publish" and packet.payload or nil
    end
    return list
  end

  it("takes everything as messages: a silence or 2048 bytes end one", async(function()
    for _, command in ipairs { 'AT+QMTPUBEX="TTT",1,0,1', 'AT+QMTPUB="TTT",1,0,5' } do
      local client <close>, _, broker <const> = streaming(command)
      for _, text in ipairs { "one", "AT+QMTDISC\r\n", "a+++b" } do
        client:send(text)
        core.sleep(0.2)
      end
      client:send(("x"):rep(3000))
      assert.equals("", client:listen(3))
      assert.same({ "one", "AT+QMTDISC\r\n", "a+++b", ("x"):rep(2048), ("x"):rep(952) },
        payloads(broker))
    end
  end))

  it("ends with +++ and goes on with ATO", async(function()
    local client <close>, _, broker <const> = streaming()
    client:send("one")
    client:listen(2)
    client:send("+++")
    assert.equals(OK, client:listen(2))
    facts(client, { { "AT+QMTSTATU", "+QMTSTATU:1", "OK" } })
    client:send("ATO")
    client:listen(2)
    client:send("two")
    client:listen(2)
    client:send("+++")
    assert.equals(OK, client:listen(2))
    facts(client, { { "AT+QMTDISC", "OK", "MQTTDISCONNECT" }, { "ATO", "ERROR=102" } })
    assert.same({ "one", "two" }, payloads(broker))
  end))

  it("prints messages that come in between", async(function()
    local client <close>, _, broker <const> = streaming()
    broker:send { type = "publish", topic = "t", payload = "hi", qos = 0 }
    assert.equals('\r\n+QMTRECV:"t",2,hi\r\n', client:listen(1))
  end))

  it("ends when the connection does", async(function()
    local client <close>, _, broker <const> = streaming(nil, (BROKER:gsub("1$", "0")))
    broker:close()
    assert.equals("\r\nMQTTDISCONNECT\r\n", client:listen(2))
    facts(client, { { "AT", "OK" }, { "ATO", "ERROR=102" } })
  end))

  it("a text is one message", async(function()
    local client <close>, _, broker <const> = in_mode("2,2")
    facts(client, { { BROKER, "OK", "MQTTCONNECT" }, { 'AT+QMTPUB="t",0,0,"hello"', "OK" } })
    assert.same({ "hello" }, payloads(broker))
  end))
end)
