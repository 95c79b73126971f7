--- ml302 with commands whose answers say whose they are.
--
-- SPDX-License-Identifier: MIT
-- luacheck: read globals both

return {
  extends  = "ml302",
  title    = both("ml302 with tags", "带标签的 ml302"),
  families = { "tags/tags" },
}
