-- SPDX-License-Identifier: MIT
--
-- The simulated module as a conversation: line ends, echo, boot, reboots,
-- junk, payloads, flash and settings, on the virtual clock. What each command
-- does is in sim_ct12_spec.lua, faults are in sim_fault_spec.lua.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local engine <const> = require "attest.sim.engine"
local json <const> = require "attest.json"
local fake_net <const> = require "tests.support.fake_net"
local printable <const> = require("attest.text").printable
local sim <const> = require "attest.sim"

core.virtual()

local BOOT <const> = "\r\nRDY\r\n\r\nSIM_SUCCESS\r\n"
local NETWORK <const> = "\r\nNETWORK_ACTIVATE_SUCCESS\r\n"

local function refusal(options)
  options.module = options.module or "ct12"
  local module, err <const> = sim.new(options)
  assert.is_nil(module)
  return tostring(err)
end

describe("an engine", function()
  it("that loses its power forgets what it kept back", function()
    local written = ""
    local e <const> = engine.new { write = function(bytes) written = written .. bytes end }
    e:power_on()
    e:hold()
    e:announce("old")
    e:power_off()
    e:power_on()
    e:hold()
    e:announce("new")
    e:release()
    assert.equal("new", written)
  end)
end)

describe("a simulated module", function()
  it("boots with three words, each at its time", async(function()
    local client <close> = bare_client.start { set = { boot = 3, register = "20" } }
    assert.equals("", client:listen(2.99))
    assert.equals(BOOT, client:listen(0.02))
    assert.equals("", client:listen(19.9))
    assert.equals(NETWORK, client:listen(0.2))
  end))

  it("answers what was typed before it was up, once it is", async(function()
    local client <close> = bare_client.start { set = { boot = 3 } }
    client:send("AT\r\n")
    assert.equals("", client:listen(2.9))
    assert.equals(BOOT .. "AT\r\n\r\nOK\r\n" .. NETWORK, client:listen(5))
  end))

  it("is deaf while it restarts", async(function()
    local client <close> = bare_client.started { set = { boot = 3 } }
    client:ask("AT+RST")
    client:send("AT\r\nAT\r\n")
    assert.equals(BOOT .. NETWORK, client:listen(5))
  end))

  it("has no network without a SIM card", async(function()
    local client <close> = bare_client.start { set = { iccid = "" } }
    assert.equals("\r\nRDY\r\n", client:listen(100))
    assert.same({ "+CREG:0,0", "OK" }, client:lines("AT+CREG?"))
  end))

  it("is searching until it is registered, and then tells the state it was given", async(function()
    local client <close> = bare_client.start { set = { register = 50, creg = 5 } }
    client:expect("SIM_SUCCESS\r\n")
    assert.same({ "+CREG:0,2", "OK" }, client:lines("AT+CREG?"))
    client:expect(NETWORK)
    assert.same({ "+CREG:0,5", "OK" }, client:lines("AT+CREG?"))
  end))

  it("never reaches the network when registration is denied", async(function()
    local client <close> = bare_client.start { set = { creg = 3 } }
    assert.equals(BOOT, client:listen(100))
    assert.same({ "+CREG:0,3", "OK" }, client:lines("AT+CREG?"))
  end))

  it("echoes what was typed, byte for byte, before it answers", async(function()
    local client <close> = bare_client.started()
    assert.equals("AT\r\n\r\nOK\r\n", client:ask("AT"))
    assert.equals("at+csq  \r\n\r\n+CSQ: 23,99\r\n\r\nOK\r\n", client:ask("at+csq  "))
  end))

  it("takes a bare CR as a line end", async(function()
    local client <close> = bare_client.started()
    client:send("AT\r")
    assert.equals("AT\r\r\nOK\r\n", client:listen(0.1))
    client:send("AT\r")
    assert.equals("AT\r\r\nOK\r\n", client:listen(0.1))
  end))

  it("gives the same bytes for any slicing of the input", async(function()
    local whole
    for _, chunk in ipairs { 0, 1, 2, 3, 8 } do
      local client <close> = bare_client.started { chunk = chunk }
      client:send("AT\r\nAT+GMR\r\nATE0\r\nAT+CSQ\r\n")
      local bytes <const> = client:listen(1)
      whole = whole or bytes
      assert.equals(whole, bytes)
    end
    assert.equals("AT\r\n\r\nOK\r\nAT+GMR\r\n\r\n+VERSION=CT12_V1.0.1\r\n\r\nOK\r\n"
      .. "ATE0\r\n\r\nOK\r\n\r\n+CSQ: 23,99\r\n\r\nOK\r\n", whole)
  end))

  it("echoes typed characters at once", async(function()
    local client <close> = bare_client.started()
    client:send("AT+C")
    assert.equals("AT+C", client:listen(0.1))
    client:send("SQ\r\n")
    assert.equals("SQ\r\n\r\n+CSQ: 23,99\r\n\r\nOK\r\n", client:listen(0.1))
  end))

  it("rubs out on backspace", async(function()
    local client <close> = bare_client.started()
    assert.same({ "+CSQ: 23,99", "OK" }, client:lines("AT+CSX\b\bSQ\x7f\x7fSQ"))
  end))

  it("finds the command behind what other programs left on the line", async(function()
    local client <close> = bare_client.started()
    for _, junk in ipairs {
      "\0", "\x1b", "\x1b\x1b\x1b", "+++", "\r\n\r\n", "\0\xff\xfe~\x7f}#",
      "Script /etc/ppp/chat failed at line 3, AT last: ",
    } do
      local bytes <const> = client:ask(junk .. "AT+GSN")
      assert.truthy(bytes:find("\r\n860720087453595\r\n\r\nOK\r\n", 1, true), junk)
      assert.is_nil(bytes:find("ERROR", 1, true), junk)
    end
  end))

  it("does not answer what is no command", async(function()
    local client <close> = bare_client.started()
    for _, junk in ipairs { "", "hello", "+++", "FORMAT", "OK", "\0\0", "  ", "LATEX+1" } do
      assert.equals(junk .. "\r\n", client:ask(junk))
    end
  end))

  it("does not look for commands inside a command", async(function()
    local client <close> = bare_client.started()
    assert.same({ "ERROR=104" }, client:lines("AT+CSTAT"))
    assert.same({ "ERROR=104" }, client:lines("AT+FOO AT"))
    assert.same({ "ERROR=104" }, client:lines('AT+FOO="AT"'))
  end))

  it("refuses a line that is too long and stays in step", async(function()
    local client <close> = bare_client.started()
    client:ask("ATE0")
    assert.equals("\r\nERROR=101\r\n", client:ask("AT+FOO=" .. ("x"):rep(9000)))
    assert.equals("", client:ask(("\xf0"):rep(200000), 3))
    assert.equals("\r\nOK\r\n", client:ask("AT"))
  end))

  it("runs queued commands one after the other", async(function()
    local net <const> = fake_net.new()
    net.answers["192.0.2.1"] = { 30, 31 }
    local client <close> = bare_client.started { net = net }
    client:send('AT+QPING="192.0.2.1",2\r\nAT\r\n')
    assert.equals('AT+QPING="192.0.2.1",2\r\n\r\n+CIPPING:"192.0.2.1",30,64\r\n'
      .. '\r\n+CIPPING:"192.0.2.1",31,64\r\n\r\nOK\r\nAT\r\n\r\nOK\r\n', client:listen(3))
  end))

  it("ends a running command without a word when its port goes", async(function()
    local client <close> = bare_client.started { net = fake_net.new() }
    client:send('AT+QPING="192.0.2.1",10\r\n')
    client:listen(0.5)
    client.sim:close()
    assert.equals("", client:listen(60))
    assert.is_true(client.is_closed)
  end))

  it("closes with the other end of its port", async(function()
    local client <close> = bare_client.started()
    client.port:close()
    core.sleep(1)
    assert.equals("attest.sim (closed)", tostring(client.sim))
  end))

  it("closes twice without a word", async(function()
    local client <close> = bare_client.started()
    client.sim:close()
    client.sim:close()
  end))

  it("reports an error in a behaviour and answers ERROR", async(function()
    local client <close> = bare_client.started()
    local seen
    core.on_error(function(err)
      seen = tostring(err)
    end)
    client.sim.machine.settings = nil
    assert.same({ "ERROR" }, client:lines("AT+GMR"))
    core.on_error(print)
    assert.truthy(seen:find("basic.lua", 1, true))
    assert.same({ "OK" }, client:lines("AT"))
  end))
end)

