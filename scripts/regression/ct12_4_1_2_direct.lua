-- SPDX-License-Identifier: MIT
--
-- DX-CT12 manual, 4.1.2: TCP and UDP in direct mode, step by step. The server
-- of the manual is to send back what it gets. `+++` and ATO have no line end;
-- the silences that `+++` needs are kept by attest.
--
--     attest run scripts/regression/ct12_4_1_2_direct.lua --port /dev/ttyUSB0
--     attest run scripts/regression/ct12_4_1_2_direct.lua --sim ct12 \
--       --map 112.125.89.8=127.0.0.1:7

local attest <const> = require "attest"

local plan <const> = attest.plan { name = "ct12-4.1.2-direct", version = "1.0", module = "ct12" }

plan:setup({ timeout = 150 }, function(t)
  t.dut:ready()
  t.dut:registered()
end)

-- Line ends and what looks like an answer or an escape are data like any other.
local FIRST <const> = "first\r\n\r\nOK\r\n+++ and more\0\26\255"
local SECOND <const> = "second"

local function run(t, kind)
  local dut <const> = t.dut
  -- 1. AT+QIOPEN="TCP","112.125.89.8",33124,0,1
  local link <close> = dut:passthrough { type = kind, host = "112.125.89.8", port = 33124 }
  t:measure("link", link.number):equals(3)

  -- 2. Data as it is; +++ leaves, commands are answered, ATO enters again.
  link:write(FIRST)
  t:measure("data back", link:read(#FIRST)):equals(FIRST)
  dut:at("+++")
  t:measure("link in the list", dut:qistate()[1].type):equals(kind)
  dut:at("ATO")
  link:write(SECOND)
  t:measure("data back after ATO", link:read(#SECOND)):equals(SECOND)

  -- 3. Commands need command mode.
  dut:at("+++")
  t:measure("closing", dut:at("AT+QICLOSE=3").final):equals("OK")
  t:measure("links left", #dut:qistate()):equals(0)
end

plan:phase("TCP", { timeout = 60 }, function(t)
  run(t, "TCP")
end)

plan:phase("UDP", { timeout = 60 }, function(t)
  run(t, "UDP")
end)

return plan
