-- SPDX-License-Identifier: MIT
--
-- Answers and unasked lines of the MQTT chapters, of both manuals: every spelling that they print
-- or that modules were seen to print, which of two equal heads is meant, and what each dialect
-- writes.

local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"

local ct12 <const> = assert(catalogue.load("ct12_mqtt", { "tests/support/catalogue" }))
local ml302 <const> = assert(catalogue.load("ml302"))

local function form_of(module, command)
  return select(2, codec.lookup(module, command))
end

local function decoded(module, command, line)
  return select(2, codec.decode(form_of(module, command), line))
end

local function urc(module, line)
  local spec <const>, fields <const> = codec.urc(module, line)
  return spec and spec.name, fields
end

local function is_urc(name, fields, lines, module)
  for _, line in ipairs(lines) do
    assert.same({ name, fields }, { urc(module or ml302, line) })
  end
end

describe("an answer of ct12", function()
  it("says that nothing was set", function()
    assert.same({ configured = false }, decoded(ct12, "AT+QMTCONNCFG?", "+QMTCONNCFG:NOT SET"))
    assert.same({ configured = false }, decoded(ct12, "AT+QMTCONNCFG?", "+QMTCONNCFG: NOT SET"))
    assert.same({ configured = false }, decoded(ct12, "AT+QMTCFG?", "+QMTCFG:NOT SET"))
    assert.same({ configured = false }, decoded(ct12, "AT+SIMPLECLIENT?", "+SIMPLECLIENT:NOT SET"))
  end)

  it("gives the MQTT client, with quotes or without", function()
    local client <const> = { configured = true, clientid = "CT12-9999", username = "MQTT1",
      password = "123456", will_qos = 1, will_retain = 1, will_topic = "QQQ",
      will_message = "123456" }
    for _, line in ipairs { "+QMTCFG:CT12-9999,MQTT1,123456,1,1,QQQ,123456",
                            '+QMTCFG: "CT12-9999","MQTT1","123456",1,1,"QQQ","123456"' } do
      assert.same(client, decoded(ct12, "AT+QMTCFG?", line))
    end
    client.will_message = "good, bye"
    assert.same(client,
      decoded(ct12, "AT+QMTCFG?", "+QMTCFG:CT12-9999,MQTT1,123456,1,1,QQQ,good, bye"))
    for _, line in ipairs { "+QMTCFG:CT12", '+QMTCFG:"CT12"', "+QMTCFG:CT12,,,,,," } do
      assert.same({ configured = true, clientid = "CT12" }, decoded(ct12, "AT+QMTCFG?", line))
    end
  end)

  it("gives the MQTT server, session and state", function()
    for _, line in ipairs { "+QMTCONNCFG:broker.emqx.io,1883,0",
                            '+QMTCONNCFG: "broker.emqx.io",1883,0' } do
      assert.same({ configured = true, address = "broker.emqx.io", port = 1883, reconnect = 0 },
        decoded(ct12, "AT+QMTCONNCFG?", line))
    end
    assert.same({ clean_session = 1, keepalive = 60 },
      decoded(ct12, "AT+QMTSTART?", "+QMTSTART:1,60"))
    for statu = 0, 2 do
      local fields <const> = { statu = statu, connected = statu == 1 }
      for _, line in ipairs { "+QMTSTATU:", "+QMTSTATU: ", "+QMTSTATUS:", "+QMTSTATUS: " } do
        for _, command in ipairs { "AT+QMTSTATU", "AT+QMTSTATU?", "AT+QMTSTATUS" } do
          assert.same(fields, decoded(ct12, command, line .. statu))
        end
      end
    end
  end)

  it("lists subscriptions, with quotes or without", function()
    for _, line in ipairs { '+QMTSUB:"TTT",0', "+QMTSUB:TTT,0", '+QMTSUB: "TTT",0' } do
      assert.same({ topic = "TTT", qos = 0 }, decoded(ct12, "AT+QMTSUB?", line))
    end
    for _, line in ipairs { '+QMTSUB:"a,b",2', "+QMTSUB:a,b,2" } do
      assert.same({ topic = "a,b", qos = 2 }, decoded(ct12, "AT+QMTSUB?", line))
    end
  end)

  it("gives simple mode and its client, of four columns or five", function()
    assert.same({ mode = 2, stata = 1 }, decoded(ct12, "AT+SIMPLEMODE?", "+SIMPLEMODE:2,1"))
    local client <const> = { configured = true, type = "TCP", server_ip = "8.137.154.246",
      server_port = 2057, local_port = 0, mode = 0 }
    for _, line in ipairs { '+SIMPLECLIENT:"TCP","8.137.154.246",2057,0,0',
                            "+SIMPLECLIENT: TCP,8.137.154.246,2057,0,0" } do
      assert.same(client, decoded(ct12, "AT+SIMPLECLIENT?", line))
    end
    client.mode = nil
    assert.same(client,
      decoded(ct12, "AT+SIMPLECLIENT?", '+SIMPLECLIENT:"TCP","8.137.154.246",2057,0'))
  end)
end)

