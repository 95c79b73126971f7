-- SPDX-License-Identifier: MIT
--
-- Shapes of commands that ct12's first chapters do not have, in a small module written here: two
-- legal counts of arguments, a message that is a text or a length, escaped quotes, rows without a
-- prefix, fixed answers, URCs that carry counted payloads and topics with commas.

local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"
local doc <const> = require "attest.doc"
local lfs <const> = require "lfs"

local module_text <const> = [=[
local D = both("D", "D")
return {
  title = both("Shapes", "Shapes"), families = { "mqtt" }, errors = { [602] = D },
  urcs = {
    { name = "+MQTTPUBLISH", prefix = "+MQTTPUBLISH: ", also = { "+MQTT PUBLISH:" }, doc = D,
      payload = { length = "length" },
      fields = { { "dup", int(0, 1) }, { "qos", int(0, 2) }, { "retained", int(0, 1) },
                 { "pack_id", int(0, 65535) }, { "topic", str {}, commas = true },
                 { "length", int(0, 4096) } } },
    { name = "+MQTTTO", prefix = "+MQTTTO:", fields = { { "type", int(1, 6) } }, doc = D },
    { name = "+MQTTREC", prefix = "+MQTTREC:", fields = { { "attempt", int(0, 9) } }, doc = D },
    { name = "+MQTTDISC", match = { "+MQTTDISC: OK", "+MQTTDISC:OK", "+MQTTDISC: OK." }, doc = D },
  },
  words = {
    { name = "+MQTTOPEN:OK", match = { "+MQTTOPEN:OK", "+MQTTOPEN: OK" }, doc = D },
    { name = "+MQTTOPEN:FAIL", match = { "+MQTTOPEN:FAIL" }, doc = D },
  },
}]=]

local family_text <const> = [=[
local D = both("D", "D")
local flag, text = int(0, 1), str { max = 128 }
local topic_args = { { "topic", str { max = 512 }, D }, { "qos", int(0, 2), D } }
return {
  title = both("MQTT", "MQTT"),
  { name = "mqttcfg", wire = "+MQTTCFG", section = "2.3.1", summary = D,
    forms = {
      { kind = "read", info = {
        { prefix = "+MQTTCFG: ", literal = '"(null)"', constants = { configured = false } },
        { prefix = "+MQTTCFG: ", constants = {}, fields = {
          { "host", text }, { "port", int(0, 65535) }, { "passwd", text, secret = true } } } } },
      { kind = "set", arity = { 7, 9 }, args = {
        { "host", text, D }, { "port", int(0, 65535), D }, { "id", text, D },
        { "keep_alive", int(0, 65535), D }, { "user", text, D },
        { "passwd", text, D, secret = true }, { "clean", flag, D },
        { "version", text, D, optional = true },
        { "encrypt", flag, D, optional = true } } } } },
  { name = "mqttopen", wire = "+MQTTOPEN", section = "2.3.2", summary = D,
    forms = { { kind = "set", args = { { "usr_flag", flag, D } },
      completion = { { ["+MQTTOPEN:OK"] = "ok", ["+MQTTOPEN:FAIL"] = "failed" },
                     { "OK", optional = true, settle = 0.5 } } } } },
  { name = "mqttsub", wire = "+MQTTSUB", section = "2.3.4", summary = D,
    forms = {
      { kind = "read", info = {
        { prefix = "+MQTTSUB:", header = true, optional = true },
        { untagged = true, repeated = true, fields = {
          { "topic", word {} }, { "qos", int(0, 2), optional = true } } } } },
      { kind = "set", args = topic_args,
        info = { { prefix = "+MQTTSUBACK:", fields = {
          { "pack_id", int(0, 65535) }, { "code", int(0, 2, { [128] = D }) },
          { "topic", word {} } } } } } } },
  { name = "mqttpub", wire = "+MQTTPUB", section = "2.3.6", summary = D,
    forms = { { kind = "set",
      args = { { "topic", str { max = 512 }, D }, { "qos", int(0, 2), D },
               { "message", either(str { max = 1024, escape = true }, int(1, 2048)), D,
                 measures = "payload" } },
      payload = { bytes(1, 2048), D, prompt = ">", when = "message" },
      completion = { { "OK", optional = true }, "prompt", "payload", "OK" } } } },
  { name = "mqttrec", wire = "+MQTTREC", section = "2.3.9", summary = D, urcs = { "+MQTTREC" },
    forms = { { kind = "read", info = { { prefix = "+ MQTTREC:", also = { "+MQTTREC:" },
      fields = { { "recon", flag }, { "reconnum", int(0, 99) } } } } } } },
}]=]

