-- SPDX-License-Identifier: MIT
--
-- The host's methods for the ML302 against the simulated module: every form
-- once in each dialect, and what it changes read back. The two share the
-- catalogue, so this proves that they understand each other, not that they are
-- right: that is proved by facts_ml302_spec and transcripts_ml302_spec.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local mqtt_peer <const> = require "tests.support.mqtt_peer"
local sim <const> = require "attest.sim"

core.virtual()

local CONFIG <const> = {
  host = "broker.test", port = 1883, id = "dut", keep_alive = 60, user = "u", passwd = "secret",
  clean = 1,
}
local OPEN <const> = {
  usr_flag = 1, pwd_flag = 1, will_flag = 0, will_retain = 0, will_qos = 0, will_topic = "",
  will_mesg = "",
}

-- A module that has booted and found its network, and a broker.
local function started(options)
  local net <const> = fake_net.new()
  local broker <const> = mqtt_peer.new(net)
  net.names["broker.test"] = "192.0.2.1"
  net.servers["192.0.2.1:1883"] = broker.serve
  local near <const>, far <const> = core.pair()
  local given <const> = { module = "ml302", net = net }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  local simulated <const> = assert(sim.new(given))
  simulated:serve(far)
  local dut <const> = assert(attest.attach(near, { module = "ml302", simulated = simulated }))
  dut:await("+CPIN")
  core.sleep(1)
  return dut, broker
end

-- One that is connected.
local function opened(options)
  local dut <const>, broker <const> = started(options)
  dut:mqttcfg(CONFIG)
  dut:mqttopen(OPEN)
  core.sleep(1)
  broker:take()
  return dut, broker
end

local function refusal(dut, name, arguments)
  local result <const>, err <const> = dut.try[name](dut.try, arguments)
  assert.is_nil(result)
  return err.number or err.code
end

