-- SPDX-License-Identifier: MIT
-- A plan whose phase never waits: the watchdog must stop it and name the line.

local attest <const> = require "attest"

local plan <const> = attest.plan { name = "hog", version = "1", module = "ct12" }

plan:phase("hogs", { timeout = 10 }, function(t)
  local n = 0
  t:measure("before", true):is_true()
  while true do
    n = n + 1
  end
end)

return plan
