-- SPDX-License-Identifier: MIT
--
-- Commands of the MQTT chapters as text, of both manuals: boundary tests from the catalogue, the
-- manuals' own examples, and everything that must never reach the wire. Answers and unasked lines
-- stand in codec_mqtt_answer_spec.

local boundary <const> = require "tests.support.boundary"
local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"

local ct12 <const> = assert(catalogue.load("ct12_mqtt", { "tests/support/catalogue" }))
local ml302 <const> = assert(catalogue.load("ml302"))

local function encode(module, name, values, kind)
  local text <const>, form <const>, payload <const> =
    codec.encode(module, module.entries[name], values, kind)
  if not text then return nil, form end
  return text, payload
end

local function refusal(module, name, values)
  local text <const>, err <const> = encode(module, name, values)
  assert.is_nil(text)
  assert.equal("invalid", err.code)
  return err.message
end

local function number_of(module, line)
  local parsed <const>, refused <const> = codec.parse(module, line)
  return not parsed and refused.number or nil
end

describe("each argument of ct12's simple mode and MQTT", function()
  boundary.declare(it, ct12, { simple = true, mqtt = true })
end)

describe("each argument of ml302", function()
  boundary.declare(it, ml302)
end)

describe("the examples of the manuals", function()
  for _, module in ipairs { ct12, ml302 } do
    it(("of %s are read, and the host writes them so again"):format(module.name), function()
      local count = 0
      for _, entry in ipairs(module.list) do
        for _, example in ipairs(entry.examples) do
          local parsed <const> = assert(codec.parse(module, example.send))
          assert.equal(entry, parsed.entry)
          local values <const> = parsed.kind == "set" and parsed.args or nil
          if values and parsed.form.payload then
            values[parsed.form.payload.name] = example.payload
          end
          assert.equal(example.send, (assert(codec.encode(module, entry, values, parsed.kind))))
          count = count + 1
        end
      end
      assert.is_true(count >= 10)
    end)

    it(("of %s have answers of which every line is accounted for"):format(module.name), function()
      for _, entry in ipairs(module.list) do
        for _, example in ipairs(entry.examples) do
          local _, form <const> = codec.lookup(module, example.send)
          for _, line in ipairs(example.answer) do
            assert.is_truthy(line == example.send or line == ">" or codec.final(line)
              or codec.decode(form, line) or codec.claims(form, line) or codec.word(module, line),
              line)
          end
        end
      end
    end)
  end

  -- Lines of chapters 4 (ct12) and 3 (ml302), and of the tables, with the manual's blanks.
  local procedures <const> = {
    { ct12, 'AT+QMTCFG="0566542kkscmkks1"', "qmtcfg" },
    { ct12, 'AT+QMTCFG="CT11","MQTT1","123456",0,1,QQQ,123456', "qmtcfg" },
    { ct12, 'AT+QMTCONNCFG="broker.emqx.io",1883,1', "qmtconncfg" },
    { ct12, 'AT+QMTPUB="TTT",0,0,1', "qmtpub" }, { ct12, 'AT+QMTPUBEX="TTT",0,0,1', "qmtpubex" },
    { ct12, "AT+SIMPLEMODE=1,0", "simplemode" }, { ct12, "AT+SIMPLEMODE=2,1", "simplemode" },
    { ct12, "AT+SIMPLEMODE=2,2", "simplemode" },
    { ct12, 'AT+SIMPLECLIENT="TCP","8.111.222.111",1234,0,0', "simpleclient" },
    { ct12, "AT+QMTSTATU?", "qmtstatu" }, { ct12, "AT+QMTSTATUS", "qmtstatu" },
    { ct12, "AT+QMTSTATUS?", "qmtstatu" }, { ct12, "AT+QMTSUB?", "qmtsub" },
    { ml302, 'AT+MQTTCFG="183.230.40.39",6002,"4069959",10,"75829",'
      .. '"IIOu0oFUg1guk20ornTK1uzAcnM=",1', "mqttcfg" },
    { ml302, 'AT+MQTTOPEN=1,1,0,0,0, "",""', "mqttopen" },
    { ml302, 'AT+MQTTOPEN=1,1,1,1,1,"mywill","001bye"', "mqttopen" },
    { ml302, "AT+ MQTTSTAT?", "mqttstat" }, { ml302, "AT+ MQTTSUB?", "mqttsub" },
    { ml302, "AT+ MQTTREC?", "mqttrec" }, { ml302, "AT+ MQTTDISC", "mqttdisc" },
    { ml302, 'AT+MQTTSUB="pyr",1', "mqttsub" }, { ml302, "AT+MQTTDEL", "mqttdel" },
    { ml302, 'at+mqttpub="pyr",1,0,0,"abcdef"', "mqttpub" },
  }
  for _, case in ipairs(procedures) do
    it(("%s reads %s"):format(case[1].name, case[2]), function()
      assert.equal(case[3], assert(codec.parse(case[1], case[2])).entry.name)
    end)
  end
end)

