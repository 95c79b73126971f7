-- SPDX-License-Identifier: MIT
-- A plan for a foreign modem: only what every modem knows, sent raw.

local attest <const> = require "attest"

local plan <const> = attest.plan { name = "iaxmodem", version = "1" }

plan:phase("answers", { timeout = 10 }, function(t)
  t:measure("AT", t.dut:at("AT").final):equals("OK")
end)

plan:phase("names its library", { timeout = 10 }, function(t)
  t:measure("ATI3", t.dut:at("ATI3").lines[1]):equals("www.soft-switch.org")
end)

plan:phase("switches its echo", { timeout = 10 }, function(t)
  t.dut:at("ATE0")
  t:measure("without echo", t.dut:at("ATI").lines[1]):equals("spandsp")
  t.dut:at("ATE1")
end)

return plan