local function load_shapes()
  local dir <const> = os.tmpname()
  os.remove(dir)
  assert(lfs.mkdir(dir) and lfs.mkdir(dir .. "/shapes"))
  for name, text in pairs { module = module_text, mqtt = family_text } do
    local file <close> = assert(io.open(("%s/shapes/%s.lua"):format(dir, name), "wb"))
    file:write(text)
  end
  local module <const> = assert(catalogue.load("shapes", { dir }))
  os.remove(dir .. "/shapes/module.lua")
  os.remove(dir .. "/shapes/mqtt.lua")
  lfs.rmdir(dir .. "/shapes")
  lfs.rmdir(dir)
  return module
end

local shapes <const> = load_shapes()

local function encode(name, values)
  local text <const>, form <const>, payload <const> =
    codec.encode(shapes, shapes.entries[name], values)
  if not text then return nil, form end
  return text, payload
end

describe("a command with two legal counts of arguments", function()
  local function config(more)
    local values <const> = { host = "h", port = 1883, id = "i", keep_alive = 60, user = "u",
      passwd = "p", clean = 1 }
    for key, v in pairs(more or {}) do values[key] = v end
    return values
  end

  it("is sent with seven or nine", function()
    assert.equal('AT+MQTTCFG="h",1883,"i",60,"u","p",1', (encode("mqttcfg", config())))
    assert.equal('AT+MQTTCFG="h",1883,"i",60,"u","p",1,"",0',
      (encode("mqttcfg", config { version = "", encrypt = 0 })))
  end)

  it("is refused with eight, by the host and by the module", function()
    local text <const>, err <const> = encode("mqttcfg", config { version = "" })
    assert.is_nil(text)
    assert.matches("argument encrypt is missing", err.message)
    local _, refusal <const> = codec.parse(shapes, 'AT+MQTTCFG="h",1883,"i",60,"u","p",1,""')
    assert.equal(101, refusal.number)
    assert(codec.parse(shapes, 'AT+MQTTCFG="h",1883,"i",60,"u","p",1'))
  end)
end)

describe("a message that is a text or a length", function()
  it("is sent in quotes without a payload, or as a number with one", function()
    local text, payload = encode("mqttpub", { topic = "t", qos = 1, message = "1890" })
    assert.equal('AT+MQTTPUB="t",1,"1890"', text)
    assert.is_nil(payload)
    text, payload = encode("mqttpub", { topic = "t", qos = 1, message = 4, payload = "abcd" })
    assert.equal('AT+MQTTPUB="t",1,4', text)
    assert.equal("abcd", payload)
    text, payload = encode("mqttpub", { topic = "t", qos = 1, payload = "abcd" })
    assert.equal('AT+MQTTPUB="t",1,4', text)
    assert.equal("abcd", payload)
  end)

  it("is refused where text, length and payload do not go together", function()
    local _, err = encode("mqttpub", { topic = "t", qos = 1, message = "x", payload = "abcd" })
    assert.matches("payload goes with a length in message", err.message)
    _, err = encode("mqttpub", { topic = "t", qos = 1, message = 5, payload = "abcd" })
    assert.matches("message is 5, but payload has 4 bytes", err.message)
    _, err = encode("mqttpub", { topic = "t", qos = 1 })
    assert.matches("payload is missing", err.message)
    _, err = encode("mqttpub", { topic = "t", qos = 1, message = 5 })
    assert.matches("payload is missing", err.message)
    _, err = encode("mqttpub", { topic = "t", qos = 1, message = true, payload = "abcd" })
    assert.matches("message is a boolean, expected a string", err.message)
  end)

  it("carries quotes with a backslash, there and back", function()
    local json <const> = '{"id":"4G","v":[1,2]}'
    local text <const> = encode("mqttpub", { topic = "t", qos = 0, message = json })
    assert.equal([[AT+MQTTPUB="t",0,"{\"id\":\"4G\",\"v\":[1,2]}"]], text)
    assert.equal(json, assert(codec.parse(shapes, text)).args.message)
  end)

  it("tells a raw command that will be prompted from one that will not", function()
    assert.is_true((select(3, codec.lookup(shapes, 'AT+MQTTPUB="t",0,12'))))
    assert.is_false((select(3, codec.lookup(shapes, 'AT+MQTTPUB="t",0,"12"'))))
    assert.equal(12, assert(codec.parse(shapes, 'AT+MQTTPUB="t",0,12')).args.message)
  end)
end)

