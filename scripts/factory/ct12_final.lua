-- SPDX-License-Identifier: MIT
--
-- End-of-line test of a DX-CT12: identity, SIM, signal, registration, GPIO,
-- TCP and UDP data, time, ping, and that the unit ships as from the factory.
--
--     attest run scripts/factory/ct12_final.lua --port /dev/ttyUSB0 --port /dev/ttyUSB4
--
-- The fixture wires pin 0 to pin 1. The network needs an echo server for TCP
-- and UDP, a time server and a host that answers pings; -D names others.

local attest <const> = require "attest"
local core <const> = require "attest.core"
local rfc3339 <const> = require "attest.rfc3339"

local plan <const> = attest.plan {
  name    = "ct12-final",
  version = "1.0",
  module  = "ct12",
  params  = {
    firmware  = "CT12_V1.0.1",
    boot      = 60,                  -- seconds until the module must answer
    echo_host = "echo.example.net",
    echo_port = 7,
    bytes     = 1024,                -- most that one AT+QISEND takes
    ntp_host  = "ntp.example.net",
    ntp_port  = 123,
    tz        = 8,                   -- hours that the module's clock is ahead of UTC
    ping_host = "ping.example.net",
    pings     = 4,
  },
}

-- Pins of the loop on the fixture, and AT+GPIO's codes.
local OUT_PIN <const>, IN_PIN <const> = 0, 1
local DRIVE_LOW <const>, DRIVE_HIGH <const>, INPUT <const>, RELEASE <const> = 0, 1, 2, 3
local FLOATING <const> = 0

-- ITU-T E.118: 89, country, issuer, account, check digit; 19 or 20 places.
-- Good cards are seen with a letter A to F in the account number.
local ICCID <const> = "^89" .. ("%x"):rep(17) .. "%x?$"

plan:setup({ timeout = 90 }, function(t)
  t.dut:ready { timeout = t.params.boot }
end)

plan:phase("identity", { timeout = 15 }, function(t)
  t:measure("firmware", t.dut:gmr().version):equals(t.params.firmware)
  t:measure("imei", t.dut:imei()):luhn()     -- read twice, both equal
end)

plan:phase("sim", { timeout = 15 }, function(t)
  t:measure("iccid", t.dut:qccid().iccid):matches(ICCID)
end)

plan:phase("signal", { timeout = 30, retry = { limit = 2, delay = 1 } }, function(t)
  local signal <const> = t.dut:csq()
  t:measure("rssi", signal.rssi_dbm, "dBm"):at_least(-95):marginal { lower = -90 }
  t:measure("ber", signal.ber):one_of { 0, 1, 2, 3, 4, 5, 6, 7, 99 }
end)

plan:phase("registration", { timeout = 40 }, function(t)
  local state <const> = t.dut:registered { timeout = 35 }
  t:measure("registration time", state.seconds, "s"):at_most(30)
  t:measure("registration state", state.stat):one_of { 1, 5 }
end)

plan:phase("gpio loop", { timeout = 15 }, function(t)
  local dut <const> = t.dut
  local function level_for(drive)
    dut:gpio { pin = OUT_PIN, dir = drive }
    return dut:gpio { pin = IN_PIN }.value
  end
  dut:gpio { pin = IN_PIN, dir = INPUT, pull = FLOATING }
  t:measure("level when driven high", level_for(DRIVE_HIGH)):equals(1)
  t:measure("level when driven low", level_for(DRIVE_LOW)):equals(0)
  dut:gpio { pin = OUT_PIN, dir = RELEASE }
  dut:gpio { pin = IN_PIN, dir = RELEASE }
end)

-- Every byte value, so that a line end or a NUL in the data cannot hide.
local function pattern(length)
  local all <const> = {}
  for i = 0, 255 do
    all[#all + 1] = string.char(i)
  end
  return table.concat(all):rep(length // 256 + 1):sub(1, length)
end

local function measure_echo(t, kind)
  local socket <close> = t.dut:socket {
    type = kind, host = t.params.echo_host, port = t.params.echo_port,
  }
  local sent <const> = pattern(t.params.bytes)
  local start <const> = attest.now()
  socket:send(sent)
  local back <const> = socket:receive(#sent, { timeout = 10 })
  t:measure("bytes back", #back, "B"):equals(#sent)
  t:measure("bytes are equal", back == sent):is_true()
  t:measure("round trip", (attest.now() - start) * 1000, "ms"):at_most(5000)
end

plan:phase("tcp echo", { timeout = 30, retry = { limit = 1 } }, function(t)
  measure_echo(t, "TCP")
end)

plan:phase("udp echo", { timeout = 30, retry = { limit = 1 } }, function(t)
  measure_echo(t, "UDP")
end)

local function seconds_since_1970(t, time)
  local utc <const> = ("%04d-%02d-%02dT%02d:%02d:%02dZ"):format(
    time.year, time.month, time.day, time.hour, time.min, time.sec)
  return rfc3339.parse(utc) - t.params.tz * 3600
end

plan:phase("clock", { timeout = 30, retry = { limit = 1, delay = 1 } }, function(t)
  t.dut:qntp { server_addr = t.params.ntp_host, port = t.params.ntp_port }
  local offset <const> = seconds_since_1970(t, t.dut:qlts()) - core.wall()
  t:measure("clock offset", offset, "s"):between(-2, 2)
end)

local function median(list)
  table.sort(list)
  local middle <const> = #list // 2
  return #list % 2 == 1 and list[middle + 1] or (list[middle] + list[middle + 1]) / 2
end

plan:phase("ping", { timeout = 40 }, function(t)
  local times <const> = {}
  for i, answer in ipairs(t.dut:qping { addr = t.params.ping_host, num_pings = t.params.pings }) do
    times[i] = answer.wait_time
  end
  t:measure("pings answered", #times):equals(t.params.pings)
  t:measure("ping median", #times > 0 and median(times) or nil, "ms"):at_most(200)
end)

-- A command's own characters come back before its answer.
local function is_echoing(dut)
  local seen = false
  dut:observe(function(event)
    seen = seen or event == "echo"
  end)
  dut:at("AT")
  return seen
end

plan:phase("ships clean", { timeout = 20 }, function(t)
  local dut <const> = t.dut
  local line <const> = dut:ipr()
  t:measure("echo is on", is_echoing(dut)):is_true()
  t:measure("baud rate", line.baudrate, "baud"):equals(115200)
  -- Modules answer 0 or 1 for one stop bit.
  t:measure("line settings", ("%d,%d,%d"):format(line.databits, line.stopbits, line.parity))
    :matches("^8,[01],0$")
  t:measure("sleep by command", dut:syssleep().n):equals(0)
  t:measure("sleep by DTR", dut:csclk().n):equals(0)
  t:measure("sim slot", dut:singlesim().slot):equals(0)
  local simple <const> = dut:simplemode()
  t:measure("simple mode", ("%d,%d"):format(simple.mode, simple.stata)):equals("0,0")
  t:measure("MQTT credentials are set", dut:qmtcfg().configured):equals(false)
  t:measure("MQTT server is set", dut:qmtconncfg().configured):equals(false)
end)

-- A reboot that nobody asked for condemns the unit, whatever it measures.
plan:guard { urc = "RDY", code = "E-RESET" }

return plan