describe("a topic", function()
  local carriers <const> = {
    { ct12, "qmtsub", 256, { qos = 0 } }, { ct12, "qmtunsub", 256, {} },
    { ct12, "qmtpub", 256, { qos = 0, retain = 0, message = "x" } },
    { ct12, "qmtpubex", 256, { qos = 0, retain = 0, payload = "x" } },
    { ml302, "mqttsub", 512, { qos = 0 } }, { ml302, "mqttunsub", 512, {} },
    { ml302, "mqttpub", 512, { qos = 0, retain = 0, message = "x" } },
  }

  local function with(case, topic)
    local values <const> = { topic = topic }
    for key, v in pairs(case[4]) do values[key] = v end
    return values
  end

  for _, case in ipairs(carriers) do
    local module <const>, name <const>, most <const> = case[1], case[2], case[3]
    it(("of %s may have %d bytes, and any that fit into quotes"):format(name, most), function()
      for _, topic in ipairs { ("t"):rep(most), "a,b", "$SYS/#", "+/x", " ", "\xE4\xB8\xAD", "OK",
                               "ERROR", "AT", "a\\", "=?", "\1\x7F\xFF" } do
        local text <const> = assert(encode(module, name, with(case, topic)))
        assert.equal(topic, assert(codec.parse(module, text)).args.topic)
      end
    end)
    it(("of %s is refused before the wire"):format(name), function()
      for _, topic in ipairs { "", ("t"):rep(most + 1), 'a"b', "a\0b", "a\rb", "a\nb", "a\r\nb" } do
        assert.matches("argument topic is .*, expected a string of 1 to " .. most .. " bytes",
          refusal(module, name, with(case, topic)))
      end
      assert.matches("argument topic is missing", refusal(module, name, with(case)))
    end)
  end

  it("that is too long is a wrong length for the module, not a wrong value", function()
    assert.equal(101, number_of(ct12, ('AT+QMTSUB="%s",0'):format(("t"):rep(257))))
    assert.equal(101, number_of(ml302, ('AT+MQTTSUB="%s",0'):format(("t"):rep(513))))
    assert.equal(103, number_of(ct12, 'AT+QMTSUB="t",3'))
  end)
end)

describe("AT+QMTCFG", function()
  local all <const> = { clientid = "CT12", username = "MQTT1", password = "123456", will_qos = 0,
    will_retain = 1, will_topic = "QQQ", will_message = "123456" }

  local function first(count, changes)
    local names <const> = { "clientid", "username", "password", "will_qos", "will_retain",
      "will_topic", "will_message" }
    local values <const> = {}
    for i = 1, count do values[names[i]] = all[names[i]] end
    for key, v in pairs(changes or {}) do values[key] = v end
    return values
  end

  it("takes one, three or seven arguments", function()
    assert.equal('AT+QMTCFG="CT12"', (encode(ct12, "qmtcfg", first(1))))
    assert.equal('AT+QMTCFG="CT12","MQTT1","123456"', (encode(ct12, "qmtcfg", first(3))))
    assert.equal('AT+QMTCFG="CT12","MQTT1","123456",0,1,QQQ,123456',
      (encode(ct12, "qmtcfg", first(7))))
    for _, count in ipairs { 2, 4, 5, 6 } do
      assert.matches("is missing", refusal(ct12, "qmtcfg", first(count)))
    end
    for _, line in ipairs { 'AT+QMTCFG="a","b"', 'AT+QMTCFG="a","b","c",0', 'AT+QMTCFG=',
                            'AT+QMTCFG="a","b","c",0,1,"d"', 'AT+QMTCFG=a,b,c,0,1,d,e,f' } do
      assert.equal(101, number_of(ct12, line))
    end
  end)

  it("quotes a will that needs it", function()
    for _, message in ipairs { "", "a,b", " x", "x y", "a\\b", "\xE4\xB8\xAD", "bye!" } do
      local text <const> = assert(encode(ct12, "qmtcfg", first(7, { will_message = message })))
      assert.equal(message == "bye!", text:find('"', -2, true) == nil)
      assert.equal(message, assert(codec.parse(ct12, text)).args.will_message)
    end
  end)

  it("never shows a refused password", function()
    local message <const> = refusal(ct12, "qmtcfg", first(3, { password = 'geheim"' }))
    assert.equal("AT+QMTCFG: argument password is a secret of 7 bytes, expected a string of 0 to "
      .. "256 bytes without quote, line end or NUL", message)
    assert.matches("is a secret number", refusal(ct12, "qmtcfg", first(3, { password = 471147 })))
    local _, refused <const> = codec.parse(ct12,
      ('AT+QMTCFG="a","b","%s"'):format(("geheim"):rep(50)))
    assert.equal(101, refused.number)
    assert.is_nil(refused.reason:find("geheim", 1, true))
  end)

  it("accepts text without quotes, as the manual writes it", function()
    assert.equal("CT12", assert(codec.parse(ct12, "AT+QMTCFG=CT12")).args.clientid)
  end)
end)

