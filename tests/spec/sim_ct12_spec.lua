-- SPDX-License-Identifier: MIT
--
-- What the simulated ct12 does at each command of chapters 6.1 to 6.4, and
-- what it refuses, on the virtual clock and a network in the process.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"

core.virtual()

local NETWORK <const> = "NETWORK_ACTIVATE_SUCCESS\r\n"
local REBOOT <const> = { "OK", "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" }

-- Each command and the lines that it must get.
local function facts(client, list)
  for _, fact in ipairs(list) do
    local command <const> = table.remove(fact, 1)
    assert.same(fact, client:lines(command, 3), command)
  end
end

local function with_echo()
  local net <const> = fake_net.new()
  net.servers["192.0.2.1:7"] = fake_net.echo
  return net
end

describe("basic commands of the ct12:", function()
  it("identity", async(function()
    local client <close> = bare_client.started()
    facts(client, {
      { "AT", "OK" },
      { "AT+GMR", "+VERSION=CT12_V1.0.1", "OK" },
      { "AT+GSN", "860720087453595", "OK" },
      { "AT+QCCID", "+QCCID:898604E6192391620488", "OK" },
      { "AT +GMR", "+VERSION=CT12_V1.0.1", "OK" },
      { "at+ gsn", "860720087453595", "OK" },
    })
  end))

  it("identity as it is set", async(function()
    local client <close> = bare_client.started {
      set = { imei = "123456789012347", iccid = "89860000000000000001", version = "CT12_V9" },
    }
    facts(client, {
      { "AT+GMR", "+VERSION=CT12_V9", "OK" },
      { "AT+GSN", "123456789012347", "OK" },
      { "AT+QCCID", "+QCCID:89860000000000000001", "OK" },
    })
  end))

  it("a missing SIM card has an empty ICCID", async(function()
    local client <close> = bare_client.start { set = { iccid = "" } }
    client:expect("RDY\r\n")
    assert.equals("AT+QCCID\r\n\r\n+QICCID: \r\n\r\nOK\r\n", client:ask("AT+QCCID"))
  end))

  it("echo off and on", async(function()
    local client <close> = bare_client.started()
    assert.equals("ATE0\r\n\r\nOK\r\n", client:ask("ATE0"))
    assert.equals("\r\nOK\r\n", client:ask("AT"))
    assert.equals("\r\nERROR=103\r\n", client:ask("ATE2"))
    assert.equals("\r\nOK\r\n", client:ask("ATE1"))
    assert.equals("AT\r\n\r\nOK\r\n", client:ask("AT"))
  end))

  it("line settings are stored and need a reboot", async(function()
    local client <close> = bare_client.started()
    facts(client, {
      { "AT+IPR?", "+IPR:115200,8,0,0", "OK" },
      { "AT+IPR=115200,8,1,0", table.unpack(REBOOT) },
      { "AT+IPR?", "+IPR:115200,8,1,0", "OK" },
    })
    assert.same({ "OK" }, client:lines("AT+IPR=9600", 0.1))
    client.port:set { baud = 9600 }
    assert.equals("\r\nRDY\r\n\r\nSIM_SUCCESS\r\n\r\n" .. NETWORK, client:listen(3))
    facts(client, {
      { "AT+IPR?", "+IPR:9600,8,0,0", "OK" },
      { "AT+IPR=9601", "ERROR=103" },
      { "AT+IPR=9600,9", "ERROR=103" },
      { "AT+IPR=9600,8,3,0", "ERROR=103" },
      { "AT+IPR=9600,8,0,0,0", "ERROR=101" },
    })
    assert.same({ "OK" }, client:lines("AT+RESTORE", 0.1))
    client.port:set { baud = 115200 }
    client:listen(3)
    facts(client, { { "AT+IPR?", "+IPR:115200,8,0,0", "OK" } })
  end))

  it("the SIM slot needs the network and survives RESTORE", async(function()
    local client <close> = bare_client.start { set = { register = 30, iccid1 = "8986011" } }
    client:expect("SIM_SUCCESS\r\n")
    facts(client, { { "AT+SINGLESIM?", "ERROR=102" }, { "AT+SINGLESIM=1", "ERROR=102" } })
    client:expect(NETWORK)
    facts(client, {
      { "AT+SINGLESIM?", "+SINGLESIM:0", "OK" },
      { "AT+SINGLESIM=2", "ERROR=103" },
      { "AT+SINGLESIM=1", "OK", "RDY", "SIM_SUCCESS" },
    })
    client:expect(NETWORK)
    facts(client, {
      { "AT+QCCID", "+QCCID:8986011", "OK" },
      { "AT+RESTORE", "OK", "RDY", "SIM_SUCCESS" },
    })
    client:expect(NETWORK)
    facts(client, { { "AT+SINGLESIM?", "+SINGLESIM:1", "OK" } })
  end))

  it("OTA and what the manual does not know", async(function()
    local client <close> = bare_client.started()
    for _, command in ipairs {
      'AT+OTA=1,"http://192.0.2.1/fw"', "AT+OTA", "AT+OTA=1", "ATI", "AT+", "AT+FOO", "AT+FOO=1",
      "AT+GMR?", "AT+GMR=1", "AT+RST=1", "AT+CREG", "AT+CREG=?", "ATX", "AT+QISTATE?", "ATE",
    } do
      assert.same({ "ERROR=104" }, client:lines(command), command)
    end
  end))

  it("pins", async(function()
    local client <close> = bare_client.started { set = { wire = "0:1" } }
    facts(client, {
      { "AT+GPIO=0", "+GPIO:0,0", "OK" },
      { "AT+GPIO=0,2,1", "+GPIO:0,1", "OK" }, -- the example's: repeats <pull>
      { "AT+GPIO=0", "+GPIO:0,0", "OK" },
      { "AT+GPIO=0,2,2", "+GPIO:0,2", "OK" },
      { "AT+GPIO=0", "+GPIO:0,1", "OK" },
      { "AT+GPIO=1,0", "OK" },
      { "AT+GPIO=0", "+GPIO:0,0", "OK" }, -- the wire beats the pull-up
      { "AT+GPIO=1,1", "OK" },
      { "AT+GPIO=0", "+GPIO:0,1", "OK" },
      { "AT+GPIO=1", "+GPIO:1,1", "OK" },
      { "AT+GPIO=2", "+GPIO:2,0", "OK" },
      { "AT+GPIO=1,3", "OK" },
      { "AT+GPIO=1", "+GPIO:1,0", "OK" },
      { "AT+GPIO=0,0,2", "OK" }, -- <pull> has no effect on an output
      { "AT+GPIO=1", "+GPIO:1,0", "OK" },
      { "AT+GPIO=3", "ERROR=103" },
      { "AT+GPIO=0,4", "ERROR=103" },
      { "AT+GPIO=0,2,3", "ERROR=103" },
      { "AT+GPIO=0,2,1,1", "ERROR=101" },
    })
  end))
end)

