-- SPDX-License-Identifier: MIT
--
-- What the simulated ML302 does at each command, and what it refuses, on the
-- virtual clock with a scripted broker in the process. Topics and messages are
-- in sim_ml302_message_spec.lua, a lost connection in sim_ml302_loss_spec.lua.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.ml302_bench"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"

core.virtual()

local CONFIG <const>, OPEN <const> = bench.CONFIG, bench.OPEN
local facts <const>, opened <const>, started <const> = bench.facts, bench.opened, bench.started

describe("basic commands of the ML302:", function()
  it("what it prints at a start", async(function()
    local client <close> = started { set = { boot = 10 } }
    assert.equals("\r\nRDY\r\n\r\n+CPIN: READY\r\n", client:listen(10))
    facts(client, { { "AT+CREG?", "+CREG: 0,1", "OK" } })
  end))

  it("identity", async(function()
    local client <close> = started { set = { version = "V2", imsi = "460000000000001" } }
    facts(client, {
      { "AT", "OK" },
      { "ATI", "CMIOT", "ML302", "V2", "OK" },
      { "AT+CGMI", "CMIOT", "OK" },
      { "AT+CGMM", "ML302", "OK" },
      { "AT+CGMR", "V2", "OK" },
      { "AT+CGSN", "860720087453595", "OK" },
      { "AT+CIMI", "460000000000001", "OK" },
      { "AT+CPIN?", "+CPIN: READY", "OK" },
      { "AT+CSQ", "+CSQ: 23,99", "OK" },
      { "at+ csq", "+CSQ: 23,99", "OK" },
    })
  end))

  it("a missing SIM card", async(function()
    local client <close> = started { set = { imsi = "", boot = 10 } }
    assert.equals("\r\nRDY\r\n", client:listen(20))
    facts(client, {
      { "AT+CIMI", "+CME ERROR: 10" },
      { "AT+CPIN?", "+CME ERROR: 10" },
      { "AT+CREG?", "+CREG: 0,0", "OK" },
      { CONFIG, "OK" },
      { OPEN, "+CME ERROR:600" },
    })
  end))

  it("registration and its notification", async(function()
    for n, line in pairs { "+CREG: 1", '+CREG: 1,"25EF","02D0318E",7' } do
      local client <close> = started { set = { register = 100 } }
      facts(client, { { "AT+CREG?", "+CREG: 0,2", "OK" }, { "AT+CREG=" .. n, "OK" } })
      assert.equals("\r\n" .. line .. "\r\n", client:listen(100))
    end
    local client <close> = started()
    facts(client, {
      { "AT+CREG=2", "OK" },
      { "AT+CREG?", '+CREG: 2,1,"25EF","02D0318E",7', "OK" },
      { "AT+CREG=3", "+CME ERROR: 601" },
    })
  end))

  it("echo", async(function()
    local client <close> = started()
    assert.equals("ATE0\r\n\r\nOK\r\n", client:ask("ATE0"))
    assert.equals("\r\nOK\r\n", client:ask("AT"))
    assert.equals("\r\nOK\r\n", client:ask("ATE1"))
    assert.equals("AT\r\n\r\nOK\r\n", client:ask("AT"))
    assert.same({ "+CME ERROR: 601" }, client:lines("ATE2"))
  end))

  it("what it does not know", async(function()
    local client <close> = started()
    for _, command in ipairs {
      "AT+QIOPEN=1", "AT+", "ATX", "AT+MQTTSTAT", "AT+MQTTSTAT=1", "AT+MQTTDISC?", "AT+MQTTCFG",
      "AT+MQTTCFG=?", "AT" .. ("x"):rep(5000),
    } do
      assert.same({ "ERROR" }, client:lines(command, 3), command)
    end
  end))
end)

