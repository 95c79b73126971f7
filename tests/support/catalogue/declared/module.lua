--- ct12 with commands that no model knows, for tests of attest.sim.declared.
--
-- SPDX-License-Identifier: MIT
-- luacheck: read globals both

return {
  extends  = "ct12",
  title    = both("With declared commands", "仅声明的指令"),
  families = { "extra" },
}
