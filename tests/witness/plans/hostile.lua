-- SPDX-License-Identifier: MIT
-- A plan that takes what a hostile module says into everything that is shown.

local attest <const> = require "attest"

local plan <const> = attest.plan { name = "hostile", version = "1", module = "ct12" }

plan:phase("values", { timeout = 20 }, function(t)
  local said <const> = t.dut:at("AT+GMR", { timeout = 5 }).lines[1]
  t:identify { firmware = said, imei = said }
  t:log(said)
  print(said)
  io.stdout:write(said, "\n")
  t:attach(said, said)
  t:measure("firmware", said):equals("1.0")
end)

return plan