describe("a reboot", function()
  it("answers OK, takes its time and turns the echo on", async(function()
    local client <close> = bare_client.started { set = { boot = 4, register = 6 } }
    client:ask("ATE0")
    assert.equals("\r\nOK\r\n", client:ask("AT+RST"))
    assert.equals("", client:ask("AT"))
    assert.equals(BOOT, client:listen(3))
    assert.equals(NETWORK, client:listen(6))
    assert.equals("AT\r\n\r\nOK\r\n", client:ask("AT"))
  end))

  it("forgets input, links, pins and notifications", async(function()
    local net <const> = fake_net.new()
    net.servers["192.0.2.1:7"] = fake_net.echo
    local client <close> = bare_client.started { net = net }
    client:ask('AT+QIOPEN="TCP","192.0.2.1",7,0,0')
    client:ask("AT+GPIO=0,1")
    client:ask("AT+CREG=1")
    assert.equals(1, net.open)
    client:send("AT+RST\r\nAT+GMR\r\n")
    client:expect(NETWORK)
    assert.equals(0, net.open)
    assert.same({ "OK" }, client:lines("AT+QISTATE"))
    assert.same({ "+GPIO:0,0", "OK" }, client:lines("AT+GPIO=0"))
    assert.same({ "+CREG:0,1", "OK" }, client:lines("AT+CREG?"))
  end))
end)

