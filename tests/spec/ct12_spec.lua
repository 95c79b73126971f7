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
local sim <const> = require "attest.sim"

core.virtual()

local function world()
  local net <const> = fake_net.new()
  net.servers["192.0.2.1:7"] = fake_net.echo
  net.answers["192.0.2.9"] = { 30, 40 }
  return net
end

-- A module that has booted and found its network.
local function started(set)
  local near <const>, far <const> = core.pair()
  local simulated <const> = assert(sim.new { module = "ct12", net = world(), set = set })
  simulated:serve(far)
  local dut <const> = assert(attest.attach(near, { module = "ct12", simulated = simulated }))
  dut:await("NETWORK_ACTIVATE_SUCCESS")
  return dut
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
    dut:ipr { baudrate = 9600 }
    assert.equals(9600, dut.port:baud())
    assert.equals(9600, dut:ipr().baudrate)
    dut:restore()
    core.sleep(5)
    dut.port:set { baud = 115200 }
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
end)
