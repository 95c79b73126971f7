-- SPDX-License-Identifier: MIT
--
-- The host's methods for the ct12 against the simulated module: every form
-- once, and what it changes read back. The two share the catalogue, so this
-- proves that they understand each other, not that they are right: that is
-- proved by facts_spec and transcripts_spec.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local mqtt_peer <const> = require "tests.support.mqtt_peer"
local sim <const> = require "attest.sim"

core.virtual()

local function world()
  local net <const> = fake_net.new()
  net.servers["192.0.2.1:7"] = fake_net.echo
  net.answers["192.0.2.9"] = { 30, 40 }
  local broker <const> = mqtt_peer.new(net)
  net.servers["192.0.2.1:1883"] = broker.serve
  return net, broker
end

-- A module that has booted and found its network, and a broker within reach.
local function started(set)
  local near <const>, far <const> = core.pair()
  local net <const>, broker <const> = world()
  local simulated <const> = assert(sim.new { module = "ct12", net = net, set = set })
  simulated:serve(far)
  local dut <const> = assert(attest.attach(near, { module = "ct12", simulated = simulated }))
  dut:await("NETWORK_ACTIVATE_SUCCESS")
  return dut, broker
end

local function fields(t, names)
  local out <const> = {}
  for name in names:gmatch("%S+") do
    out[name] = t[name]
  end
  return out
end