describe("the flash", function()
  local path

  before_each(function()
    path = os.tmpname()
    os.remove(path)
  end)

  after_each(function()
    os.remove(path)
  end)

  local function write(text)
    local file <close> = assert(io.open(path, "wb"))
    file:write(text)
  end

  it("survives a power cycle", async(function()
    do
      local client <close> = bare_client.started { state = path }
      client:ask("AT+SINGLESIM=1", 0.2)
      client:expect(NETWORK)
      client:ask("AT+CSCLK=1")
      client:ask("AT+IPR=9600,7,2,1")
    end
    local client <close> = bare_client.started { state = path, baud = 9600 }
    assert.same({ "+SINGLESIM:1", "OK" }, client:lines("AT+SINGLESIM?"))
    assert.same({ "+CSCLK:1", "OK" }, client:lines("AT+CSCLK?"))
    assert.same({ "+IPR:9600,7,2,1", "OK" }, client:lines("AT+IPR?"))
  end))

  it("is in the file at once, what AT+RESTORE makes of it, too", async(function()
    local client <close> = bare_client.started { state = path }
    local function stored()
      local file <close> = assert(io.open(path, "rb"))
      return json.decode(file:read("a")).values.csclk
    end
    client:ask("AT+CSCLK=1")
    assert.equal(1, stored())
    client:ask("AT+RESTORE", 0.2)
    assert.equal(0, stored())
  end))

  it("lives in memory without a file", async(function()
    local client <close> = bare_client.started()
    client:ask("AT+CSCLK=1")
    client:ask("AT+RST", 5)
    assert.same({ "+CSCLK:1", "OK" }, client:lines("AT+CSCLK?"))
  end))

  it("refuses a damaged file by name", function()
    for _, text in ipairs { "", "{", "[]", "{\"format\":\"attest/flash/1\"}", "\0\0" } do
      write(text)
      assert.truthy(refusal({ state = path }):find(path, 1, true), text)
    end
  end)

  it("refuses another module's file and values of the wrong type", function()
    write('{"format":"attest/flash/1","module":"ml302","values":{}}')
    assert.truthy(refusal({ state = path }):find("belongs to a ml302", 1, true))
    write('{"format":"attest/flash/1","module":"ct12","values":{"ipr":7}}')
    assert.truthy(refusal({ state = path }):find('value "ipr"', 1, true))
    write('{"format":"attest/flash/1","module":"ct12","values":{"ipr":{"databits":"x"}}}')
    assert.truthy(refusal({ state = path }):find('value "databits"', 1, true))
  end)

  it("refuses a file that cannot be written", function()
    assert.truthy(refusal({ state = "/nonexistent/flash" }):find("/nonexistent/flash", 1, true))
  end)
end)

describe("the settings", function()
  it("refuse an unknown key and list those that are known", function()
    local text <const> = refusal { set = { colour = "red" } }
    assert.truthy(text:find('"colour"', 1, true))
    for _, setting in ipairs(sim.settings("ct12")) do
      assert.truthy(text:find(setting.name, 1, true), setting.name)
      assert.truthy(#setting.doc > 0)
    end
  end)

  it("refuse a bad value and say what is expected", function()
    for key, values in pairs {
      rssi = { "32", "-1", "x", "1.5", "" }, ber = { "8", "100" }, creg = { "6" },
      boot = { "-1", "soon", "nan", "1e999" }, register = { "-0.1" }, tz = { "15" },
      wire = { "0:3", "0", "0:0", "0:1;1:2", "a:b" }, imei = { "1\n" }, version = { "\xe4" },
    } do
      for _, value in ipairs(values) do
        local text <const> = refusal { set = { [key] = value } }
        assert.truthy(text:find(key .. "=" .. printable(value) .. ": expected", 1, true), text)
      end
    end
  end)

  it("have defaults that check() takes", function()
    for _, module in ipairs { "ct12", "ml302" } do
      for _, setting in ipairs(sim.settings(module)) do
        if setting.default then
          assert(sim.new { module = module, set = { [setting.name] = setting.default } })
        end
      end
    end
  end)

  it("of one module are unknown to another", function()
    local text <const> = refusal { module = "ml302", set = { wire = "0:1" } }
    assert.truthy(text:find('unknown setting "wire"', 1, true))
    assert.falsy(text:find("iccid", 1, true))
    assert.truthy(refusal { set = { ping = "1" } }:find('unknown setting "ping"', 1, true))
    local why <const> = refusal { module = "ml302", set = { topic = "loud" } }
    assert.truthy(why:find("topic=loud: expected quoted or bare", 1, true))
  end)

  it("refuse an unknown module, dialect, fault and option", function()
    assert.truthy(refusal({ module = "xy99" }):find("ct12", 1, true))
    assert.truthy(refusal({ dialect = "klingon" }):find("example, field, table", 1, true))
    assert.truthy(refusal({ fault = "gremlins:3" }):find("silent, loss:PROBABILITY", 1, true))
    assert.has_error(function()
      sim.new { module = "ct12", colour = "red" }
    end)
  end)
end)