describe("an answer", function()
  local function decode(command, line)
    return codec.decode(select(2, codec.lookup(shapes, command)), line)
  end

  it("may be a fixed text that stands for something", function()
    assert.same({ 1, { configured = false } }, { decode("AT+MQTTCFG?", '+MQTTCFG:"(null)"') })
    assert.equal(2, (decode("AT+MQTTCFG?", '+MQTTCFG: "h",1883,"***"')))
  end)

  it("may have rows without a prefix", function()
    assert.is_nil((decode("AT+MQTTSUB?", "+MQTTSUB:")))
    assert.same({ 2, { topic = "dev/gsm/u" } }, { decode("AT+MQTTSUB?", "dev/gsm/u") })
    assert.same({ 2, { topic = "dev/gsm/u", qos = 1 } }, { decode("AT+MQTTSUB?", '"dev/gsm/u",1') })
  end)

  it("is told from a URC with the same prefix by its columns", function()
    assert.same({ 1, { recon = 1, reconnum = 0 } }, { decode("AT+MQTTREC?", "+MQTTREC: 1, 0") })
    assert.is_nil((decode("AT+MQTTREC?", "+MQTTREC:1")))
    assert.equal("+MQTTREC", codec.urc(shapes, "+MQTTREC:1").name)
    assert.is_nil((codec.urc(shapes, "+MQTTREC: 1, 0")))
  end)
end)

describe("a counted payload", function()
  local function topic(header)
    local urc <const>, fields <const> = codec.urc(shapes, header)
    return urc and fields.topic, urc and fields.length
  end

  it("has its header read, whatever the topic looks like", function()
    assert.same({ "test", 14 }, { topic '+MQTTPUBLISH: 0,1,0,1,"test",14,' })
    assert.same({ "pyr", 3 }, { topic "+MQTTPUBLISH:0,1,0,1,pyr,3" })
    assert.same({ "a,b", 3 }, { topic '+MQTT PUBLISH:0,1,0,1,"a,b",3' })
    assert.same({ "a,b,c", 3 }, { topic "+MQTTPUBLISH:0,1,0,1,a,b,c,3," })
    assert.is_nil((topic "+MQTTPUBLISH:0,1,0"))
  end)

  it("is announced to the framer under each of its heads", function()
    assert.same({
      { prefix = "+MQTTPUBLISH:", field = 6 }, { prefix = "+MQTT PUBLISH:", field = 6 },
    }, shapes.vocabulary.counted)
  end)
end)

describe("all of it", function()
  it("can be printed in both languages", function()
    for _, entry in ipairs(shapes.list) do
      for _, lang in ipairs { "en", "zh" } do
        assert.is_string((doc.render(entry, { lang = lang, module = shapes })))
      end
    end
  end)
end)