describe("AT+MQTTCFG", function()
  it("takes 7 or 9 arguments and shows them without the password", async(function()
    local client <close> = started()
    facts(client, {
      { "AT+MQTTCFG?", '+MQTTCFG: "(null)"', "OK" },
      { CONFIG, "OK" },
      { "AT+MQTTCFG?", '+MQTTCFG: "broker.test",1883,"dut",60,"u","***",1,"",0', "OK" },
      { 'AT+MQTTCFG="h",1,"i",0,"","",0,"v,1",1', "OK" },
      { "AT+MQTTCFG?", '+MQTTCFG: "h",1,"i",0,"","***",0,"v,1",1', "OK" },
      { 'AT+MQTTCFG=h,1,i,0,u,p,0', "OK" },
    })
  end))

  it("refuses everything else", async(function()
    local client <close> = started()
    local long <const> = ("x"):rep(129)
    for _, arguments in ipairs {
      "", '"h",1,"i",0,"u","p"', '"h",1,"i",0,"u","p",1,"v"', '"h",1,"i",0,"u","p",1,"v",0,0',
      '"h",0,"i",0,"u","p",1', '"h",65536,"i",0,"u","p",1', '"h",1,"i",65536,"u","p",1',
      '"h",1,"i",0,"u","p",2', '"h",1,"i",0,"u","p",1,"v",2', '"h",1,"i",0,"u","p",1,"",1',
      ('"%s",1,"i",0,"u","p",1'):format(long), ('"h",1,"%s",0,"u","p",1'):format(long),
      ('"h",1,"i",0,"%s","p",1'):format(long), ('"h",1,"i",0,"u","%s",1'):format(long),
    } do
      assert.same({ "ERROR" }, client:lines("AT+MQTTCFG=" .. arguments), arguments)
    end
    facts(client, { { "AT+MQTTCFG?", '+MQTTCFG: "(null)"', "OK" } })
  end))

  it("is refused while the connection is open", async(function()
    local client <close> = opened()
    facts(client, {
      { CONFIG, "+CME ERROR:602" },
      { "AT+MQTTDEL", "+CME ERROR:602" },
      { "AT+MQTTDISC", "+MQTTDISC: OK", "OK" },
      { CONFIG, "OK" },
      { "AT+MQTTDEL", "OK" },
      { "AT+MQTTCFG?", '+MQTTCFG: "(null)"', "OK" },
      { OPEN, "+CME ERROR:601" },
    })
  end))
end)