describe("an unasked line of ct12", function()
  it("tells of the MQTT connection", function()
    assert.equal("MQTTCONNECT", (urc(ct12, "MQTTCONNECT")))
    assert.equal("MQTTDISCONNECT", (urc(ct12, "MQTTDISCONNECT")))
    assert.is_nil((urc(ct12, "MQTTCONNECTED")))
  end)

  it("announces a message, whose format is invented and marked so", function()
    is_urc("+QMTRECV", { topic = "a,b", length = 5 },
      { '+QMTRECV:"a,b",5,', '+QMTRECV: "a,b",5', "+QMTRECV:a,b,5," }, ct12)
    assert.is_nil((urc(ct12, '+QMTRECV:"a",b,5'))) -- no comma without quotes behind a quote
    assert.equal('+QMTRECV:"TTT",3',
      codec.announce(ct12, "+QMTRECV", { topic = "TTT", length = 3 }))
    local spec <const> = codec.urc(ct12, '+QMTRECV:"t",1')
    assert.is_true(spec.invented)
  end)
end)

describe("an answer of ml302", function()
  it("gives the configuration, of seven or nine columns, or none", function()
    local config <const> = { configured = true, host = "183.230.40.39", port = 6002,
      id = "532337966", keep_alive = 60, user = "246883", passwd = "***", clean = 0 }
    local line <const> = '183.230.40.39",6002,"532337966",60,"246883","***",0'
    assert.same(config, decoded(ml302, "AT+MQTTCFG?", '+MQTTCFG: "' .. line))
    config.version, config.encrypt = "", 0
    assert.same(config, decoded(ml302, "AT+MQTTCFG?", '+MQTTCFG:"' .. line .. ',"",0'))
    assert.same(config, decoded(ml302, "AT+ MQTTCFG?", '+ MQTTCFG: "' .. line .. ',"",0'))
    for _, none in ipairs { '+MQTTCFG:"(null)"', '+MQTTCFG: "(null)"' } do
      assert.same({ configured = false }, decoded(ml302, "AT+MQTTCFG?", none))
    end
  end)

  it("with the manual's curly quotes is read all the same", function()
    local line <const> = '+MQTTCFG: {183.230.40.39",6002,"532337966",60,"246883","***",0,"",0'
    local fields <const> = decoded(ml302, "AT+MQTTCFG?",
      (line:gsub('[{"]', { ["{"] = "\u{201C}", ['"'] = "\u{201D}" })))
    assert.equal("183.230.40.39", fields.host)
    assert.equal("532337966", fields.id)
  end)

  it("gives the state as it stands, connected at 1 and at 5", function()
    for stat = 0, 7 do
      assert.same({ stat = stat, connected = stat == 1 or stat == 5 },
        decoded(ml302, "AT+MQTTSTAT?", "+MQTTSTAT: " .. stat))
      assert.equal(stat, decoded(ml302, "AT+MQTTSTAT?", "+MQTTSTAT:" .. stat).stat)
    end
  end)

  it("confirms a subscription, or says that it was refused", function()
    for _, line in ipairs { "+MQTTSUBACK:2,2,dev/gsm/u", "+MQTTSUBACK: 2,2,dev/gsm/u ",
                            '+MQTTSUBACK: 2,2,"dev/gsm/u"', "+MQTT SUBACK:2,2,dev/gsm/u" } do
      local fields <const> = { pack_id = 2, code = 2, topic = "dev/gsm/u", accepted = true }
      assert.same(fields, decoded(ml302, 'AT+MQTTSUB="dev/gsm/u",2', line))
      is_urc("+MQTTSUBACK", fields, { line }) -- when it comes after the OK
    end
    assert.is_false(decoded(ml302, 'AT+MQTTSUB="t",0', "+MQTTSUBACK:2,128,t").accepted)
    assert.equal("a,b", decoded(ml302, 'AT+MQTTSUB="a,b",0', "+MQTTSUBACK:2,0,a,b").topic)
  end)

  it("confirms the end of a subscription", function()
    for _, line in ipairs { '+MQTT UNSUBACK:8,"test"', "+MQTT UNSUBACK:8,\u{201D}test\u{201D}",
                            "+MQTTUNSUBACK: 8,test", '+ MQTT UNSUBACK:8,"test"' } do
      assert.same({ pack_id = 8, topic = "test" }, decoded(ml302, 'AT+MQTTUNSUB="test"', line))
      is_urc("+MQTTUNSUBACK", { pack_id = 8, topic = "test" }, { line })
    end
  end)

  it("lists subscriptions below a header, or beside it", function()
    local form <const> = form_of(ml302, "AT+MQTTSUB?")
    for _, line in ipairs { "+MQTTSUB:", "+MQTTSUB: ", "+ MQTTSUB:" } do
      assert.is_true(codec.claims(form, line))
      assert.is_nil((codec.decode(form, line)))
    end
    for _, line in ipairs { "dev/gsm/u", '"dev/gsm/u"', "+MQTTSUB: dev/gsm/u" } do
      assert.same({ topic = "dev/gsm/u" }, decoded(ml302, "AT+MQTTSUB?", line))
    end
    for _, line in ipairs { "dev/gsm/u,2", '"dev/gsm/u",2', '+MQTTSUB: "dev/gsm/u",2' } do
      assert.same({ topic = "dev/gsm/u", qos = 2 }, decoded(ml302, "AT+MQTTSUB?", line))
    end
    assert.same({ topic = "a,b" }, decoded(ml302, "AT+MQTTSUB?", "a,b"))
    assert.same({ topic = "a,b", qos = 1 }, decoded(ml302, "AT+MQTTSUB?", "a,b,1"))
  end)

  it("of bare text claims no line that somebody else knows", function()
    for _, command in ipairs { "AT+MQTTSUB?", "ATI", "AT+CGMM" } do
      for _, line in ipairs { "RDY", "+MQTTPINGRSP: OK", "+MQTTTO:5", "dev/gsm/u" } do
        assert.is_false(codec.claims(form_of(ml302, command), line))
      end
    end
    assert.is_true(codec.claims(form_of(ml302, "AT+CGSN"), "860720087453595"))
  end)

  it("confirms a publication", function()
    local form <const> = form_of(ml302, 'AT+MQTTPUB="t",2,0,0,"x"')
    for i, name in ipairs { "ACK", "REC", "COMP" } do
      for _, head in ipairs { "+MQTTPUB", "+MQTT PUB", "+ MQTTPUB", "+ MQTT PUB" } do
        for _, rest in ipairs { ":0,5", ": 0,5", ": 0, 5" } do
          local line <const> = head .. name .. rest
          assert.same({ i, { dup = 0, pack_id = 5 } }, { codec.decode(form, line) })
          is_urc("+MQTTPUB" .. name, { dup = 0, pack_id = 5 }, { line })
        end
      end
    end
  end)

  it("gives what may be set", function()
    for _, line in ipairs { "+MQTTPING: 1", "+MQTTPING:1", "+ MQTTPING: 1" } do
      assert.same({ rsp_echo = 1 }, decoded(ml302, "AT+MQTTPING?", line))
    end
    for _, line in ipairs { "+ MQTTTO: 10", "+MQTTTO:10", "+MQTTTO: 10" } do
      assert.same({ timeout = 10 }, decoded(ml302, "AT+MQTTTO?", line))
    end
    for _, line in ipairs { "+ MQTTREC: 1, 0", "+MQTTREC:1,0", "+MQTTREC: 1,0" } do
      assert.same({ recon = 1, reconnum = 0 }, decoded(ml302, "AT+MQTTREC?", line))
    end
  end)

  it("of 27.007 is read", function()
    assert.same({ n = 2, stat = 1, registered = true, other = '"1A2B","01234567",7' },
      decoded(ml302, "AT+CREG?", '+CREG: 2,1,"1A2B","01234567",7'))
    assert.same({ rssi = 31, rssi_dbm = -51, ber = 99 }, decoded(ml302, "AT+CSQ", "+CSQ: 31,99"))
    assert.same({ code = "READY", ready = true }, decoded(ml302, "AT+CPIN?", "+CPIN: READY"))
    assert.same({ code = "SIM PIN", ready = false }, decoded(ml302, "AT+CPIN?", "+CPIN: SIM PIN"))
    assert.same({ imsi = "460001234567890" }, decoded(ml302, "AT+CIMI", "460001234567890"))
    assert.same({ model = "ML302" }, decoded(ml302, "AT+CGMM", "ML302"))
    assert.same({ text = "Revision: 1, 2" }, decoded(ml302, "ATI", "Revision: 1, 2"))
  end)
end)

