-- SPDX-License-Identifier: MIT
-- dut:mqtt on both modules, against scripted modules: which commands are sent,
-- what is refused before the wire, what messages and losses become.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

local BROKER <const> = { host = "broker.example.net", client_id = "attest" }
local IMEI <const> = "860720087453595"

--- Answers each command in turn: { command, line... }.
local function converse(b, exchanges)
  for _, each in ipairs(exchanges) do
    b:answer(table.unpack(each))
  end
end

local SCRIPT <const> = {
  ct12 = {
    connect = {
      { "AT+QMTSTART=1,60", "OK" },
      { 'AT+QMTCFG="attest"', "OK" },
      { 'AT+QMTCONNCFG="broker.example.net",1883,0', "OK", "MQTTCONNECT" },
    },
    subscribe = { { 'AT+QMTSUB="t",1', "OK" } },
    unsubscribe = { { 'AT+QMTUNSUB="t"', "OK" } },
    status = { { "AT+QMTSTATU", "+QMTSTATU:1", "OK" } },
    disconnect = { { "AT+QMTDISC", "OK", "MQTTDISCONNECT" } },
    message = '\r\n+QMTRECV:"t,u",5,a\r\nb"\r\n',
    lost = "\r\nMQTTDISCONNECT\r\n",
    text = 'AT+QMTPUB="t",0,0,"hello"',
    long = 'AT+QMTPUBEX="t",1,1,3',
    text_limit = 512, long_limit = 2048,
  },
  ml302 = {
    connect = {
      { 'AT+MQTTCFG="broker.example.net",1883,"attest",60,"","",1', "OK" },
      { "AT+MQTTREC=0", "OK" },
      { 'AT+MQTTOPEN=0,0,0,0,0,"",""', "+MQTTOPEN:OK", "OK" },
    },
    subscribe = { { 'AT+MQTTSUB="t",1', "+MQTTSUBACK:1,1,t", "OK" } },
    unsubscribe = { { 'AT+MQTTUNSUB="t"', '+MQTT UNSUBACK:5,"t"', "OK" } },
    status = { { "AT+MQTTSTAT?", "+MQTTSTAT: 1", "OK" } },
    disconnect = { { "AT+MQTTDISC", "+MQTTDISC: OK", "OK" } },
    message = '\r\n+MQTTPUBLISH: 0,1,0,7,"t,u",5,a\r\nb"\r\n',
    lost = "\r\n+MQTTDISC:OK\r\n",
    text = 'AT+MQTTPUB="t",0,0,0,"hello"',
    long = 'AT+MQTTPUB="t",1,1,0,3',
    text_limit = 1024, long_limit = 1024,
  },
}