describe("AT+MQTTOPEN", function()
  it("tells the broker what was set", async(function()
    local client <close> = started()
    facts(client, {
      { CONFIG, "OK" },
      { "AT+MQTTSTAT?", "+MQTTSTAT: 0", "OK" },
      { 'AT+MQTTOPEN=1,1,1,1,2, "mywill","001bye"', "+MQTTOPEN:OK", "OK" },
      { "AT+MQTTSTAT?", "+MQTTSTAT: 1", "OK" },
      { OPEN, "+CME ERROR:602" },
    })
    assert.same({ {
      type = "connect", client_id = "dut", clean = true, keepalive = 60, user = "u",
      password = "p", will = { topic = "mywill", message = "001bye", qos = 2, retain = true },
    } }, client.broker.packets)
  end))

  it("tells it nothing that the flags leave out", async(function()
    local client <close> = started()
    facts(client, {
      { 'AT+MQTTCFG="broker.test",1883,"dut",0,"u","p",0', "OK" },
      { 'AT+MQTTOPEN=0,0,0,1,2,"mywill","001bye"', "+MQTTOPEN:OK", "OK" },
    })
    assert.same({ { type = "connect", client_id = "dut", clean = false, keepalive = 0 } },
      client.broker.packets)
  end))

  it("refuses what MQTT or the manual cannot mean", async(function()
    local client <close> = started()
    facts(client, { { CONFIG, "OK" } })
    for _, arguments in ipairs {
      '0,1,0,0,0,"",""', '1,1,1,0,0,"",""', '1,1,1,0,0,"a/#","x"', '1,1,1,0,3,"a","x"',
      '2,1,0,0,0,"",""', '1,1,0,0,0,""', "1,1,0,0,0", ('1,1,1,0,0,"%s","x"'):format(("t"):rep(513)),
      ('1,1,1,0,0,"t","%s"'):format(("x"):rep(513)),
    } do
      assert.same({ "+CME ERROR:601" }, client:lines("AT+MQTTOPEN=" .. arguments), arguments)
    end
    assert.same({}, client.broker.packets)
    facts(client, { { OPEN, "+MQTTOPEN:OK", "OK" } })
  end))

  it("needs the network and AT+MQTTCFG", async(function()
    local client <close> = started { set = { register = 100 } }
    facts(client, { { CONFIG, "OK" }, { OPEN, "+CME ERROR:600" } })
    client:listen(100)
    facts(client, { { OPEN, "+MQTTOPEN:OK", "OK" } })
  end))

  it("tells how the broker refuses, and never tries a password again", async(function()
    for code, number in pairs { 603, 603, 603, 614, 614 } do
      local client <close> = started()
      client.broker.answers.connect = function()
        return { type = "connack", code = code, has_session = false }
      end
      facts(client, { { CONFIG, "OK" }, { OPEN, "+CME ERROR:" .. number } })
      local rest <const> = bench.listen(client, 3600)
      assert.same(number == 614 and {} or {
        "+MQTTREC:0", "+MQTTREC:1", "+MQTTREC:2", "+MQTTDISC: OK",
      }, rest)
    end
  end))

  it("nobody there, nor a name", async(function()
    local client <close> = started()
    facts(client, {
      { 'AT+MQTTCFG="192.0.2.1",1,"dut",60,"u","p",1', "OK" },
      { OPEN, "+CME ERROR:603" },
      { "AT+MQTTDISC", "+MQTTDISC: OK", "OK" }, -- no more attempts
      { 'AT+MQTTCFG="no.such.test",1,"dut",60,"u","p",1', "OK" },
      { OPEN, "+CME ERROR:603" },
      { "AT+MQTTREC=0", "OK" },
    })
    assert.same({ "+MQTTDISC: OK" }, bench.listen(client, 100))
  end))

  it("a broker that says nothing has 8 seconds", async(function()
    local client <close> = started()
    client.net.servers["192.0.2.1:1883"] = fake_net.sink
    facts(client, { { "AT+MQTTREC=0", "OK" }, { CONFIG, "OK" } })
    client:send(OPEN .. "\r\n")
    assert.equals(OPEN .. "\r\n", client:listen(7.9))
    assert.same({ "+MQTTTO:1", "+CME ERROR:604" }, bench.listen(client, 0.2))
    assert.same({}, bench.listen(client, 100))
    facts(client, { { "AT+MQTTSTAT?", "+MQTTSTAT: 0", "OK" } })
  end))

  it("takes over from attempts to reconnect", async(function()
    local client <close> = started()
    local serve <const> = client.net.servers["192.0.2.1:1883"]
    client.net.servers["192.0.2.1:1883"] = nil
    facts(client, { { CONFIG, "OK" }, { OPEN, "+CME ERROR:603" } })
    client.net.servers["192.0.2.1:1883"] = serve
    facts(client, { { OPEN, "+MQTTOPEN:OK", "OK" } })
    assert.same({}, bench.listen(client, 20))
  end))

  it("goes where --map leads", async(function()
    local client <close> = started {
      map = { { host = "broker.emqx.io", addr = "192.0.2.1", port = 1883 } },
    }
    facts(client, {
      { 'AT+MQTTCFG="broker.emqx.io",8883,"dut",60,"u","p",1', "OK" },
      { OPEN, "+MQTTOPEN:OK", "OK" },
      { "AT+MQTTCFG?", '+MQTTCFG: "broker.emqx.io",8883,"dut",60,"u","***",1,"",0', "OK" },
    })
  end))
end)