describe("an unasked line of ml302", function()
  it("is the answer to a ping in every spelling", function()
    local lines <const> = { "+MQTTPINGRSP: OK", "+MQTTPINGRSP:OK", "+ MQTT PINGRSP OK",
                            "+MQTT PINGRSP OK", "+MQTTPINGRESP:OK", "+MQTTPINGRESP: OK",
                            "+ MQTTPINGRSP: OK", "+MQTTPINGRSP: OK." }
    is_urc("+MQTTPINGRSP", {}, lines)
    assert.is_nil((urc(ml302, "+MQTTPINGRSP: OKAY")))
    assert.is_nil((urc(ml302, "+MQTTPINGRSP:")))
  end)

  it("tells of the connection", function()
    is_urc("+MQTTOPEN", {}, { "+MQTTOPEN:OK", "+MQTTOPEN: OK", "+MQTTOPEN: OK ", "+ MQTTOPEN:OK" })
    is_urc("+MQTTOPEN:FAIL", {}, { "+MQTTOPEN:FAIL", "+MQTTOPEN: FAIL" })
    is_urc("+MQTTDISC", {}, { "+MQTTDISC: OK", "+MQTTDISC:OK", "+MQTTDISC: OK.", "+MQTTDISC:OK." })
    for type = 1, 6 do is_urc("+MQTTTO", { type = type }, { "+MQTTTO:" .. type }) end
    is_urc("+MQTTPUBREL", { dup = 0, pack_id = 1 }, { "+MQTTPUBREL: 0,1", "+MQTT PUBREL: 0,1",
      "+MQTTPUBREL:0,1", "+MQTT PUBREL:0,1", "+ MQTT PUBREL: 0,1" })
    is_urc("+CPIN", { code = "READY", ready = true }, { "+CPIN: READY" })
  end)

  it("+MQTTREC has one number, the answer to AT+MQTTREC? two", function()
    for attempt = 0, 2 do
      is_urc("+MQTTREC", { attempt = attempt }, { "+MQTTREC:" .. attempt })
      assert.is_false(codec.claims(form_of(ml302, "AT+MQTTREC?"), "+MQTTREC:" .. attempt))
    end
    assert.is_nil((urc(ml302, "+MQTTREC: 1,0")))
  end)

  it("+MQTTTO looks like the answer: whoever asked claims it", function()
    assert.is_true(codec.claims(form_of(ml302, "AT+MQTTTO?"), "+MQTTTO:5"))
    assert.is_false(codec.claims(form_of(ml302, "AT+MQTTTO=5"), "+MQTTTO:5"))
    assert.equal("+MQTTTO", (urc(ml302, "+MQTTTO:5")))
  end)

  it("+CREG has one number, the answer to AT+CREG? two", function()
    is_urc("+CREG", { stat = 5, registered = true }, { "+CREG: 5", "+CREG:5" })
    assert.equal("1A2B", select(2, urc(ml302, '+CREG: 1,"1A2B","01234567",7')).area)
    assert.is_nil((urc(ml302, "+CREG: 0,1")))
  end)

  it("announces a message, whatever its topic looks like", function()
    local function message(qos, pack_id, topic, length)
      return { dup = 0, qos = qos, retained = 0, pack_id = pack_id, topic = topic,
        msg_len = length }
    end
    is_urc("+MQTTPUBLISH", message(1, 1, "test", 14), {
      '+MQTTPUBLISH: 0,1,0,1,"test",14,', '+MQTTPUBLISH:0,1,0,1,"test",14,',
      "+MQTTPUBLISH: 0,1,0,1,\u{201D}test\u{201D},14,", "+MQTTPUBLISH:0,1,0,1,test,14,",
      "+MQTT PUBLISH: 0,1,0,1,test,14", '+ MQTTPUBLISH: 0,1,0,1,"test",14,',
    })
    is_urc("+MQTTPUBLISH", message(2, 7, "a,b,c", 23),
      { '+MQTTPUBLISH: 0,2,0,7,"a,b,c",23,', "+MQTTPUBLISH: 0,2,0,7,a,b,c,23," })
    assert.is_nil((urc(ml302, '+MQTTPUBLISH: 0,1,0,1,"test"')))
  end)

  it("is announced to the framer under each spelling of its head", function()
    local known <const>, counted <const> = {}, {}
    for _, start in ipairs(ml302.vocabulary.known) do known[start] = true end
    for _, each in ipairs(ml302.vocabulary.counted) do counted[each.prefix] = each.field end
    for _, head in ipairs { "+MQTTPUBLISH:", "+MQTT PUBLISH:", "+ MQTTPUBLISH:" } do
      assert.equal(6, counted[head])
    end
    for _, start in ipairs { "+MQTTPINGRSP:", "+ MQTT PINGRSP OK", "+MQTT PUBREL:", "+MQTTDISC:",
                             "+MQTTSUBACK:", "RDY", "+CREG:" } do
      assert.is_true(known[start], start)
    end
    assert.is_nil(known["+ MQTT PINGRSP"])
  end)
end)