-- Calls a function when it is told of `name`; returns the list of what came.
local function listen(dut, name)
  local heard <const> = {}
  dut:on(name, function(event)
    heard[#heard + 1] = event
  end)
  return heard
end

describe("host and simulated ML302:", function()
  it("the line is alive", async(function()
    local dut <close> = started()
    assert.same({}, dut:test())
    assert.same({}, dut:ate { value = 0 })
    assert.same({}, dut:test())
    assert.same({}, dut:ate { value = 1 })
    assert.same({}, dut:test())
  end))

  it("identity", async(function()
    local dut <close> = started { set = { imei = "490154203237518", version = "V2" } }
    assert.same({ { text = "CMIOT" }, { text = "ML302" }, { text = "V2" } }, dut:ati())
    assert.equals("CMIOT", dut:cgmi().manufacturer)
    assert.equals("ML302", dut:cgmm().model)
    assert.equals("V2", dut:cgmr().version)
    assert.equals("490154203237518", dut:cgsn().imei)
    assert.equals("490154203237518", dut:imei())
    assert.equals("460041234567890", dut:cimi().imsi)
    assert.same({ code = "READY", ready = true }, dut:cpin())
    assert.same({ rssi = 23, ber = 99, rssi_dbm = -67 }, dut:csq())
  end))

  it("no card", async(function()
    local near <const>, far <const> = core.pair()
    local simulated <const> = assert(sim.new { module = "ml302", set = { imsi = "" } })
    simulated:serve(far)
    local dut <close> = assert(attest.attach(near, { module = "ml302", simulated = simulated }))
    dut:await("RDY")
    assert.equals(10, refusal(dut, "cpin"))
    assert.equals(10, refusal(dut, "cimi"))
  end))

  it("registration", async(function()
    local dut <close> = started { set = { creg = 5 } }
    assert.same({ n = 0, stat = 5, registered = true }, dut:creg())
    dut:creg { n = 2 }
    assert.equals('"25EF","02D0318E",7', dut:creg().other)
    dut:registered()
  end))

  it("configuration", async(function()
    local dut <close> = started()
    assert.same({ configured = false }, dut:mqttcfg())
    dut:mqttcfg(CONFIG)
    local shown <const> = { configured = true, version = "", encrypt = 0 }
    for key, value in pairs(CONFIG) do
      shown[key] = key == "passwd" and "***" or value
    end
    assert.same(shown, dut:mqttcfg())
    dut:mqttdel()
    assert.same({ configured = false }, dut:mqttcfg())
  end))

  for _, dialect in ipairs { "example", "table", "field" } do
    it("a session in the dialect " .. dialect, async(function()
      local dut <close>, broker <const> = started { dialect = dialect }
      assert.same({ stat = 0, connected = false }, dut:mqttstat())
      dut:mqttcfg(CONFIG)
      dut:mqttopen(OPEN)
      assert.same({ stat = 1, connected = true }, dut:mqttstat())

      assert.same({ pack_id = 1, code = 1, topic = "a/b", accepted = true },
        dut:mqttsub { topic = "a/b", qos = 1 })
      assert.equals("a/b", dut:mqttsub()[1].topic)
      assert.same({}, dut:mqttpub { topic = "t", qos = 0, retain = 0, message = 'say "x"' })
      assert.same({ dup = 0, pack_id = 2 },
        dut:mqttpub { topic = "t", qos = 1, retain = 1, payload = "OK\r\n>\0\255" })
      assert.same({ dup = 0, pack_id = 3 },
        dut:mqttpub { topic = "t", qos = 2, retain = 0, message = "1890" })
      local packets <const>, payloads <const> = broker:take(), {}
      for _, packet in ipairs(packets) do
        payloads[#payloads + 1] = packet.payload
      end
      assert.same({ 'say "x"', "OK\r\n>\0\255", "1890" }, payloads)
      assert.same({ pack_id = 4, topic = "a/b" }, dut:mqttunsub { topic = "a/b" })
      assert.same({}, dut:mqttsub())

      assert.same({}, dut:mqttdisc())
      assert.same({ stat = 0, connected = false }, dut:mqttstat())
      assert.same({}, dut:mqttdel())
    end))

    it("messages in the dialect " .. dialect, async(function()
      local dut <close>, broker <const> = opened { dialect = dialect }
      local messages <const> = listen(dut, "+MQTTPUBLISH")
      local released <const> = listen(dut, "+MQTTPUBREL")
      local sent <const> = {
        { topic = "a,b c", payload = "OK\r\n\r\n+MQTTDISC: OK\r\n", qos = 2, id = 9 },
        { topic = "t", payload = "", qos = 0, retain = true },
        { topic = "t", payload = '"\0\255', qos = 1, id = 10, dup = true },
      }
      for _, packet in ipairs(sent) do
        packet.type = "publish"
        broker:send(packet)
        core.sleep(1)
      end
      assert.equals(#sent, #messages)
      for i, packet in ipairs(sent) do
        local message <const> = messages[i]
        assert.same({ packet.topic, packet.payload, packet.qos, packet.id or 0, #packet.payload },
          { message.topic, message.payload, message.qos, message.pack_id, message.msg_len })
      end
      assert.same({ 1, 0 }, { messages[2].retained, messages[2].dup })
      assert.same({ 0, 1 }, { messages[3].retained, messages[3].dup })
      assert.equals(9, released[1].pack_id)
    end))
  end

  it("settings", async(function()
    local dut <close> = opened()
    assert.same({ rsp_echo = 1 }, dut:mqttping())
    dut:mqttping { rsp_echo = 0 }
    assert.same({ rsp_echo = 0 }, dut:mqttping())
    dut:mqttrec { recon = 0 }
    assert.same({ recon = 0, reconnum = 0 }, dut:mqttrec())
    dut:mqttto { timeout = 3 }
    assert.same({ timeout = 3 }, dut:mqttto())
  end))

  it("refusals by their numbers", async(function()
    local dut <close> = started()
    assert.equals(601, refusal(dut, "mqttping", { rsp_echo = 1 }))
    assert.equals(620, refusal(dut, "mqttdisc"))
    assert.equals(601, refusal(dut, "mqttopen", OPEN))
    dut:mqttcfg(CONFIG)
    dut:mqttopen(OPEN)
    assert.equals(602, refusal(dut, "mqttopen", OPEN))
    assert.equals(602, refusal(dut, "mqttcfg", CONFIG))
    assert.equals(602, refusal(dut, "mqttdel"))
    dut:mqttsub { topic = "a", qos = 0 }
    assert.equals(606, refusal(dut, "mqttsub", { topic = "a", qos = 0 }))
    assert.same({}, dut:test())
  end))

  it("the life of a connection in what comes unasked", async(function()
    local dut <close>, broker <const> = opened()
    local heard <const> = {}
    for _, name in ipairs { "+MQTTPINGRSP", "+MQTTTO", "+MQTTREC", "+MQTTDISC" } do
      dut:on(name, function(event)
        heard[#heard + 1] = name .. (event.type or event.attempt or "")
      end)
    end
    core.sleep(30)
    broker.answers.pingreq, broker.answers.connect = false, false
    core.sleep(300)
    assert.same({
      "+MQTTPINGRSP", "+MQTTTO5", "+MQTTTO5", "+MQTTTO5", "+MQTTREC0", "+MQTTREC1", "+MQTTREC2",
      "+MQTTDISC",
    }, heard)
  end))
end)
