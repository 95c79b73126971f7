-- SPDX-License-Identifier: MIT
-- Data mode end to end: a script's link and a simulated module with a network
-- in the process, on the virtual clock.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local lookalikes <const> = require "tests.support.lookalikes"
local mqtt_peer <const> = require "tests.support.mqtt_peer"
local sim <const> = require "attest.sim"

core.virtual()

local HOST <const>, PORT <const> = "192.0.2.1", 7

-- A module whose far end echoes; `world.far` is who connected last.
local function start(set)
  local world <const> = { net = fake_net.new(), heard = {} }
  world.net.servers["192.0.2.1:7"] = function(peer)
    world.far = peer
    function peer:data(bytes)
      world.heard[#world.heard + 1] = bytes
      self:send(bytes)
    end
  end
  world.broker = mqtt_peer.new(world.net)
  world.net.servers["192.0.2.1:1883"] = world.broker.serve
  local ours <const>, theirs <const> = core.pair()
  world.module = assert(sim.new { module = "ct12", net = world.net, set = set })
  world.module:serve(theirs)
  local dut <const> =
    assert(attest.attach(ours, { module = "ct12", simulated = world.module }))
  dut:ready()
  dut:registered()
  return dut, world
end

describe("a link through a simulated module", function()
  it("loses, doubles and moves nothing, with escapes in between", async(function()
    math.randomseed(7)
    local dut <close>, world <const> = start { guard = 0.02 }
    local link <const> = dut:passthrough { host = HOST, port = PORT, guard = 0.02 }
    local sent <const>, got <const> = {}, {}
    for i = 1, 200 do
      local bytes <const> = lookalikes.chunk()
      if link.try:write(bytes) then
        sent[#sent + 1] = bytes
      end
      if i % 20 == 0 then
        assert.is_true(link:command_mode())
        assert.equal(1, #dut:qistate())
        assert.is_true(link:data_mode())
      end
      got[#got + 1] = link.received.size > 0 and link:read(link.received.size) or ""
    end
    local all <const> = table.concat(sent)
    got[#got + 1] = link:read(#all - #table.concat(got))
    assert.is_true(all == table.concat(got))
    assert.is_true(all == table.concat(world.heard))
    assert.is_true(link:close())
    assert.equal(0, #dut:qistate())
  end))

  it("that the far end closes is found out by asking, and a new one opens", async(function()
    local dut <close>, world <const> = start()
    local link <const> = dut:passthrough { host = HOST, port = PORT }
    link:write("hello")
    assert.equal("hello", link:read(5))
    world.far:close()
    core.sleep(0.1)
    assert.is_true(link.maybe_closed)
    assert.is_false(link:is_open())
    assert.equal("\r\nDISCONNECT\r\n", link:read(link.received.size))
    assert.equal("closed", select(2, link.try:data_mode()).code)
    assert.equal("closed", select(2, link.try:write("x")).code)
    assert.is_true(link:close())
    local again <close> = dut:passthrough { host = HOST, port = PORT }
    again:write("hello")
    assert.equal("hello", again:read(5))
  end))

  it("that ends in command mode has its ATO refused, and commands go on", async(function()
    local dut <close>, world <const> = start()
    local link <const> = dut:passthrough { host = HOST, port = PORT }
    link:command_mode()
    world.far:close()
    core.sleep(0.1)
    assert.is_true(link.maybe_closed)
    local _, err <const> = link.try:data_mode()
    assert.equal("rejected", err.code)
    assert.equal(102, err.number)
    assert.equal(0, link.received.size)
    assert.equal("OK", dut:at("AT").final)
    assert.is_true(link:close())
  end))

  it("tells a URC that waited from data", async(function()
    local dut <close>, world <const> = start()
    dut:creg { n = 1 }
    local stats <const> = {}
    dut:on("+CREG", function(fields) stats[#stats + 1] = fields.stat end)
    local link <const> = dut:passthrough { host = HOST, port = PORT }
    world.module.machine:announce("+CREG", { stat = 5 })
    link:write("data")
    assert.is_true(link:command_mode())
    core.sleep(0.1)
    assert.same({ 5 }, stats)
    assert.equal("data", link:read(link.received.size))
  end))

  it("does not pass for a socket that was closed", async(function()
    local dut <close>, world <const> = start()
    local socket <const> = dut:socket { host = HOST, port = PORT }
    local link <const> = dut:passthrough { host = HOST, port = PORT }
    link:command_mode()
    world.far:close()
    core.sleep(5)
    socket:send("alive")
    assert.equal("alive", socket:receive(5))
    assert.is_false(link:is_open())
  end))
end)

describe("three pluses and ATO outside data mode", function()
  it("do no harm on a simulated module", async(function()
    local dut <close> = start()
    local begin <const> = core.now()
    assert.equal("", dut:at("+++").final)
    assert.is_true(core.now() - begin < 0.5)
    assert.equal("rejected", select(2, dut.try:ato()).code)
    dut:at("ATE0")
    assert.equal("", dut:at("+++").final)
    assert.equal("rejected", select(2, dut.try:at("ATO")).code)
    assert.equal("OK", dut:at("AT").final)
  end))
end)

describe("a data mode that began otherwise", function()
  it("is taken over: the client of simple mode 1", async(function()
    local dut <close>, world <const> = start()
    dut:at("AT+SIMPLEMODE=1,0")
    dut:await("NETWORK_ACTIVATE_SUCCESS")
    dut:simpleclient { type = "TCP", server_ip = HOST, server_port = PORT, mode = 1 }
    local link <const> = dut:passthrough { running = true }
    link:write("hello+++")
    assert.equal("hello+++", link:read(8))
    assert.is_true(link:is_open())
    link:data_mode()
    link:write("on")
    assert.equal("on", link:read(2))
    world.far:close()
    core.sleep(0.1)
    assert.is_true(link.maybe_closed)
    assert.is_false(link:is_open())
    assert.is_true(link:close())
    assert.equal("OK", dut:at("AT").final)
  end))

  it("is taken over: the stream of messages of simple mode 2", async(function()
    local dut <close>, world <const> = start()
    dut:at("AT+SIMPLEMODE=2,2")
    dut:await("NETWORK_ACTIVATE_SUCCESS")
    dut:at('AT+QMTCONNCFG="192.0.2.1",1883,1')
    dut:await("MQTTCONNECT")
    dut:qmtpubex { topic = "t", qos = 0, retain = 0, payload = "1" }
    local link <const> = dut:passthrough { running = true }
    core.sleep(0.2)
    link:write("two")
    core.sleep(0.2)
    assert.is_true(link:is_open())
    assert.equal(1, dut:qmtstatu().statu)
    link:data_mode()
    link:write("three+++")
    core.sleep(0.2)
    assert.is_true(link:close())
    local payloads <const> = {}
    for _, packet in ipairs((world.broker:take())) do
      payloads[#payloads + 1] = packet.type == "publish" and packet.payload or nil
    end
    assert.same({ "1", "two", "three+++" }, payloads)
    dut:at("AT+QMTDISC")
  end))

  it("takes no address", async(function()
    local dut <close> = start()
    assert.error_matches(function() dut:passthrough { running = true, host = HOST } end,
      'unknown option "host"')
  end))
end)
