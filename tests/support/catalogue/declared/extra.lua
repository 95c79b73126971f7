--- Commands of each kind that attest.sim.declared answers or refuses.
--
-- SPDX-License-Identifier: MIT
-- luacheck: read globals both int str bytes

local none <const> = both("-", "-")
local level <const> = { "level", int(0, 9), none }

return {
  title = none,

  { name = "led", wire = "+LED", section = "1", summary = none, forms = {
      { kind = "read", info = { { prefix = "+LED:", fields = { level } } } },
      { kind = "set", args = { level } } },
    examples = { { send = "AT+LED?", answer = { "AT+LED?", "+LED:4", "OK" } } } },

  { name = "fan", wire = "+FAN", section = "2", summary = none, forms = {
      { kind = "read", info = { { prefix = "+FAN:", fields = { level, { "name", str {}, none } } } } },
      { kind = "set", arity = { 1, 2 }, effects = { writes_flash = true },
        args = { { "level", int(0, 9), none, default = 3 }, { "name", str {}, none, default = "left" } } } } },

  { name = "mode", wire = "+MODE", section = "3", summary = none, forms = {
      { kind = "read", info = { { prefix = "+MODE:", fields = { level } } } },
      { kind = "set", args = { level }, effects = { reboots = true, writes_flash = true },
        completion = { { "OK", optional = true }, { RDY = "ok", later = 60 } } } } },

  { name = "beep", wire = "+BEEP", section = "4", summary = none, forms = { { kind = "exec" } } },

  { name = "temp", wire = "+TEMP", section = "5", summary = none, forms = {
      { kind = "exec", info = { { prefix = "+TEMP:", fields = { { "celsius", int(-40, 99), none } } } } },
      { kind = "set", args = { level }, info = { { prefix = "+TEMP:", fields = { level } } } } },
    examples = {
      { send = "AT+TEMP", answer = { "AT+TEMP", "+TEMP:25", "OK" } },
      { send = "AT+TEMP=2", answer = { "+TEMP:7", "OK" } },
      { send = "AT+TEMP=3", answer = { "ERROR=102" } },
    } },

  { name = "load", wire = "+LOAD", section = "6", summary = none, forms = {
      { kind = "set", args = { { "length", int(1, 9), none, measures = "payload" } },
        payload = { bytes(1, 9), none, prompt = ">" }, completion = { "prompt", "payload", "OK" } } } },
}
