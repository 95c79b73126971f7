-- SPDX-License-Identifier: MIT
-- A module as a script sees it: typed calls, what every script needs first,
-- and sockets, against a scripted module and against the simulated one.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local sim <const> = require "attest.sim"

core.virtual()

local function simulated(options, script_is_for)
  local net <const> = fake_net.new()
  net.servers["192.0.2.1:7"] = fake_net.echo
  options = options or {}
  options.module, options.net = "ct12", net
  local ours <const>, theirs <const> = core.pair()
  local module <const> = assert(sim.new(options))
  module:serve(theirs)
  return assert(attest.attach(ours, { module = script_is_for or "ct12", simulated = module })), net
end

describe("a typed call", function()
  it("queries without an argument and sets with a table", async(function()
    local dut <close> = simulated()
    dut:ready()
    assert.equal(0, dut:creg().n)
    dut:creg { n = 1 }
    assert.equal(1, dut:creg().n)
  end))

  it("raises an error object; behind try it returns it", async(function()
    local dut <close> = simulated()
    dut:ready()
    local ok <const>, err <const> = pcall(dut.qiclose, dut, { link_num = 9 })
    assert.is_false(ok)
    assert.equal("rejected", err.code)
    local answer <const>, same <const> = dut.try:qiclose { link_num = 9 }
    assert.is_nil(answer)
    assert.equal(err.number, same.number)
  end))

  it("is reachable by its name under cmd, too", async(function()
    local dut <close> = simulated()
    dut:ready()
    assert.equal(dut:gmr().version, dut.cmd.gmr().version)
    assert.error_matches(function() return dut.cmd.nothing end, "nothing")
  end))

  it("with a bad argument sends nothing", async(function()
    local b <close> = bench.new()
    local _, err <const> = b.dut.try:creg { n = 3 }
    assert.equal("invalid", err.code)
    assert.matches("AT%+CREG.*n is 3", err.message)
    assert.equal("", b:sent())
  end))

  it("of a dangerous command needs confirm", async(function()
    local b <close> = bench.new()
    local _, err <const> = b.dut.try:ota { mode = 0, url = "http://192.0.2.1/f" }
    assert.equal("invalid", err.code)
    assert.matches("confirm", err.message)
    assert.equal("", b:sent())
  end))

  it("to close a link takes the word that follows the OK within two seconds", async(function()
    local b <close> = bench.new()
    local heard = 0
    b.dut:on("DISCONNECT", function() heard = heard + 1 end)
    local call <const> = b:run(function() return b.dut.try:qiclose { link_num = 3 } end)
    b:answer("AT+QICLOSE=3", "OK")
    core.sleep(1.9)
    assert.equal("waiting", call:status())
    b:say("\r\nDISCONNECT\r\n")
    core.sleep(0.01)
    assert.equal("done", call:status())
    assert.equal(1, heard)
  end))

  it("answered OK without its line is a protocol error", async(function()
    local b <close> = bench.new()
    local call <const> = b:run(function() return b.dut.try:csq() end)
    b:answer("AT+CSQ", "OK")
    local _, err <const> = b:result(call)
    assert.equal("protocol", err.code)
    assert.matches("CSQ", err.message)
  end))

  it("returns a list where lines repeat, empty when there are none", async(function()
    local dut <close> = simulated()
    dut:ready()
    dut:registered()
    assert.same({}, dut:qistate())
    local socket <close> = dut:socket { host = "192.0.2.1", port = 7 }
    assert.equal("192.0.2.1", dut:qistate()[1].server_ip)
    assert.equal(socket.number, dut:qistate()[1].link_num)
  end))

  it("waits for what comes long after the OK", async(function()
    local b <close> = bench.new()
    local call = b:run(function()
      return b.dut.try:simpleclient { type = "TCP", server_ip = "192.0.2.1", server_port = 7 }
    end)
    b:answer('AT+SIMPLECLIENT="TCP","192.0.2.1",7,0,0', "OK")
    core.sleep(20)
    b:say("\r\nCONNECT,ID:3\r\n")
    assert.equal(3, b:result(call).link_num)

    local m <close> = bench.new { module = "ml302" }
    call = m:run(function() return m.dut.try:mqttunsub { topic = "t" } end)
    m:answer('AT+MQTTUNSUB="t"', "OK")
    core.sleep(8)
    m:say('\r\n+MQTT UNSUBACK:8,"t"\r\n')
    assert.equal(8, b:result(call).pack_id)
  end))

  it("sends its payload at the prompt, also behind an OK", async(function()
    local b <close> = bench.new { module = "ml302" }
    local call <const> = b:run(function()
      return b.dut.try:mqttpub { topic = "t", qos = 0, retain = 0, message = 2, payload = "hi" }
    end)
    b:answer('AT+MQTTPUB="t",0,0,0,2', "OK")
    b:say("\r\n>")
    assert.equal("hi", b:sent())
    b:say("\r\nOK\r\n")
    assert.is_truthy(b:result(call))
    assert.equal("OK", b.events[#b.events]:match("%w+$"))
  end))

  it("that reboots waits for the module to come back", async(function()
    local dut <close> = simulated { set = { boot = "3" } }
    dut:ready()
    local start <const> = core.now()
    dut:rst()
    assert.is_true(core.now() - start >= 3)
    assert.equal("CT12_V1.0.1", dut:gmr().version)
  end))

  it("of an unknown name says so at once", async(function()
    local b <close> = bench.new()
    assert.error_matches(function() b.dut:qmtx() end, "ct12 has no method and no command \"qmtx\"")
    assert.error_matches(function() b.dut:at("AT", { timeuot = 1 }) end, "timeuot")
  end))
end)

describe("dut:ready", function()
  it("waits for a module that boots", async(function()
    local dut <close> = simulated { set = { boot = "5" } }
    local start <const> = core.now()
    dut:ready()
    assert.is_true(core.now() - start >= 5)
  end))

  it("goes on when the module reboots in the middle of its AT", async(function()
    local b <close> = bench.new()
    local call <const> = b:run(function() return b.dut.try:ready { timeout = 10 } end)
    b:say("AT\r\n", "\r\nRDY\r\n")
    b:sent()
    core.sleep(2)
    b:say("AT\r\n\r\nOK\r\n")
    b:sent()
    b:say("AT+GMR\r\n\r\n+VERSION=CT12_V1.0.1\r\n\r\nOK\r\n")
    assert.is_true(b:result(call))
  end))

  it("names the command and the seconds when nothing answers", async(function()
    local dut <close> = simulated { fault = { "silent" } }
    local _, err <const> = dut.try:ready { timeout = 4 }
    assert.equal("timeout", err.code)
    assert.equal("AT: no answer within 4 s", err.message)
  end))

  it("takes a time in seconds, and nothing else", async(function()
    local b <close> = bench.new()
    local dut <const> = b.dut
    for _, timeout in ipairs { 0, -1, 0 / 0, 1 / 0, "5" } do
      assert.error_matches(function() dut:ready { timeout = timeout } end,
        "ready: timeout is .*, expected seconds above 0")
    end
    assert.error_matches(function() dut:ready(5) end, "ready: options are a number")
    assert.error_matches(function() dut:at("AT", 5) end, "at: options are a number")
    assert.equal("", b:sent())
  end))

  it("waits for a module that takes longer for each answer", async(function()
    local dut <close> = simulated { fault = { "late_final:1.5" } }
    assert.is_true(dut:ready { timeout = 20 })
  end))

  it("tells another module from the one that the script is for", async(function()
    local dut <close> = simulated { set = { version = "EC800M_V2" } }
    local _, err = dut.try:ready()
    assert.equal("protocol", err.code)
    assert.matches("this is no ct12: its version is \"EC800M_V2\"", err.message)
    local other <close> = simulated(nil, "ml302")
    _, err = other.try:ready()
    assert.equal("protocol", err.code)
    assert.equal("this is no ml302: AT+CGMM: refused with ERROR=104", err.message)
  end))

  it("suspects the rate when only noise comes", async(function()
    local b <close> = bench.new()
    local call <const> = b:run(function() return b.dut.try:ready { timeout = 2 } end)
    for _ = 1, 10 do
      b:say("\x80\xfe\x00\xff")
      core.sleep(0.5)
    end
    local _, err <const> = b:result(call)
    assert.equal("timeout", err.code)
    assert.equal("AT: no answer within 2 s: 16 bytes but no lines at 115200: "
      .. "is the module at another rate?", err.message)
  end))
end)

describe("dut:registered", function()
  it("waits and tells how long it took", async(function()
    local dut <close> = simulated { set = { register = "7" } }
    dut:ready()
    local answer <const> = dut:registered { timeout = 30 }
    assert.equal(1, answer.stat)
    assert.is_near(7, answer.seconds, 1)
  end))

  it("gives up with the last state", async(function()
    local dut <close> = simulated { set = { creg = "3" } }
    dut:ready()
    local _, err <const> = dut.try:registered { timeout = 5 }
    assert.equal("timeout", err.code)
    assert.matches("state 3", err.message)
  end))
end)

describe("dut:imei", function()
  local function reading(...)
    local b <const> = bench.new()
    local call <const> = b:run(function() return b.dut.try:imei() end)
    for _, imei in ipairs { ... } do
      b:answer("AT+GSN", imei, "OK")
    end
    local imei <const>, err <const> = b:result(call)
    b.dut:close()
    b.module:close()
    return imei, err
  end

  it("takes two equal reads with a correct check digit", async(function()
    assert.equal("860720087453595", reading("860720087453595", "860720087453595"))
  end))

  it("reads again when a byte was corrupted", async(function()
    assert.equal("860720087453595",
      reading("860720087453596", "860720087453595", "860720087453595"))
  end))

  it("refuses a wrong check digit and reads that never agree", async(function()
    local _, err = reading("860720087453596", "860720087453596")
    assert.matches("check digit", err.message)
    _, err = reading("860720087453591", "860720087453592", "860720087453593", "860720087453594")
    assert.matches("no two in a row agree", err.message)
  end))
end)

describe("a socket", function()
  local function connected(options)
    local dut <const>, net <const> = simulated()
    dut:ready()
    dut:registered()
    options = options or {}
    options.host, options.port = "192.0.2.1", 7
    return dut, dut:socket(options), net
  end

  it("sends and receives any bytes, more than one send holds", async(function()
    local dut <close>, socket <const> = connected() -- luacheck: ignore 211/dut
    local bytes <const> = {}
    for i = 1, 3000 do bytes[i] = string.char((i * 7) % 256) end
    local sent <const> = table.concat(bytes)
    socket:send(sent)
    assert.equal(sent, socket:receive(#sent, { timeout = 10 }))
    socket:close()
  end))

  it("keeps what came when less than asked for came in time", async(function()
    local dut <close>, socket <const> = connected() -- luacheck: ignore 211/dut
    socket:send("abc")
    local _, err <const> = socket.try:receive(10, { timeout = 2 })
    assert.equal("timeout", err.code)
    assert.equal("abc", err.partial)
    assert.equal("abc", socket:receive(3))
  end))

  it("of UDP gives one datagram at a time and takes at most 1024 bytes", async(function()
    local dut <close>, socket <const> = connected { type = "UDP" } -- luacheck: ignore 211/dut
    socket:send("one")
    socket:send("two2")
    assert.equal("one", socket:receive())
    assert.equal("two2", socket:receive())
    local _, err <const> = socket.try:send(("x"):rep(1025))
    assert.equal("invalid", err.code)
  end))

  it("closes its link when it goes out of scope, also by an error", async(function()
    local dut <close>, first <const>, net <const> = connected()
    first:close()
    pcall(function()
      local _ <close> = dut:socket { host = "192.0.2.1", port = 7 }
      error("out")
    end)
    assert.same({}, dut:qistate())
    assert.equal(0, net.open)
  end))

  it("hears that the far end closed; with several, which", async(function()
    local dut <const>, net <const> = simulated()
    local guard <close> = dut
    local peers <const> = {}
    net.servers["192.0.2.1:9"] = function(peer) peers[#peers + 1] = peer end
    dut:ready()
    dut:registered()
    local a <const> = dut:socket { host = "192.0.2.1", port = 9 }
    local b <const> = dut:socket { host = "192.0.2.1", port = 7 }
    peers[1]:close()
    local _, err <const> = a.try:receive(1, { timeout = 5 })
    assert.equal("closed", err.code)
    b:send("still")
    assert.equal("still", b:receive(5))
    assert.is_not_nil(guard)
  end))

  it("that is closed leaves the others open, and then hears of their end", async(function()
    local dut <close>, a <const>, net <const> = connected()
    local peers <const> = {}
    net.servers["192.0.2.1:9"] = function(peer) peers[#peers + 1] = peer end
    local b <const> = dut:socket { host = "192.0.2.1", port = 7 }
    local c <const> = dut:socket { host = "192.0.2.1", port = 9 }
    local closers <const> = { core.spawn(a.close, a), core.spawn(b.close, b) }
    for _, each in ipairs(closers) do
      assert(each:join())
    end
    core.sleep(3)
    assert.is_true(c:send("still"))
    local began <const> = core.now()
    peers[1]:close()
    local _, err <const> = c.try:receive(1, { timeout = 5 })
    assert.equal("closed", err.code)
    assert.is_true(core.now() - began < 1)
  end))

  it("to nobody is refused with the module's own number", async(function()
    local dut <close> = simulated()
    dut:ready()
    dut:registered()
    local _, err <const> = dut.try:socket { host = "192.0.2.9", port = 1 }
    assert.equal("rejected", err.code)
    assert.equal(201, err.number)
    assert.error_matches(function() dut:socket { hots = "x" } end, "hots")
  end))
end)

describe("attest.open", function()
  it("opens a simulated module by its address", async(function()
    local dut <close> = attest.open("sim:ct12?set=rssi=5&set=boot=0.1")
    dut:ready()
    assert.equal(-103, dut:csq().rssi_dbm)
  end))

  it("says what is wrong with a path, a module or an address", async(function()
    local _, err = attest.try_open("/dev/attest-none")
    assert.equal("not_found", err.code)
    assert.matches("/dev/attest%-none", err.message)
    _, err = attest.try_open("sim:ct99")
    assert.matches("ct99", err.message)
    _, err = attest.try_open("sim:ct12?set=rsi=5")
    assert.matches("rsi", err.message)
  end))
end)
