--- Commands whose answers say whose they are: the number of the command, and a check on it.
--
-- SPDX-License-Identifier: MIT
-- luacheck: read globals both int bytes

local none <const> = both("-", "-")
local n <const> = { "n", int(0, 999999), none }
local check <const> = { "check", int(0, 65535), none }

return {
  title = both("Tags", "标签"),

  { name = "tag", wire = "+TAG", section = "-", summary = none, forms = {
      { kind = "set", args = { n, check }, info = { { prefix = "+TAG:", fields = { n, check } } } } } },

  { name = "slow", wire = "+SLOW", section = "-", summary = none, forms = {
      { kind = "set", args = { n, check, { "tenths", int(0, 999), none } }, timeout = 4,
        info = { { prefix = "+SLOW:", fields = { n, check } } } } } },

  { name = "put", wire = "+PUT", section = "-", summary = none, forms = {
      { kind = "set", args = { n, check, { "length", int(1, 100), none, measures = "payload" } },
        payload = { bytes(1, 100), none, prompt = ">" },
        info = { { prefix = "+PUT:", fields = { n, check, { "sum", int(0, 65535), none } } } },
        completion = { "prompt", "payload", "OK" } } } },
}
