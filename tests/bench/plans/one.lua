-- SPDX-License-Identifier: MIT
--
-- The smallest plan that stores something: what it costs is the runner.

local attest <const> = require "attest"

local plan <const> = attest.plan { name = "bench-one", module = "ct12" }

plan:phase("identity", function(t)
  t:measure("firmware", t.dut:gmr().version):equals("CT12_V1.0.1")
end)

return plan
