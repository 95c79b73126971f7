-- SPDX-License-Identifier: MIT
--
-- How the simulated ML302 subscribes, publishes and tells what came, on the
-- virtual clock with a scripted broker in the process.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.ml302_bench"
local core <const> = require "attest.core"

core.virtual()

local CONFIG <const>, OPEN <const> = bench.CONFIG, bench.OPEN
local facts <const>, opened <const> = bench.facts, bench.opened

describe("subscriptions:", function()
  it("the granted QoS, the list, and none twice", async(function()
    local client <close> = opened()
    client.broker.answers.subscribe = function(packet)
      return { type = "suback", id = packet.id, codes = { 0 } }
    end
    facts(client, {
      { "AT+MQTTSUB?", "+MQTTSUB:", "OK" },
      { 'AT+MQTTSUB="a/#",2', "+MQTTSUBACK:1,0,a/#", "OK" },
      { 'AT+MQTTSUB="a/#",0', "+CME ERROR:606" },
      { 'AT+MQTTSUB="b,c d",1', '+MQTTSUBACK:2,0,"b,c d"', "OK" },
      { "AT+MQTTSUB?", "+MQTTSUB:", "a/#", '"b,c d"', "OK" },
      { 'AT+MQTTUNSUB="a/#"', '+MQTT UNSUBACK:3,"a/#"', "OK" },
      { "AT+MQTTSUB?", "+MQTTSUB:", '"b,c d"', "OK" },
      { 'AT+MQTTSUB="a/#",0', "+MQTTSUBACK:4,0,a/#", "OK" },
      { 'AT+MQTTUNSUB="never"', '+MQTT UNSUBACK:5,"never"', "OK" },
    })
  end))

  it("the broker's refusal", async(function()
    local client <close> = opened()
    client.broker.answers.subscribe = function(packet)
      return { type = "suback", id = packet.id, codes = { 128 } }
    end
    facts(client, {
      { 'AT+MQTTSUB="a",2', "+MQTTSUBACK:1,128,a", "OK" },
      { "AT+MQTTSUB?", "+MQTTSUB:", "OK" },
      { 'AT+MQTTSUB="a",2', "+MQTTSUBACK:2,128,a", "OK" },
    })
  end))

  it("bad ones never leave", async(function()
    local client <close> = opened()
    facts(client, {
      { 'AT+MQTTSUB="a#",0', "+CME ERROR:601" },
      { 'AT+MQTTSUB="",0', "+CME ERROR:601" },
      { 'AT+MQTTSUB="a",3', "+CME ERROR:601" },
      { 'AT+MQTTSUB="a"', "+CME ERROR:601" },
      { ('AT+MQTTSUB="%s",0'):format(("t"):rep(513)), "+CME ERROR:601" },
      { 'AT+MQTTUNSUB=""', "+CME ERROR: 601" },
      { ('AT+MQTTSUB="%s",0'):format(("t"):rep(512)),
        "+MQTTSUBACK:1,0," .. ("t"):rep(512), "OK" },
    })
    assert.equals(1, #client.broker.packets)
  end))

  it("end with a clean session, else the broker says", async(function()
    for clean, rest in pairs { [1] = { "+MQTTSUB:", "OK" }, [0] = { "+MQTTSUB:", "a", "OK" } } do
      local config <const> = CONFIG:gsub(".$", clean)
      local client <close> = opened { config = config }
      client.broker.answers.connect = function(packet)
        return { type = "connack", code = 0, has_session = not packet.clean }
      end
      facts(client, {
        { 'AT+MQTTSUB="a",0', "+MQTTSUBACK:1,0,a", "OK" },
        { "AT+MQTTDISC", "+MQTTDISC: OK", "OK" },
        { "AT+MQTTSUB?", table.unpack(rest) },
        { OPEN, "+MQTTOPEN:OK", "OK" },
        { "AT+MQTTSUB?", table.unpack(rest) },
      })
    end
  end))
end)

describe("AT+MQTTPUB", function()
  local function published(client)
    local packets <const> = client.broker:take()
    assert.equals("publish", packets[1].type)
    return packets[1]
  end

  it("with each QoS", async(function()
    local client <close> = opened()
    facts(client, { { 'AT+MQTTPUB="a/b",0,1,1,"x"', "OK" } })
    assert.same({
      type = "publish", topic = "a/b", qos = 0, retain = true, dup = false, payload = "x",
    }, published(client))
    facts(client, { { 'AT+MQTTPUB="a/b",1,0,1,"x"', "+MQTTPUBACK:0,1", "OK" } })
    assert.is_false(published(client).dup)
    facts(client, { { 'AT+MQTTPUB="a/b",2,0,1,"x"', "+MQTTPUBREC:0,2", "+MQTTPUBCOMP:0,2", "OK" } })
    assert.equals(2, published(client).qos)
  end))

  it("a text is taken as it stands, but for escaped quotes", async(function()
    local client <close> = opened()
    for text, payload in pairs {
      ["1890"] = "1890", [""] = "", ["a,b"] = "a,b", ["\\\"{\\\"a\\\":1}\\\""] = '"{"a":1}"',
      ["\\n\\\\x"] = "\\n\\\\x", ["\xe4\xbd\xa0"] = "\xe4\xbd\xa0",
      [("x"):rep(1024)] = ("x"):rep(1024),
    } do
      facts(client, { { ('AT+MQTTPUB="t",0,0,0,"%s"'):format(text), "OK" } }, 3)
      assert.equals(payload, published(client).payload)
    end
  end))

  it("a number is the length of what follows the prompt", async(function()
    local client <close> = opened()
    local every = {}
    for byte = 0, 255 do
      every[#every + 1] = string.char(byte)
    end
    every = table.concat(every)
    assert.equals('AT+MQTTPUB="t",1,0,0,256\r\n\r\n>', client:ask('AT+MQTTPUB="t",1,0,0,256'))
    client:send(every .. "AT\r\n")
    assert.same({ "+MQTTPUBACK:0,1", "OK", "AT", "OK" }, bench.listen(client, 2))
    assert.equals(every, published(client).payload)
  end))

  it("a message comes between its answer and OK, or behind the prompt's end", async(function()
    local client <close> = opened()
    local message <const> = { type = "publish", topic = "t", payload = "m", qos = 0 }
    client.broker.answers.publish = function(packet)
      client.broker:send { type = "puback", id = packet.id }
      return message
    end
    facts(client, {
      { 'AT+MQTTPUB="t",1,0,0,"x"', "+MQTTPUBACK:0,1", '+MQTTPUBLISH: 0,0,0,0,"t",1,m', "OK" },
    })
    client:ask('AT+MQTTPUB="t",1,0,0,2')
    client.broker:send(message)
    assert.equals("", client:listen(1))
    client:send("xy")
    local line <const> = '+MQTTPUBLISH: 0,0,0,0,"t",1,m'
    assert.same({ line, "+MQTTPUBACK:0,2", line, "OK" }, bench.listen(client, 1))
  end))

  it("is given up when the bytes do not come", async(function()
    local client <close> = opened()
    client:ask('AT+MQTTPUB="t",1,0,0,2')
    client:send("x")
    assert.same({ "+CME ERROR:608" }, bench.listen(client, 20))
    facts(client, { { "AT", "OK" } })
    assert.same({}, client.broker.packets)
  end))

  it("bad ones never leave", async(function()
    local client <close> = opened { config = CONFIG:gsub("60", "0") }
    for _, arguments in ipairs {
      '"a/#",0,0,0,"x"', '"",0,0,0,"x"', '"t",3,0,0,"x"', '"t",0,2,0,"x"', '"t",0,0,2,"x"',
      '"t",0,0,0', '"t",0,0,0,0', '"t",0,0,0,1025', ('"%s",0,0,0,"x"'):format(("t"):rep(513)),
      ('"t",0,0,0,"%s"'):format(("x"):rep(1025)),
    } do
      assert.same({ "+CME ERROR:601" }, client:lines("AT+MQTTPUB=" .. arguments, 3), arguments)
    end
    assert.same({}, client.broker.packets)
  end))
end)

describe("messages:", function()
  local function tell(client, packet)
    packet.type = "publish"
    client.broker:send(packet)
    return client:listen(1)
  end

  it("with each QoS and their true lengths", async(function()
    local client <close> = opened()
    assert.equals('\r\n+MQTTPUBLISH: 0,0,0,0,"test",12,abc"xxxx"abc\r\n',
      tell(client, { topic = "test", payload = 'abc"xxxx"abc', qos = 0 }))
    assert.equals('\r\n+MQTTPUBLISH: 1,1,1,7,"a,b",0,\r\n',
      tell(client, { topic = "a,b", payload = "", qos = 1, id = 7, dup = true, retain = true }))
    assert.equals('\r\n+MQTTPUBLISH: 0,2,0,9,"test",6,\0\r\nOK>\r\n\r\n+MQTT PUBREL: 0,9\r\n',
      tell(client, { topic = "test", payload = "\0\r\nOK>", qos = 2, id = 9 }))
  end))

  it("in other spellings", async(function()
    for options, line in pairs {
      [{ set = { topic = "bare" } }] = "+MQTTPUBLISH: 0,0,0,0,t,1,m",
      [{ dialect = "table" }] = "+MQTTPUBLISH: 0,0,0,0,t,1,m",
      [{ dialect = "field" }] = '+MQTTPUBLISH: 0,0,0,0,"t",1,m',
    } do
      local client <close> = opened(options)
      assert.equals("\r\n" .. line .. "\r\n", tell(client, { topic = "t", payload = "m", qos = 0 }))
    end
  end))

  it("wait while the client of the module does not read", async(function()
    local client <close> = opened { chunk = 64 }
    for _ = 1, 40 do
      client.broker:send { type = "publish", topic = "t", payload = ("x"):rep(10000), qos = 0 }
    end
    local bytes <const> = client:listen(120)
    assert.is_true(client.net.pauses > 0)
    local _, count <const> = bytes:gsub("%+MQTTPUBLISH", "")
    assert.equals(40, count)
  end))
end)