for module, script in pairs(SCRIPT) do
  describe("dut:mqtt on " .. module, function()
    local function connected(b)
      local call <const> = b:run(function() return b.dut.try:mqtt(BROKER) end)
      converse(b, script.connect)
      return b:result(call)
    end

    it("connects, subscribes, asks, unsubscribes and disconnects", async(function()
      local b <close> = bench.new { module = module }
      local mqtt <const> = connected(b)
      for _, step in ipairs { { "subscribe", "t", 1 }, { "status" }, { "unsubscribe", "t" },
          { "disconnect" } } do
        local call <const> = b:run(function()
          return mqtt.try[step[1]](mqtt.try, table.unpack(step, 2))
        end)
        converse(b, script[step[1]])
        assert.equal(step[1] == "status" and "connected" or true, b:result(call))
      end
      assert.is_true(mqtt:disconnect())
      assert.equal("", b:sent())
    end))

    it("publishes as text where that carries it, else with a prompt", async(function()
      local b <close> = bench.new { module = module }
      local mqtt <const> = connected(b)
      local call = b:run(function() return mqtt.try:publish("t", "hello") end)
      b:answer(script.text, "OK")
      assert.is_true(b:result(call))
      call = b:run(function()
        return mqtt.try:publish("t", "\r\n\0", { qos = 1, retain = true })
      end)
      b:answer(script.long)
      b:say("\r\n> ")
      assert.equal("\r\n\0", b:sent())
      b:say("\r\nOK\r\n")
      assert.is_true(b:result(call))
    end))

    it("publishes each size in a form that the module takes", async(function()
      local b <close> = bench.new { module = module }
      local mqtt <const> = connected(b)
      for _, size in ipairs { 0, script.text_limit, script.text_limit + 1, script.long_limit } do
        if size <= script.long_limit then
          local payload <const> = ("x"):rep(size)
          local call <const> = b:run(function() return mqtt.try:publish("t", payload) end)
          local sent <const> = b:sent()
          if size <= script.text_limit then
            assert.is_truthy(sent:find('"' .. payload .. '"', 1, true))
            b:say(sent .. "\r\nOK\r\n")
          else
            assert.matches("," .. size .. "\r\n$", sent)
            b:say(sent .. "\r\n>")
            assert.equal(payload, b:sent())
            b:say("\r\nOK\r\n")
          end
          assert.is_true(b:result(call))
        end
      end
    end))

    it("refuses before the wire what the module cannot carry", async(function()
      local b <close> = bench.new { module = module }
      local mqtt <const> = connected(b)
      local function refused(...)
        local _, err <const> = mqtt.try:publish(...)
        assert.equal("invalid", err.code)
        assert.equal("", b:sent())
      end
      refused("t", ("x"):rep(script.long_limit + 1))
      refused(("t"):rep(513), "x")
      refused('t"u', "x")
      refused("t\r\n", "x")
      refused("t\0", "x")
      refused("", "x")
      refused("t", "x", { qos = 3 })
      local _, err <const> = mqtt.try:subscribe("t\r\nAT", 0)
      assert.equal("invalid", err.code)
      assert.equal("", b:sent())
    end))

    it("hands messages to receive and to handlers, byte for byte", async(function()
      local b <close> = bench.new { module = module }
      local mqtt <const> = connected(b)
      local seen
      mqtt:on("message", function(message) seen = message end)
      b:say(script.message)
      local message <const> = mqtt:receive { timeout = 1 }
      assert.equal("t,u", message.topic)
      assert.equal("a\r\nb\"", message.payload)
      assert.equal(message, seen)
      local _, err <const> = mqtt.try:receive { timeout = 2 }
      assert.equal("no MQTT message within 2 s", err.message)
    end))

    it("tells of a loss, and ends who waits for a message", async(function()
      local b <close> = bench.new { module = module }
      local mqtt <const> = connected(b)
      local losses = 0
      mqtt:on("lost", function() losses = losses + 1 end)
      local call <const> = b:run(function() return mqtt.try:receive { timeout = 60 } end)
      b:say(script.lost)
      local _, err <const> = b:result(call)
      assert.equal("closed", err.code)
      assert.equal(1, losses)
    end))

    it("gives each module a name of its own", async(function()
      local b <close> = bench.new { module = module }
      local call <const> = b:run(function()
        return b.dut.try:mqtt { host = "broker.example.net" }
      end)
      local read <const> = { module == "ct12" and "AT+GSN" or "AT+CGSN", IMEI, "OK" }
      converse(b, { read, read })
      for _, each in ipairs(script.connect) do
        b:answer(each[1]:gsub("attest", "attest-" .. IMEI), table.unpack(each, 2))
      end
      assert.equal("connected", b:result(call).state)
    end))

    it("refuses unknown options by name, and a missing host", async(function()
      local b <close> = bench.new { module = module }
      local ok <const>, message <const> = pcall(function() return b.dut:mqtt { hots = "x" } end)
      assert.is_false(ok)
      assert.matches("hots", tostring(message))
      local _, err <const> = b.dut.try:mqtt { port = 1883 }
      assert.equal("mqtt: host is missing", err.message)
      assert.equal("", b:sent())
    end))
  end)