describe("writing a line", function()
  it("follows the manual's examples", function()
    local sub <const> = form_of(ml302, 'AT+MQTTSUB="t",1')
    local ack <const> = { pack_id = 2, code = 2, topic = "dev/gsm/u" }
    assert.equal("+MQTTSUBACK:2,2,dev/gsm/u", codec.format(sub, 1, ack))
    assert.equal("+MQTTSUBACK: 2,2,dev/gsm/u", codec.format(sub, 1, ack, "table"))
    ack.topic = "a,b"
    assert.equal('+MQTTSUBACK:2,2,"a,b"', codec.format(sub, 1, ack))
    assert.equal('+MQTT UNSUBACK:8,"test"', codec.format(form_of(ml302, 'AT+MQTTUNSUB="t"'), 1,
      { pack_id = 8, topic = "test" }))
    local list <const> = form_of(ml302, "AT+MQTTSUB?")
    assert.equal("+MQTTSUB:", codec.format(list, 1, {}))
    assert.equal("dev/gsm/u", codec.format(list, 3, { topic = "dev/gsm/u" }))
    assert.equal('"a,b"', codec.format(list, 3, { topic = "a,b" }))
    assert.equal("+MQTTOPEN:OK", codec.announce(ml302, "+MQTTOPEN"))
    assert.equal("+MQTTOPEN: OK", codec.announce(ml302, "+MQTTOPEN", {}, "table"))
    assert.equal("+MQTTDISC: OK", codec.announce(ml302, "+MQTTDISC"))
    assert.equal("+MQTTPINGRSP: OK", codec.announce(ml302, "+MQTTPINGRSP"))
    assert.equal("+MQTT PUBREL: 0,1",
      codec.announce(ml302, "+MQTTPUBREL", { dup = 0, pack_id = 1 }))
    assert.equal('+MQTTCFG: "(null)"', codec.format(form_of(ml302, "AT+MQTTCFG?"), 1, {}))
    assert.equal("+QMTCONNCFG:NOT SET", codec.format(form_of(ct12, "AT+QMTCONNCFG?"), 1, {}))
  end)

  it("prints the topic of a message with quotes, and without as older firmware does", function()
    local values <const> =
      { dup = 0, qos = 1, retained = 0, pack_id = 1, topic = "pyr", msg_len = 3 }
    for _, dialect in ipairs { "example", "field" } do
      assert.equal('+MQTTPUBLISH: 0,1,0,1,"pyr",3',
        codec.announce(ml302, "+MQTTPUBLISH", values, dialect))
    end
    assert.equal("+MQTTPUBLISH: 0,1,0,1,pyr,3",
      codec.announce(ml302, "+MQTTPUBLISH", values, "table"))
  end)

  it("answers the MQTT client of ct12 without quotes where it can", function()
    local client <const> = { clientid = "CT12-9999", username = "MQTT1", password = "123456",
      will_qos = 1, will_retain = 1, will_topic = "QQQ", will_message = "123456" }
    assert.equal("+QMTCFG:CT12-9999,MQTT1,123456,1,1,QQQ,123456",
      codec.format(form_of(ct12, "AT+QMTCFG?"), 2, client))
    client.password = "p,w"
    local line <const> = codec.format(form_of(ct12, "AT+QMTCFG?"), 2, client)
    assert.equal("p,w", decoded(ct12, "AT+QMTCFG?", line).password)
  end)
end)