describe("the rest of ct12's MQTT", function()
  it("keeps a keep-alive of 0 to 7200 seconds", function()
    for _, seconds in ipairs { 0, 7200 } do
      assert.equal("AT+QMTSTART=1," .. seconds,
        (encode(ct12, "qmtstart", { clean_session = 1, keepalive = seconds })))
    end
    for _, seconds in ipairs { -1, 7201 } do
      assert.matches("keepalive is .* expected an integer from 0 to 7200",
        refusal(ct12, "qmtstart", { clean_session = 1, keepalive = seconds }))
      assert.equal(103, number_of(ct12, "AT+QMTSTART=1," .. seconds))
    end
  end)

  it("connects without automatic reconnect unless told", function()
    assert.equal('AT+QMTCONNCFG="h",1883,0',
      (encode(ct12, "qmtconncfg", { address = "h", port = 1883 })))
  end)

  it("has no QoS 3 and no retain 2", function()
    assert.matches("qos is 3, expected one of 0, 1, 2",
      refusal(ct12, "qmtpub", { topic = "t", qos = 3, retain = 0, message = "x" }))
    assert.matches("retain is 2",
      refusal(ct12, "qmtpub", { topic = "t", qos = 0, retain = 2, message = "x" }))
    assert.matches("qos is 3", refusal(ct12, "qmtsub", { topic = "t", qos = 3 }))
  end)

  it("publishes texts of 0 to 512 bytes", function()
    local function message(size)
      return { topic = "t", qos = 0, retain = 0, message = ("x"):rep(size) }
    end
    for _, size in ipairs { 0, 1, 512 } do
      local text <const>, payload <const> = encode(ct12, "qmtpub", message(size))
      assert.equal(('AT+QMTPUB="t",0,0,"%s"'):format(("x"):rep(size)), text)
      assert.is_nil(payload)
    end
    assert.matches("message is .*expected a string of 0 to 512 bytes",
      refusal(ct12, "qmtpub", message(513)))
    assert.equal(101, number_of(ct12, ('AT+QMTPUB="t",0,0,"%s"'):format(("x"):rep(513))))
    for _, text in ipairs { 'a"b', "a\r\nb", "a\0b" } do
      assert.matches("message is ",
        refusal(ct12, "qmtpub", { topic = "t", qos = 0, retain = 0, message = text }))
    end
  end)

  it("tells a text of digits from a length, by the quotes", function()
    assert.equal("1", assert(codec.parse(ct12, 'AT+QMTPUB="t",0,0,"1"')).args.message)
    assert.equal(1, assert(codec.parse(ct12, 'AT+QMTPUB="t",0,0,1')).args.message)
    assert.is_false((select(3, codec.lookup(ct12, 'AT+QMTPUB="TTT",0,0,"1"'))))
    assert.is_true((select(3, codec.lookup(ct12, 'AT+QMTPUB="TTT",0,0,1'))))
    assert.same({ 'AT+QMTPUB="t",0,0,3', "a\0b" },
      { encode(ct12, "qmtpub", { topic = "t", qos = 0, retain = 0, payload = "a\0b" }) })
  end)

  it("publishes 1 to 2048 bytes of any value after the prompt", function()
    local every <const> = {}
    for byte = 0, 255 do every[#every + 1] = string.char(byte) end
    local all <const> = table.concat(every)
    for _, bytes in ipairs { "x", all, all:rep(8) } do
      assert.same({ 'AT+QMTPUBEX="t",1,0,' .. #bytes, bytes },
        { encode(ct12, "qmtpubex", { topic = "t", qos = 1, retain = 0, payload = bytes }) })
    end
    for _, bytes in ipairs { "", ("x"):rep(2049) } do
      assert.matches("payload is .*expected a string of 1 to 2048 bytes",
        refusal(ct12, "qmtpubex", { topic = "t", qos = 1, retain = 0, payload = bytes }))
    end
    for _, length in ipairs { 0, 2049 } do
      assert.equal(101, number_of(ct12, 'AT+QMTPUBEX="t",0,0,' .. length))
    end
    assert.equal(103, number_of(ct12, 'AT+QMTPUBEX="t",0,0,x'))
  end)

  it("asks for its state without a question mark, and with one when told", function()
    assert.equal("AT+QMTSTATU", (encode(ct12, "qmtstatu")))
    assert.equal("AT+QMTSTATU?", (encode(ct12, "qmtstatu", nil, "read")))
    assert.equal("AT+QMTDISC", (encode(ct12, "qmtdisc")))
    assert.equal("AT+QMTSUB?", (encode(ct12, "qmtsub")))
  end)
end)

describe("simple mode", function()
  it("takes only what goes together", function()
    for _, pair in ipairs { { 0, 0 }, { 1, 0 }, { 2, 1 }, { 2, 2 } } do
      local text <const> = ("AT+SIMPLEMODE=%d,%d"):format(pair[1], pair[2])
      assert.equal(text, (encode(ct12, "simplemode", { mode = pair[1], stata = pair[2] })))
      assert(codec.parse(ct12, text))
    end
    for _, pair in ipairs { { 1, 1 }, { 1, 2 }, { 2, 0 } } do
      assert.matches(("mode = %d, stata = %d do not go together"):format(pair[1], pair[2]),
        refusal(ct12, "simplemode", { mode = pair[1], stata = pair[2] }))
      assert.equal(103, number_of(ct12, ("AT+SIMPLEMODE=%d,%d"):format(pair[1], pair[2])))
    end
    assert.equal(103, number_of(ct12, "AT+SIMPLEMODE=3,0"))
    assert.equal(101, number_of(ct12, "AT+SIMPLEMODE=1"))
  end)

  it("keeps a client of 60 bytes, as it is written", function()
    local function client(size)
      return { type = "TCP", server_ip = ("a"):rep(size), server_port = 1234 }
    end
    local text <const> = assert(encode(ct12, "simpleclient", client(43)))
    assert.equal(60, #text - #"AT+SIMPLECLIENT=")
    assert(codec.parse(ct12, text))
    assert.equal("AT+SIMPLECLIENT: its arguments take 61 bytes, expected at most 60",
      refusal(ct12, "simpleclient", client(44)))
    assert.equal(101, number_of(ct12, 'AT+SIMPLECLIENT="TCP","' .. ("a"):rep(44) .. '",1234,0,0'))
  end)
end)

describe("AT+MQTTCFG", function()
  local function config(changes)
    local values <const> = { host = "h", port = 1883, id = "i", keep_alive = 60, user = "u",
      passwd = "p", clean = 1 }
    for key, v in pairs(changes or {}) do values[key] = v end
    return values
  end

  it("takes seven or nine arguments and no eight", function()
    assert.equal('AT+MQTTCFG="h",1883,"i",60,"u","p",1', (encode(ml302, "mqttcfg", config())))
    assert.equal('AT+MQTTCFG="h",1883,"i",60,"u","p",1,"",0',
      (encode(ml302, "mqttcfg", config { version = "", encrypt = 0 })))
    assert.matches("encrypt is missing", refusal(ml302, "mqttcfg", config { version = "" }))
    assert.matches("version is missing", refusal(ml302, "mqttcfg", config { encrypt = 0 }))
    assert.equal(101, number_of(ml302, 'AT+MQTTCFG="h",1883,"i",60,"u","p",1,""'))
    assert.equal(101, number_of(ml302, 'AT+MQTTCFG="h",1883,"i",60,"u","p"'))
  end)

  it("carries texts of 128 bytes and never shows the password", function()
    for _, name in ipairs { "host", "id", "user", "passwd" } do
      assert(encode(ml302, "mqttcfg", config { [name] = ("x"):rep(128) }))
      local message <const> = refusal(ml302, "mqttcfg", config { [name] = ("x"):rep(129) })
      assert.matches("argument " .. name, message)
      assert.equal(name ~= "passwd", message:find("xxx", 1, true) ~= nil)
    end
  end)

  it("accepts the curly quotes of text pasted from the manual", function()
    local quoted <const> = "\xE2\x80\x9D"
    local parsed <const> = assert(codec.parse(ml302,
      'AT+MQTTCFG="h",6002,"i",60,"u","p",0,' .. quoted .. quoted .. ",0"))
    assert.equal("", parsed.args.version)
  end)
end)

describe("AT+MQTTPUB", function()
  local function message(text, changes)
    local values <const> = { topic = "t", qos = 0, retain = 0, message = text }
    for key, v in pairs(changes or {}) do values[key] = v end
    return values
  end

  it("always sends dup, as 0 unless told", function()
    assert.equal('AT+MQTTPUB="t",0,0,0,"x"', (encode(ml302, "mqttpub", message("x"))))
    assert.equal('AT+MQTTPUB="t",0,0,1,"x"', (encode(ml302, "mqttpub", message("x", { dup = 1 }))))
  end)

  it("escapes quotes and carries backslashes, there and back", function()
    assert.equal([[AT+MQTTPUB="t",0,0,0,"{\"a\":\"b\"}"]],
      (encode(ml302, "mqttpub", message('{"a":"b"}'))))
    for _, text in ipairs { "", '"', '""', 'a"', '"a', 'a,"b",c', "\\x", 'a\\"b', "\\\\a", '\\"',
                            ('"'):rep(1024), ("x"):rep(1024), "1890", "OK", ",", " " } do
      local line <const> = assert(encode(ml302, "mqttpub", message(text)))
      assert.equal(text, assert(codec.parse(ml302, line)).args.message)
    end
  end)

  it("keeps the outer quotes of the manual's JSON", function()
    local parsed <const> = assert(codec.parse(ml302,
      ml302.entries.mqttpub.examples[3].send))
    assert.equal('"{"datastreams":[{"id":"4G","datapoints":[{"value":"1"}]}]}"',
      parsed.args.message)
  end)

  it("refuses what would take the closing quote with it, or does not fit", function()
    for _, text in ipairs { "\\", "a\\", 'a"\\', ("x"):rep(1025), "a\0b", "a\rb", "a\nb" } do
      assert.matches("message is ", refusal(ml302, "mqttpub", message(text)))
    end
    assert.matches("qos is 3", refusal(ml302, "mqttpub", message("x", { qos = 3 })))
    assert.equal(101, number_of(ml302, ('AT+MQTTPUB="t",0,0,0,"%s"'):format(("x"):rep(1025))))
  end)

  it("sends 1 to 1024 bytes after the prompt", function()
    for _, bytes in ipairs { "\0", 'a"\\', ("x"):rep(1024) } do
      assert.same({ 'AT+MQTTPUB="t",0,0,0,' .. #bytes, bytes },
        { encode(ml302, "mqttpub", message(nil, { payload = bytes })) })
    end
    for _, bytes in ipairs { "", ("x"):rep(1025) } do
      assert.matches("payload is ", refusal(ml302, "mqttpub", message(nil, { payload = bytes })))
    end
    for _, length in ipairs { 0, 1025 } do
      assert.equal(101, number_of(ml302, 'AT+MQTTPUB="t",0,0,0,' .. length))
    end
    assert.is_true((select(3, codec.lookup(ml302, 'AT+MQTTPUB="t",0,0,0,1890'))))
    assert.is_false((select(3, codec.lookup(ml302, 'AT+MQTTPUB="t",0,0,0,"1890"'))))
  end)

  it("with a topic that ends in a backslash is read right", function()
    local line <const> = assert(encode(ml302, "mqttpub", message('"', { topic = "t\\" })))
    local args <const> = assert(codec.parse(ml302, line)).args
    assert.same({ "t\\", '"' }, { args.topic, args.message })
  end)
end)