describe("host and simulated ct12:", function()
  it("the line is alive", async(function()
    local dut <close> = started()
    assert.same({}, dut:test())
    assert.same({}, dut:ate { mode = 0 })
    assert.same({}, dut:test())
    assert.same({}, dut:ate { mode = 1 })
    assert.same({}, dut:test())
  end))

  it("identity", async(function()
    local dut <close> = started { imei = "490154203237518", iccid = "8986011", version = "CT12_V2" }
    assert.equals("CT12_V2", dut:gmr().version)
    assert.equals("490154203237518", dut:gsn().imei)
    assert.equals("8986011", dut:qccid().iccid)
  end))

  it("a restart forgets the notification and switches the echo on", async(function()
    local dut <close> = started()
    dut:creg { n = 1 }
    dut:ate { mode = 0 }
    dut:rst()
    dut:await("NETWORK_ACTIVATE_SUCCESS")
    assert.equals(0, dut:creg().n)
    local echoes = 0
    dut:observe(function(event) echoes = echoes + (event == "echo" and 1 or 0) end)
    dut:test()
    assert.equals(1, echoes)
  end))

  it("the line's settings", async(function()
    local dut <close> = started()
    assert.same({ baudrate = 115200, databits = 8, stopbits = 0, parity = 0 }, dut:ipr())
    local back <const> = { baudrate = 9600, databits = 8, stopbits = 0, parity = 0 }
    assert.same(back, dut:ipr { baudrate = 9600 })
    assert.equals(9600, dut.port:baud())
    assert.same(back, dut:ipr())
    dut:restore()
    assert.equals(115200, dut.port:baud())
    assert.same({ baudrate = 115200, databits = 8, stopbits = 0, parity = 0 }, dut:ipr())
  end))

  it("the SIM slot", async(function()
    local dut <close> = started { iccid1 = "8986012" }
    assert.same({ slot = 0 }, dut:singlesim())
    dut:singlesim { id = 1 }
    dut:await("NETWORK_ACTIVATE_SUCCESS")
    assert.same({ slot = 1 }, dut:singlesim())
    assert.equals("8986012", dut:qccid().iccid)
  end))

  it("pins", async(function()
    local dut <close> = started { wire = "0:1" }
    assert.same({}, dut:gpio { pin = 0, dir = 1 })
    assert.same({ pin = 1, value = 1 }, dut:gpio { pin = 1 })
    dut:gpio { pin = 0, dir = 0 }
    assert.same({ pin = 1, value = 0 }, dut:gpio { pin = 1 })
    assert.same({ pin = 2, value = 2 }, dut:gpio { pin = 2, dir = 2, pull = 2 })
    assert.same({ pin = 2, value = 1 }, dut:gpio { pin = 2 })
  end))

  it("registration and signal", async(function()
    local dut <close> = started { creg = 5, rssi = 99, ber = 7 }
    assert.same({ n = 0, stat = 5, registered = true }, dut:creg())
    dut:creg { n = 2 }
    assert.equals(2, dut:creg().n)
    assert.same({ rssi = 99, ber = 7 }, dut:csq())
    assert.equals("460", dut:cpsi().mcc)
  end))

  it("time and ping", async(function()
    local dut <close> = started()
    assert.same({ server_addr = "cn.pool.ntp.org", port = 123 }, dut:qntp())
    local err <const> = select(2, dut.try:qntp { server_addr = "192.0.2.4", port = 123 })
    assert.equals(201, err.number)
    assert.same({ server_addr = "192.0.2.4", port = 123 }, dut:qntp())
    local expected <const> = os.date("!%Y-%m-%d %H:%M", math.floor(core.wall() + 8 * 3600))
    assert.equals(expected, dut:qlts().time:sub(1, 16))
    assert.same({ 30, 40 }, (function()
      local times <const> = {}
      for i, row in ipairs(dut:qping { addr = "192.0.2.9" }) do
        times[i] = row.wait_time
      end
      return times
    end)())
  end))

  it("sleep, one way at a time", async(function()
    local dut <close> = started()
    assert.same({ n = 0 }, dut:syssleep())
    dut:syssleep { n = 1 }
    assert.same({ n = 1 }, dut:syssleep())
    assert.equals(102, select(2, dut.try:csclk { n = 1 }).number)
    dut:syssleep { n = 0 }
    dut:csclk { n = 1 }
    assert.same({ n = 1 }, dut:csclk())
  end))

  it("a link in AT mode", async(function()
    local dut <close> = started()
    local link <const> = dut:qiopen { type = "TCP", server_ip = "192.0.2.1", server_port = 7 }
    assert.same({ link_num = 3 }, link)
    dut:qisend { link_num = 3, payload = "OK\r\n>\0\255" }
    local received <const> = dut:await("+QIRD", { timeout = 5 })
    assert.same({ link_num = 3, length = 7, payload = "OK\r\n>\0\255" },
      fields(received, "link_num length payload"))
    local rows <const> = dut:qistate()
    assert.equals(1, #rows)
    assert.same({ link_num = 3, type = "TCP", server_ip = "192.0.2.1", server_port = 7 },
      fields(rows[1], "link_num type server_ip server_port"))
    dut:qiclose { link_num = 3 }
    assert.same({}, dut:qistate())
    assert.equals(102, select(2, dut.try:qiclose { link_num = 3 }).number)
  end))

  it("a link in direct mode", async(function()
    local dut <close> = started()
    local link <const> = dut:qiopen {
      type = "TCP", server_ip = "192.0.2.1", server_port = 7, mode = 1,
    }
    assert.equals(3, link.link_num)
    dut:escape()
    assert.equals(1, #dut:qistate())
    dut:ato()
    dut:escape()
    dut:qiclose { link_num = 3 }
    assert.same({}, dut:qistate())
  end))

  it("the client of simple mode", async(function()
    local dut <close> = started()
    assert.same({ mode = 0, stata = 0 }, dut:simplemode())
    assert.same({ configured = false }, dut:simpleclient())
    assert.equals("invalid", select(2, dut.try:simplemode { mode = 1, stata = 1 }).code)
    dut:simplemode { mode = 1, stata = 0 }
    dut:await("NETWORK_ACTIVATE_SUCCESS")
    assert.same({ mode = 1, stata = 0 }, dut:simplemode())
    local wanted <const> = { type = "TCP", server_ip = "192.0.2.1", server_port = 7 }
    assert.equals(3, dut:simpleclient(wanted).link_num)
    wanted.configured, wanted.local_port, wanted.mode = true, 0, 0
    assert.same(wanted, dut:simpleclient())
    dut:rst()
    assert.equals(3, dut:await("CONNECT", { timeout = 10 }).link_num)
  end))

  it("the configuration of MQTT", async(function()
    local dut <close> = started()
    assert.same({ configured = false }, dut:qmtcfg())
    assert.same({ configured = false }, dut:qmtconncfg())
    assert.same({ clean_session = 1, keepalive = 60 }, dut:qmtstart())
    local client <const> = { clientid = "CT11" }
    for _, more in ipairs { {}, { username = "MQTT1", password = "123456" }, {
      will_qos = 1, will_retain = 0, will_topic = "QQQ", will_message = "by, by",
    } } do
      for name, value in pairs(more) do client[name] = value end
      client.configured = nil
      dut:qmtcfg(client)
      client.configured = true
      assert.same(client, dut:qmtcfg())
    end
    dut:qmtstart { clean_session = 0, keepalive = 7200 }
    assert.same({ clean_session = 0, keepalive = 7200 }, dut:qmtstart())
  end))

  it("MQTT from the connection to its end", async(function()
    local dut <close>, broker <const> = started()
    assert.equals(0, dut:qmtstatu().statu)
    local err <const> = select(2, dut.try:qmtsub { topic = "TTT", qos = 0 })
    assert.equals(102, err.number)
    dut:qmtconncfg { address = "192.0.2.1", port = 1883 }
    assert.same({ configured = true, address = "192.0.2.1", port = 1883, reconnect = 0 },
      dut:qmtconncfg())
    assert.equals(202, select(2, dut.try:qmtconncfg { address = "192.0.2.1", port = 1883 }).number)
    assert.is_true(dut:qmtstatu().connected)
    assert.is_true(dut:qmtstatu(nil, { kind = "read" }).connected)
    dut:qmtsub { topic = "a,b", qos = 1 }
    dut:qmtsub { topic = "TTT", qos = 2 }
    assert.same({ { topic = "a,b", qos = 1 }, { topic = "TTT", qos = 2 } }, dut:qmtsub())
    broker:send { type = "publish", topic = "a,b", payload = "OK\r\n\0", qos = 1, id = 9 }
    assert.same({ topic = "a,b", length = 5, payload = "OK\r\n\0" },
      fields(dut:await("+QMTRECV", { timeout = 5 }), "topic length payload"))
    dut:qmtunsub { topic = "a,b" }
    assert.equals(1, #dut:qmtsub())
    dut:qmtdisc()
    assert.equals(0, dut:qmtstatu().statu)
  end))

  it("MQTT messages of any size and content", async(function()
    local dut <close>, broker <const> = started()
    dut:qmtconncfg { address = "192.0.2.1", port = 1883 }
    broker:take()
    local all <const> = {}
    for i = 0, 255 do all[i + 1] = string.char(i) end
    local bytes <const> = table.concat(all):rep(8)
    dut:qmtpub { topic = "t", qos = 0, retain = 0, message = "" }
    dut:qmtpub { topic = "t", qos = 1, retain = 0, message = ("x"):rep(512) }
    dut:qmtpub { topic = "t", qos = 2, retain = 1, message = 6, payload = "a\"b\r\nc" }
    dut:qmtpubex { topic = "t", qos = 0, retain = 0, payload = bytes }
    for _, size in ipairs { 0, 2049 } do
      local err <const> = select(2, dut.try:qmtpubex {
        topic = "t", qos = 0, retain = 0, payload = ("x"):rep(size),
      })
      assert.equals("invalid", err.code)
    end
    core.sleep(1)
    local payloads <const> = {}
    for _, packet in ipairs((broker:take())) do
      payloads[#payloads + 1] = packet.type == "publish" and packet.payload or nil
    end
    assert.same({ "", ("x"):rep(512), "a\"b\r\nc", bytes }, payloads)
  end))
end)
