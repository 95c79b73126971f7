-- SPDX-License-Identifier: MIT
--
-- DX-CT12 manual, 4.2.1: simple pairing, TCP, step by step. The server of the
-- manual is to send back what it gets. The teardown goes back to normal mode.
--
--     attest run scripts/regression/ct12_4_2_1_simple_tcp.lua --port /dev/ttyUSB0
--     attest run scripts/regression/ct12_4_2_1_simple_tcp.lua --sim ct12 \
--       --map 8.111.222.111=127.0.0.1:7

local attest <const> = require "attest"
local inbox <const> = require "inbox"
local restart <const> = require "restart"

local plan <const> = attest.plan {
  name = "ct12-4.2.1-simple-tcp", version = "1.0", module = "ct12",
}

plan:setup({ timeout = 150 }, function(t)
  t.dut:ready()
  t.dut:registered()
end)

local DATA <const> = "1234567890"

plan:phase("simple mode with TCP", { timeout = 240 }, function(t)
  local dut <const> = t.dut
  -- 1. Until it knows its client the module prints ERROR=104 again and again.
  restart.by(t, "AT+SIMPLEMODE=1,0")
  t:measure("mode", dut:simplemode().mode):equals(1)

  -- 2. It answers OK, then CONNECT with the link.
  local connected <close> = inbox.new(dut, "CONNECT")
  local received <close> = inbox.new(dut, "+QIRD")
  dut:at([[AT+SIMPLECLIENT="TCP","8.111.222.111",1234,0,0]])
  t:measure("link", connected:next(30).link_num):equals(3)

  -- 3.
  t:measure("sending", dut:at("AT+QISEND=3,10", { payload = DATA }).final):equals("SEND OK")
  t:measure("data back", received:next().payload):equals(DATA)

  -- 4.
  t:measure("closing", dut:at("AT+QICLOSE=3").final):equals("OK")
end)

plan:teardown({ timeout = 150 }, function(t)
  restart.by(t, "AT+SIMPLEMODE=0,0")
end)

return plan
