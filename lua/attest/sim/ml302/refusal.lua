-- SPDX-License-Identifier: MIT
--
-- How the ML302 words a refusal. The manual writes it in four ways (chapter
-- 2.3), each command in its own: ERROR, +CME ERROR, and +CME ERROR: with and
-- without a blank. What it prints without a number tells nothing, so only the
-- table's dialect does that where the manual has a number for the reason.

-- What the catalogue's reader says, in the numbers of the manual's 2.2.
local NUMBERS <const> = { [101] = 601, [103] = 601, [102] = 600 }
local UNKNOWN <const>, IS_OPEN <const> = 104, 602

local BLANK <const>, TIGHT <const> = "+CME ERROR: %d", "+CME ERROR:%d"
-- Those of 27.007 have the blank.
local FORMS <const> = {
  mqttopen = TIGHT, mqttstat = TIGHT, mqttsub = TIGHT, mqttpub = TIGHT, mqttdisc = TIGHT,
  mqttcfg = TIGHT, mqttdel = TIGHT,
}
local TABLE <const> = {
  mqttcfg = "ERROR", mqttdisc = "ERROR", mqttopen = "+CME ERROR", mqttstat = "+CME ERROR",
}

--- Words a refusal.
-- @tparam machine machine
-- @tparam integer number of the manual's 2.2, or one of attest.codec's
-- @tparam ?table entry of the catalogue; nil for an unknown command
-- @treturn string line
local function refusal(machine, number, entry)
  if number == UNKNOWN or not entry or entry.name == "mqttcfg" and number ~= IS_OPEN then
    return "ERROR"
  end
  local plain <const> = machine.dialect == "table" and TABLE[entry.name]
  return plain or (FORMS[entry.name] or BLANK):format(NUMBERS[number] or number)
end

return refusal