describe("the other MQTT commands:", function()
  it("AT+MQTTPING", async(function()
    local client <close> = started()
    facts(client, {
      { "AT+MQTTPING?", "+MQTTPING: 1", "OK" },
      { "AT+MQTTPING=0", "+CME ERROR: 601" },
      { CONFIG, "OK" },
      { OPEN, "+MQTTOPEN:OK", "OK" },
      { "AT+MQTTPING=2", "+CME ERROR: 601" },
      { "AT+MQTTPING=0", "OK" },
      { "AT+MQTTPING?", "+MQTTPING: 0", "OK" },
    })
    assert.same({}, bench.listen(client, 100))
    facts(client, { { "AT+MQTTPING=1", "OK" } })
    assert.same({ "+MQTTPINGRSP: OK" }, bench.listen(client, 30))
  end))

  it("AT+MQTTREC and AT+MQTTTO", async(function()
    local client <close> = started()
    facts(client, {
      { "AT+MQTTREC?", "+MQTTREC: 1,0", "OK" },
      { "AT+MQTTREC=0", "OK" },
      { "AT+MQTTREC?", "+MQTTREC: 0,0", "OK" },
      { "AT+MQTTREC=2", "+CME ERROR: 601" },
      { "AT+MQTTTO?", "+MQTTTO: 10", "OK" },
      { "AT+MQTTTO=3", "OK" },
      { "AT+MQTTTO?", "+MQTTTO: 3", "OK" },
      { "AT+MQTTTO=0", "+CME ERROR: 601" },
    })
  end))

  it("AT+MQTTDISC says goodbye, once", async(function()
    local client <close> = opened()
    facts(client, {
      { "AT+MQTTDISC", "+MQTTDISC: OK", "OK" },
      { "AT+MQTTDISC", "+CME ERROR:620" },
      { "AT+MQTTSTAT?", "+MQTTSTAT: 0", "OK" },
    })
    assert.same({ "disconnect" }, client.broker.types)
    assert.same({}, bench.listen(client, 100))
    assert.equals(0, client.net.open)
  end))

  it("need a connection", async(function()
    local client <close> = started()
    facts(client, {
      { "AT+MQTTDISC", "+CME ERROR:620" },
      { 'AT+MQTTSUB="a",0', "+CME ERROR:613" },
      { 'AT+MQTTUNSUB="a"', "+CME ERROR: 613" },
      { 'AT+MQTTPUB="a",0,0,0,"x"', "+CME ERROR:608" },
      { 'AT+MQTTPUB="a",0,0,0,5', "+CME ERROR:608" },
      { "AT+MQTTDEL", "OK" },
    })
  end))
end)

describe("dialects:", function()
  it("the table's", async(function()
    local client <close> = started { dialect = "table" }
    facts(client, {
      { OPEN, "+CME ERROR" },
      { "AT+MQTTDISC", "ERROR" },
      { CONFIG, "OK" },
      { OPEN, "+MQTTOPEN: OK", "OK" },
      { CONFIG, "ERROR" },
      { 'AT+MQTTSUB="a",1', "+MQTTSUBACK: 1,1,a", "OK" },
      { 'AT+MQTTSUB="a",1', "+CME ERROR:606" },
      { "AT+MQTTSUB?", "+MQTTSUB:", "a,1", "OK" },
      { 'AT+MQTTPUB="a",2,0,0,"x"', "+MQTTPUBREC: 0,2", "+MQTTPUBCOMP:0,2", "OK" },
      { "AT+MQTTREC?", "+ MQTTREC: 1,0", "OK" },
      { "AT+MQTTTO?", "+ MQTTTO: 10", "OK" },
    })
  end))

  it("the field's: OK comes first", async(function()
    local client <close> = started { dialect = "field" }
    facts(client, {
      { CONFIG, "OK" },
      { OPEN, "OK", "+MQTTOPEN:OK" },
      { OPEN, "+CME ERROR:602" },
      { 'AT+MQTTSUB="a",1', "OK", "+MQTTSUBACK:1,1,a" },
      { 'AT+MQTTSUB="a",1', "+CME ERROR:606" },
      { 'AT+MQTTSUB="a#",1', "+CME ERROR:601" },
    })
  end))
end)
