-- SPDX-License-Identifier: MIT
--
-- The MQTT commands of the simulated ct12 against mosquitto, with mosquitto's
-- own clients as witnesses. Real time, loopback only.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local broker <const> = require "tests.support.broker"

local CONNECT <const> = 'AT+QMTCONNCFG="broker.emqx.io",1883,%d'
local OK <const> = "\r\nOK\r\n"
local CONNECTED <const> = "\r\nMQTTCONNECT\r\n"
local GONE <const> = "\r\nMQTTDISCONNECT\r\n"

local function with_broker(body, options)
  return async(function()
    broker.run(options or {}, body)
  end)
end

-- A module whose broker is the one given, whatever it is told.
local function start(b, options)
  options = options or {}
  options.set = options.set or {}
  options.set.boot, options.set.register = 0, 0
  options.map = { { host = "broker.emqx.io", addr = broker.ADDRESS, port = b.port } }
  options.chunk = 65536
  local client <const> = bare_client.started(options)
  client:send("ATE0\r\n")
  client:expect(OK)
  return client
end

local function send(client, command, answer)
  client:send(command .. "\r\n")
  return client:expect(answer or OK)
end

local function connected(b, reconnect, options)
  local client <const> = start(b, options)
  send(client, 'AT+QMTCFG="dut"')
  send(client, CONNECT:format(reconnect or 0), OK .. CONNECTED)
  return client
end

local function every_byte()
  local bytes <const> = {}
  for i = 0, 255 do
    bytes[i + 1] = string.char(i)
  end
  return table.concat(bytes)
end

local function hex(bytes)
  return (bytes:gsub(".", function(byte)
    return ("%02X"):format(byte:byte())
  end))
end

local function message(topic, qos, retained, payload)
  return ("MSG %s %d %d %d %s\n"):format(topic, qos, retained, #payload, hex(payload))
end

describe("the simulated ct12 and mosquitto:", function()
  it("messages out, by each command and QoS", with_broker(function(b)
    local witness <const> = b:subscribe("#", 2)
    local client <close> = connected(b)
    local long <const> = every_byte():rep(8)
    for qos = 0, 2 do
      send(client, ('AT+QMTPUB="t/%d",%d,1,"hello"'):format(qos, qos))
      witness:await(message("t/" .. qos, qos, 0, "hello"))
      send(client, ('AT+QMTPUBEX="long",%d,0,2048'):format(qos), "\r\n>")
      client:send(long)
      client:expect(OK)
      witness:await(message("long", qos, 0, long))
    end
    b:subscribe("t/2", 2):await(message("t/2", 2, 1, "hello"))
  end))

  it("messages in, and a topic of one's own", with_broker(function(b)
    local client <close> = connected(b)
    send(client, 'AT+QMTSUB="t/#",2')
    for qos = 0, 2 do
      b:publish("t/x", "OK\r\n\1", { "-q", tostring(qos) })
      client:expect('\r\n+QMTRECV:"t/x",5,OK\r\n\1\r\n')
    end
    send(client, 'AT+QMTPUB="t/y",2,0,"mine"', '\r\n+QMTRECV:"t/y",4,mine\r\n')
    send(client, 'AT+QMTUNSUB="t/#"')
    b:publish("t/x", "unheard")
    send(client, 'AT+QMTPUB="t/y",1,0,"unheard"')
    assert.equals("", client:take())
  end))

  it("the will of a module that is cut off, not of one that says goodbye", with_broker(function(b)
    local witness <const> = b:subscribe("#", 2)
    local client <close> = start(b)
    send(client, 'AT+QMTCFG="dut","","",1,1,w,"gone"')
    send(client, CONNECT:format(0), OK .. CONNECTED)
    send(client, "AT+QMTDISC", OK .. GONE)
    b:publish("between", "x")
    witness:await(message("between", 0, 0, "x"))
    assert.falsy(witness.text:find("MSG w", 1, true))
    send(client, CONNECT:format(0), OK .. CONNECTED)
    send(client, "AT+RST")
    witness:await(message("w", 1, 0, "gone"))
  end))

  it("a password, wrong and right", with_broker(function(b)
    local client <close> = start(b)
    for _, password in ipairs { "wrong", "" } do
      send(client, ('AT+QMTCFG="dut","MQTT1","%s"'):format(password))
      send(client, CONNECT:format(0), OK .. "\r\nERROR=203\r\n")
    end
    send(client, 'AT+QMTCFG="dut","MQTT1","123456"')
    send(client, CONNECT:format(0), OK .. CONNECTED)
  end, { users = { MQTT1 = "123456" } }))

  it("nobody listens", async(function()
    local client <close> = start { port = broker.free_port() }
    send(client, CONNECT:format(0), OK .. "\r\nERROR=203\r\n")
  end))

  it("a name that somebody takes is taken back, with its subscriptions", with_broker(function(b)
    local client <close> = connected(b, 1, { set = { reconnect = 2 } })
    send(client, 'AT+QMTSUB="t",1')
    b:publish("other", "x", { "-i", "dut" })
    client:expect(GONE .. CONNECTED)
    b.child:await("Sending SUBACK to dut\n")
    b:publish("t", "again", { "-q", "1" })
    client:expect('\r\n+QMTRECV:"t",5,again\r\n')
  end))

  it("a session that the broker keeps", with_broker(function(b)
    local client <close> = start(b)
    send(client, 'AT+QMTCFG="dut"')
    send(client, "AT+QMTSTART=0,60")
    send(client, CONNECT:format(0), OK .. CONNECTED)
    send(client, 'AT+QMTSUB="t",1')
    send(client, "AT+QMTDISC", OK .. GONE)
    b:publish("t", "while away", { "-q", "1" })
    send(client, CONNECT:format(0), OK .. CONNECTED .. '\r\n+QMTRECV:"t",10,while away\r\n')
    send(client, "AT+QMTSUB?", '+QMTSUB:"t",1\r\n' .. OK)
  end))

  it("a broker that is killed", with_broker(function(b)
    local client <close> = connected(b)
    b.child:signal("sigkill")
    client:expect(GONE)
    send(client, "AT+QMTSTATU", "+QMTSTATU:0\r\n" .. OK)
  end))

  it("pings that keep a connection of two seconds", with_broker(function(b)
    local client <close> = start(b)
    send(client, "AT+QMTSTART=1,2")
    send(client, CONNECT:format(0), OK .. CONNECTED)
    b.child:await("Received PINGREQ from CT12-3595")
    b.child:await("Sending PINGRESP to CT12-3595")
  end))
end)