describe("power commands of the ct12:", function()
  it("the two ways to sleep exclude each other", async(function()
    local client <close> = bare_client.started()
    facts(client, {
      { "AT+SYSSLEEP?", "+SYSSLEEP:0", "OK" },
      { "AT+CSCLK?", "+CSCLK:0", "OK" },
      { "AT+CSCLK=1", "OK" },
      { "AT+SYSSLEEP=1", "ERROR=102" },
      { "AT+SYSSLEEP=0", "OK" },
      { "AT+CSCLK=0", "OK" },
      { "AT+SYSSLEEP=1", "OK" },
      { "AT+CSCLK=1", "ERROR=102" },
      { "AT+SYSSLEEP?", "+SYSSLEEP:1", "OK" },
      { "AT+SYSSLEEP=2", "ERROR=103" },
      { "AT+RESTORE", table.unpack(REBOOT) },
      { "AT+SYSSLEEP?", "+SYSSLEEP:0", "OK" },
    })
  end))
end)

describe("network commands of the ct12:", function()
  it("registration and its notification", async(function()
    local client <close> = bare_client.start { set = { register = 30 } }
    client:expect("SIM_SUCCESS\r\n")
    facts(client, {
      { "AT+CREG?", "+CREG:0,2", "OK" },
      { "AT+CREG=3", "ERROR=103" },
      { "AT+CREG=1", "OK" },
      { "AT+CREG?", "+CREG:1,2", "OK" },
    })
    assert.equals("\r\n+CREG:1\r\n\r\n" .. NETWORK, client:listen(30))
    facts(client, { { "AT+CREG=2", "OK" }, { "AT+CREG?", "+CREG:2,1", "OK" } })
  end))

  it("signal", async(function()
    local client <close> = bare_client.started { set = { rssi = 9, ber = "3" } }
    facts(client, { { "AT+CSQ", "+CSQ: 9,3", "OK" } })
  end))

  it("serving cell", async(function()
    local client <close> = bare_client.started()
    facts(client, { { "AT+CPSI", "+CPSI:460-0,0x25ef,47198990,411,5,5,-19,-82,-69,0", "OK" } })
  end))

  it("time at UTC+8, or where tz says", async(function()
    for tz, hours in pairs { [""] = 8, ["-3.5"] = -3.5 } do
      local client <close> = bare_client.started { set = { tz = tz ~= "" and tz or nil } }
      local now <const> = math.floor(core.wall() + hours * 3600)
      assert.same({ "+QLTS:" .. os.date("!%Y-%m-%d %H:%M:%S", now), "OK" },
        client:lines("AT+QLTS?"))
    end
  end))

  -- An NTP server that is ahead by 1000 s.
  local function ntp_server(peer)
    function peer:data(bytes)
      local time <const> = core.wall() + 1000 + 2208988800
      local stamp <const> = string.pack(">I4I4", math.floor(time), math.floor(time % 1 * 2 ^ 32))
      local header <const> = string.pack(">BBBbI4I4I4", 0x24, 1, 0, 0, 0, 0, 0)
      self:send("late")
      self:send(header .. ("\0"):rep(8) .. bytes:sub(41, 48) .. stamp .. stamp)
    end
  end

  it("time from an NTP server", async(function()
    local net <const> = fake_net.new()
    net.names["cn.pool.ntp.org"] = "192.0.2.4"
    net.servers["192.0.2.4:123"] = ntp_server
    local client <close> = bare_client.started { net = net }
    facts(client, { { "AT+QNTP?", '+QNTP:"cn.pool.ntp.org",123', "OK" } })
    local asked <const> = core.wall()
    client:send('AT+QNTP="cn.pool.ntp.org",123\r\n')
    client:expect("+QNTP:")
    local latest <const> = core.wall()
    local shown <const> = client:expect("\r\n\r\nOK\r\n"):sub(1, 19)
    local earliest_text <const> = os.date("!%F %T", math.floor(asked + 1000 + 8 * 3600))
    local latest_text <const> = os.date("!%F %T", math.floor(latest + 1000 + 8 * 3600))
    assert.is_true(earliest_text <= shown and shown <= latest_text, shown)
    assert.equals(0, net.open)
    local later <const> = math.floor(core.wall() + 1000 + 8 * 3600)
    facts(client, { { "AT+QLTS?", "+QLTS:" .. os.date("!%Y-%m-%d %H:%M:%S", later), "OK" } })
  end))

  it("time refused", async(function()
    local net <const> = fake_net.new()
    net.servers["192.0.2.4:123"] = fake_net.sink
    local client <close> = bare_client.started { net = net }
    facts(client, {
      { 'AT+QNTP="no.such.host",123', "ERROR=201" },
      { 'AT+QNTP="192.0.2.4"', "ERROR=101" },
      { 'AT+QNTP="192.0.2.4",65536', "ERROR=103" },
    })
    assert.same({ "ERROR=201" }, client:lines('AT+QNTP="192.0.2.4",123', 10))
    assert.equals(0, net.open)
  end))

  it("ping", async(function()
    local net <const> = fake_net.new()
    net.names["www.baidu.com"] = "2409:8C54:870:310:0:FF:B0ED:40AC"
    net.answers["2409:8C54:870:310:0:FF:B0ED:40AC"] = { 30.4, 45, nil, 0.03 }
    local client <close> = bare_client.started { net = net }
    local row <const> = '+CIPPING:"2409:8C54:870:310:0:FF:B0ED:40AC",%d,64'
    facts(client, {
      { 'AT+QPING="www.baidu.com"', row:format(30), row:format(45), row:format(0), "OK" },
      { 'AT+QPING="www.baidu.com",1', row:format(30), "OK" },
      { 'AT+QPING="192.0.2.9",2', "ERROR=201" },
      { 'AT+QPING="no.such.host",2', "ERROR=201" },
      { 'AT+QPING="192.0.2.9",11', "ERROR=103" },
      { 'AT+QPING="192.0.2.9",0', "ERROR=103" },
    })
    assert.equals(4, net.pings[1].count)
  end))

  it("need the network", async(function()
    local client <close> = bare_client.start { set = { register = 100 } }
    client:expect("SIM_SUCCESS\r\n")
    for _, command in ipairs {
      'AT+QNTP="192.0.2.4",123', 'AT+QPING="192.0.2.9",2', 'AT+QIOPEN="TCP","192.0.2.1",7,0,0',
      "AT+QISEND=3,5", "AT+QICLOSE=3",
    } do
      assert.same({ "ERROR=102" }, client:lines(command), command)
    end
  end))
end)

describe("spellings:", function()
  it("the table's dialect", async(function()
    local client <close> = bare_client.started { dialect = "table", net = with_echo() }
    facts(client, {
      { "AT+QCCID", "+QICCID: 898604E6192391620488", "OK" },
      { 'AT+QIOPEN="UDP","192.0.2.1",7,4000,0', "+QIOPEN,ID:3" },
      { "AT+QISTATE", '+CIPOPEN:3,"UDP","192.0.2.1",7,', "OK" },
    })
    local time <const> = client:lines("AT+QLTS?")[1]
    assert.truthy(time:find("^%+QLTS: %d%d/%d%d/%d%d,%d%d:%d%d:%d%d$"), time)
  end))
end)