end

describe("dut:mqtt on ml302", function()
  it("takes code 128 for a refusal by the broker", async(function()
    local b <close> = bench.new { module = "ml302" }
    local call <const> = b:run(function() return b.dut.try:mqtt(BROKER) end)
    converse(b, SCRIPT.ml302.connect)
    local mqtt <const> = b:result(call)
    local sub <const> = b:run(function() return mqtt.try:subscribe("t", 0) end)
    b:answer('AT+MQTTSUB="t",0', "+MQTTSUBACK:1,128,t", "OK")
    local _, err <const> = b:result(sub)
    assert.equal("rejected", err.code)
    assert.equal(128, err.number)
  end))

  it("takes the order of the field, and attempts to reconnect for what they are", async(function()
    local b <close> = bench.new { module = "ml302" }
    local call <const> = b:run(function() return b.dut.try:mqtt(BROKER) end)
    converse(b, { SCRIPT.ml302.connect[1], SCRIPT.ml302.connect[2],
      { SCRIPT.ml302.connect[3][1], "OK", "+MQTTOPEN: OK" } })
    core.sleep(0.2)
    assert.equal("done", call:status()) -- a second OK is not waited for
    local mqtt <const> = b:result(call)
    for _, lines in ipairs { { "OK", "+MQTTSUBACK: 1,0,t" }, { "+MQTTSUBACK: 1,0,t", "OK" } } do
      local start <const> = core.now()
      local sub <const> = b:run(function() return mqtt.try:subscribe("t", 0) end)
      b:answer('AT+MQTTSUB="t",0', table.unpack(lines))
      assert.is_true(b:result(sub))
      assert.is_true(core.now() - start < 0.2)
    end
    local events <const> = {}
    mqtt:on("timeout", function(kind) events[#events + 1] = kind end)
    mqtt:on("reconnecting", function(attempt) events[#events + 1] = attempt end)
    mqtt:on("lost", function() events[#events + 1] = "lost" end)
    b:say("\r\n+MQTTTO:5\r\n\r\n+MQTTREC:0\r\n\r\n+MQTTREC:1\r\n\r\n+MQTTDISC:OK\r\n")
    core.sleep(0.1)
    assert.same({ "ping", 0, 1, "lost" }, events)
  end))
end)

describe("dut:mqtt on ml302", function()
  it("waits for a broker that takes its time", async(function()
    local b <close> = bench.new { module = "ml302" }
    local call <const> = b:run(function() return b.dut.try:mqtt(BROKER) end)
    converse(b, { SCRIPT.ml302.connect[1], SCRIPT.ml302.connect[2] })
    core.sleep(5)
    b:answer(SCRIPT.ml302.connect[3][1], "+CME ERROR:603")
    local _, err <const> = b:result(call)
    assert.equal("rejected", err.code)
    assert.equal(603, err.number)
  end))

  it("has no connection when the word says FAIL, before the OK or behind it", async(function()
    for _, lines in ipairs { { "+MQTTOPEN:FAIL", "OK" }, { "OK", "+MQTTOPEN: FAIL" } } do
      local b <close> = bench.new { module = "ml302" }
      local call <const> =
        b:run(function() return b.dut.try:mqtt(BROKER) end)
      converse(b, { SCRIPT.ml302.connect[1], SCRIPT.ml302.connect[2] })
      b:answer(SCRIPT.ml302.connect[3][1], table.unpack(lines))
      local client <const>, err <const> = b:result(call)
      assert.is_nil(client)
      assert.equal("rejected", err.code)
      assert.matches("FAIL", err.message)
    end
  end))
end)

describe("dut:mqtt on a module without MQTT", function()
  it("says so", async(function()
    local b <close> = bench.new { module = "vectors", catalogue = { "tests/support/catalogue" } }
    b.dut.module.profile.mqtt = nil
    local _, err <const> = b.dut.try:mqtt()
    assert.equal("unsupported", err.code)
  end))
end)
