--- ct12 with commands whose answers say whose they are.
--
-- SPDX-License-Identifier: MIT
-- luacheck: read globals both

return {
  extends  = "ct12",
  title    = both("ct12 with tags", "带标签的 ct12"),
  families = { "tags" },
}