describe("finding secrets", function()
  it("lists passwords of a command, whatever it is worth", function()
    assert.same({ "123456" }, codec.secrets(ct12, 'AT+QMTCFG="CT12","MQTT1","123456",0,1,QQQ,1'))
    assert.same({ "pw" }, codec.secrets(ct12, "at+qmtcfg=a,b,pw"))
    assert.same({ "pw" }, codec.secrets(ct12, "AT+QMTCFG=“a”,“b”,“pw”"))
    assert.same({ "“”pw" }, codec.secrets(ct12, "AT+QMTCFG=a,b,“”pw"))
    assert.same({ "p,w" }, codec.secrets(ct12, 'AT+QMTCFG="a","b","p,w",9,9'))
    assert.same({ "p" }, codec.secrets(ml302, 'AT+MQTTCFG="h",1883,"i",60,"u","p",1,""'))
    for _, line in ipairs { 'AT+QMTCFG="a"', 'AT+QMTCFG="a","b",""', "AT+QMTCFG?", "AT", "",
                            'AT+QMTPUB="t",0,0,"x"', "AT+BOGUS=1", "AT+QMTCFG=" } do
      assert.same({}, codec.secrets(ct12, line))
    end
  end)

  it("lists passwords of an answer, but not its stars", function()
    local function found(module, command, line)
      return codec.secrets_of_answer(select(2, codec.lookup(module, command)), line)
    end
    assert.same({ "123456" }, found(ct12, "AT+QMTCFG?", "+QMTCFG:CT12-9999,MQTT1,123456,1,1,QQQ,1"))
    assert.same({ "s" }, found(ml302, "AT+MQTTCFG?", '+MQTTCFG: "h",1,"i",60,"u","s",0'))
    assert.same({}, found(ml302, "AT+MQTTCFG?", '+MQTTCFG: "h",1,"i",60,"u","***",0,"",0'))
    assert.same({}, found(ct12, "AT+QMTCFG?", "+QMTCFG:NOT SET"))
    assert.same({}, found(ct12, "AT+CSQ", "+CSQ: 15,99"))
  end)
end)
