-- SPDX-License-Identifier: MIT
-- A plan with one phase that needs an answer within two seconds.

local attest <const> = require "attest"

local plan <const> = attest.plan { name = "only version", version = "1", module = "ct12" }

plan:phase("version", { timeout = 10 }, function(t)
  local answer <const> = t.dut:at("AT+GMR", { timeout = 2 })
  t:measure("answered", answer.final):equals("OK")
end)

return plan
