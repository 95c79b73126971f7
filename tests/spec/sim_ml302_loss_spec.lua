-- SPDX-License-Identifier: MIT
--
-- What the simulated ML302 does when the connection to its broker is lost
-- (manual, 3.4): a broker that falls silent, one that closes, answers that do
-- not come; reconnecting with and without success. On the virtual clock.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.ml302_bench"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local lost_server <const> = require "tests.support.lost_server"

core.virtual()

local ADDRESS <const> = "192.0.2.1:1883"
local facts <const>, opened <const> = bench.facts, bench.opened

-- Listens and notes when each line came, in whole seconds from now.
local function watch(client, seconds)
  local from <const>, list <const> = core.now(), {}
  local last <const> = from + seconds
  client:take()
  while core.now() < last do
    for _, line in ipairs(bench.listen(client, 0.5)) do
      list[#list + 1] = ("%s %d"):format(line, math.floor(core.now() - from))
    end
  end
  return list
end

local function without_times(list)
  local out <const> = {}
  for i, line in ipairs(list) do
    out[i] = line:gsub(" %d+$", "")
  end
  return out
end

local function fall_silent(client)
  for kind in pairs(client.broker.answers) do
    client.broker.answers[kind] = false
  end
end

local function go_away(client)
  client.net.servers[ADDRESS] = nil
  client.broker:close()
end

describe("the keepalive story of 3.4:", function()
  local CONFIG <const> = 'AT+MQTTCFG="broker.test",1883,"dut",40,"u","p",1'

  it("as printed, with its times", async(function()
    local client <close> = opened { config = CONFIG }
    local list = watch(client, 50) -- a second of it was spent by opened()
    assert.same({ "+MQTTPINGRSP: OK 19", "+MQTTPINGRSP: OK 39" }, list)
    fall_silent(client)
    client.net.servers[ADDRESS] = fake_net.sink
    list = watch(client, 200)
    assert.same({
      "+MQTTTO:5 19", "+MQTTTO:5 39", "+MQTTTO:5 59", -- 10 s after each ping
      "+MQTTREC:0 63", -- 4 s later
      "+MQTTREC:1 79", -- 8 s for CONNACK, 8 s more
      "+MQTTREC:2 103", -- 8 s, 16 s
      "+MQTTDISC: OK 111",
    }, list)
    assert.equals(0, client.net.open)
    facts(client, {
      { "AT+MQTTSTAT?", "+MQTTSTAT: 0", "OK" },
      { "AT+MQTTREC?", "+MQTTREC: 1,3", "OK" },
      { "AT+MQTTDISC", "+CME ERROR:620" },
      { 'AT+MQTTSUB="a",0', "+CME ERROR:615" },
      { 'AT+MQTTPUB="a",0,0,0,"x"', "+CME ERROR:615" },
    })
  end))

  it("with the first backoff as it is set", async(function()
    local client <close> = opened { config = CONFIG, set = { reconnect = "1" } }
    client.net.servers[ADDRESS] = nil
    fall_silent(client)
    local list <const> = watch(client, 100)
    table.move(list, 4, #list, 1, list)
    assert.same({ "+MQTTREC:0 70", "+MQTTREC:1 72", "+MQTTREC:2 76", "+MQTTDISC: OK 76" },
      { table.unpack(list, 1, 4) })
  end))

  it("an answer in between starts the count anew", async(function()
    local client <close> = opened { config = CONFIG }
    local count = 0
    client.broker.answers.pingreq = function()
      count = count + 1
      return count % 3 == 0 and { type = "pingresp" } or nil
    end
    assert.same({
      "+MQTTTO:5", "+MQTTTO:5", "+MQTTPINGRSP: OK", "+MQTTTO:5", "+MQTTTO:5", "+MQTTPINGRSP: OK",
    }, without_times(watch(client, 128)))
  end))

  it("pings as often as it is set, and not at all without keepalive", async(function()
    local client <close> = opened { set = { ping = 1 } }
    assert.same({ "+MQTTPINGRSP: OK 59", "+MQTTPINGRSP: OK 119" }, watch(client, 150))
    local quiet <close> = opened { config = CONFIG:gsub("40", "0") }
    assert.same({}, watch(quiet, 7200))
  end))
end)

describe("the plan of 3.4", function()
  it("runs for minutes in a moment, and says what it always said", async(function()
    local began <const> = os.clock()
    local status <const>, text <const>, seconds <const> = lost_server.run()
    assert.equals(lost_server.golden("10", "10"), text)
    assert.equals(0, status)
    assert.is_true(seconds > 100, seconds)
    assert.is_true(os.clock() - began < 5, os.clock() - began)
  end))
end)

describe("a broker that closes", function()
  it("is looked for at once, without +MQTTTO", async(function()
    local client <close> = opened()
    go_away(client)
    assert.same({ "+MQTTREC:0 0", "+MQTTREC:1 8", "+MQTTREC:2 24", "+MQTTDISC: OK 24" },
      watch(client, 100))
  end))

  it("is found again, with its subscriptions", async(function()
    local client <close> = opened()
    facts(client, { { 'AT+MQTTSUB="a",1', "+MQTTSUBACK:1,1,a", "OK" } })
    client.broker:take()
    client.broker:close()
    assert.same({ "+MQTTREC:0", "+MQTTOPEN:OK" }, bench.listen(client, 10))
    assert.same({ "connect", "subscribe" }, client.broker.types)
    facts(client, {
      { "AT+MQTTREC?", "+MQTTREC: 1,1", "OK" },
      { "AT+MQTTSUB?", "+MQTTSUB:", "a", "OK" },
      { 'AT+MQTTSUB="a",1', "+CME ERROR:606" },
    })
  end))

  it("again and again is not hurried", async(function()
    local client <close> = opened()
    local answer <const> = client.broker.answers.connect
    client.broker.answers.connect = function(packet)
      client.broker:close()
      return answer(packet)
    end
    client.broker:close()
    local list <const> = bench.listen(client, 60)
    assert.is_true(#list > 10 and #list < 40, #list)
  end))

  it("during a command fails that", async(function()
    local client <close> = opened()
    client.broker.answers.publish = function()
      client.broker:close()
    end
    facts(client, {
      { 'AT+MQTTPUB="a",1,0,0,"x"', "+CME ERROR:613", "+MQTTREC:0", "+MQTTOPEN:OK" },
    })
  end))

  it("with another password by then ends it", async(function()
    local client <close> = opened()
    client.broker.answers.connect = function()
      return { type = "connack", code = 5, has_session = false }
    end
    client.broker:close()
    assert.same({ "+MQTTREC:0", "+MQTTDISC: OK" }, bench.listen(client, 100))
  end))

  it("is not looked for without AT+MQTTREC=1", async(function()
    local client <close> = opened()
    facts(client, { { "AT+MQTTREC=0", "OK" } })
    client.broker:close()
    assert.same({ "+MQTTDISC: OK" }, bench.listen(client, 100))
  end))
end)

describe("while it reconnects", function()
  it("AT+MQTTREC=0 and AT+MQTTDISC end it", async(function()
    local client <close> = opened()
    go_away(client)
    client:listen(1)
    facts(client, {
      { 'AT+MQTTSUB="a",0', "+CME ERROR:613" },
      { 'AT+MQTTPUB="a",0,0,0,"x"', "+CME ERROR:608" },
      { "AT+MQTTDEL", "+CME ERROR:602" },
      { "AT+MQTTREC=0", "OK" },
    })
    assert.same({ "+MQTTDISC: OK" }, bench.listen(client, 100))

    local other <close> = opened()
    go_away(other)
    other:listen(5)
    facts(other, { { "AT+MQTTDISC", "+MQTTDISC: OK", "OK" } })
    assert.same({}, bench.listen(other, 100))
  end))

  it("AT+MQTTCFG changes where to", async(function()
    local client <close> = opened()
    go_away(client)
    client:listen(5)
    client.net.servers["192.0.2.2:1"] = client.broker.serve
    facts(client, { { 'AT+MQTTCFG="192.0.2.2",1,"new",0,"u","p",1', "OK" } })
    assert.same({ "+MQTTREC:1", "+MQTTOPEN:OK" }, bench.listen(client, 100))

    go_away(client)
    client.net.servers["192.0.2.2:1"] = nil
    client:listen(1)
    facts(client, { { 'AT+MQTTCFG="192.0.2.2",1,"",0,"u","p",0', "OK" } })
    assert.same({ "+MQTTREC:1", "+MQTTDISC: OK" }, bench.listen(client, 100))
  end))

  it("AT+MQTTSTAT? tells how far it is", async(function()
    local client <close> = opened()
    go_away(client)
    client:listen(1)
    facts(client, { { "AT+MQTTSTAT?", "+MQTTSTAT: 0", "OK" } })
    client.net.servers[ADDRESS] = "black hole"
    client:expect("+MQTTREC:1\r\n")
    facts(client, { { "AT+MQTTSTAT?", "+MQTTSTAT: 2", "OK" } })
    client.net.servers[ADDRESS] = fake_net.sink
    client:expect("+MQTTREC:2\r\n")
    client:listen(1)
    facts(client, { { "AT+MQTTSTAT?", "+MQTTSTAT: 4", "OK" } })
  end))

  it("a reboot ends it without a word", async(function()
    local client <close> = opened()
    go_away(client)
    client:expect("+MQTTREC:0\r\n")
    client.sim.machine:reboot()
    assert.same({ "RDY", "+CPIN: READY" }, bench.listen(client, 100))
    facts(client, { { "AT+MQTTCFG?", '+MQTTCFG: "(null)"', "OK" } })
  end))
end)

describe("an answer that does not come", function()
  for command, expected in pairs {
    ['AT+MQTTPUB="a",1,0,0,"x"'] = { "+MQTTTO:2", "+CME ERROR:608" },
    ['AT+MQTTSUB="a",1'] = { "+MQTTTO:3", "+CME ERROR:605" },
    ['AT+MQTTUNSUB="a"'] = { "+MQTTTO:4", "+CME ERROR: 618" },
  } do
    it("to " .. command .. " is reported, then it reconnects", async(function()
      local client <close> = opened()
      fall_silent(client)
      client.broker.answers.connect = function()
        return { type = "connack", code = 0, has_session = false }
      end
      facts(client, { { "AT+MQTTTO=3", "OK" } })
      facts(client, { { command, table.unpack(expected) } }, 3.5)
      assert.same({ "+MQTTREC:0", "+MQTTOPEN:OK" }, bench.listen(client, 10))
    end))
  end

  it("after PUBREC", async(function()
    local client <close> = opened()
    client.broker.answers.pubrel = false
    facts(client, {
      { 'AT+MQTTPUB="a",2,0,0,"x"', "+MQTTPUBREC:0,1", "+MQTTTO:2", "+CME ERROR:608" },
    }, 11)
  end))

  it("in the field's dialect is only reported", async(function()
    local client <close> = opened { dialect = "field" }
    client.broker.answers.subscribe = false
    facts(client, { { 'AT+MQTTSUB="a",1', "OK", "+MQTTTO:3" } }, 11)
  end))
end)

describe("the attempts", function()
  it("after AT+MQTTOPEN failed", async(function()
    local client <close> = bench.started()
    local serve <const> = client.net.servers[ADDRESS]
    client.net.servers[ADDRESS] = nil
    facts(client, { { bench.CONFIG, "OK" }, { bench.OPEN, "+CME ERROR:603" } })
    assert.same({ "+MQTTREC:0 3", "+MQTTREC:1 11", "+MQTTREC:2 27", "+MQTTDISC: OK 27" },
      watch(client, 100))
    facts(client, { { bench.OPEN, "+CME ERROR:603" } })
    client.net.servers[ADDRESS] = serve
    assert.same({ "+MQTTREC:0", "+MQTTOPEN:OK" }, bench.listen(client, 20))
  end))

  it("leave nothing behind when the module is closed", async(function()
    local client <close> = opened()
    go_away(client)
    client:expect("+MQTTREC:1\r\n")
    client.sim:close()
    assert.equals(0, client.net.open)
    assert.equals("", client:listen(100))
  end))
end)

