-- SPDX-License-Identifier: MIT
-- A plan that lives for some seconds on a line that is flooded. It FAILs, so
-- that each PASS is a forged one.

local attest <const> = require "attest"

local plan <const> = attest.plan { name = "flooded", version = "1", module = "ct12" }

plan:phase("commands", { timeout = 20 }, function(t)
  t:measure("time", 1)
  for _ = 1, 10 do
    t.dut.try:at("AT", { timeout = 0.3 })
  end
  t:measure("lived to the end", true):equals(false)
end)

return plan
