-- SPDX-License-Identifier: MIT
-- A plan that talks now and then for half a minute, with a teardown.

local attest <const> = require "attest"

local plan <const> = attest.plan { name = "long", version = "1", module = "ct12" }

plan:setup(function(t)
  t.dut:ready()
end)

plan:phase("long wait", { timeout = 60 }, function(t)
  t:log("long wait begins")
  for i = 1, 60 do
    t:measure("answer " .. i, t.dut:at("AT").final):equals("OK")
    t:sleep(0.5)
  end
end)

plan:teardown(function(t)
  t:log("teardown ran")
end)

return plan
