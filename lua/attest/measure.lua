-- SPDX-License-Identifier: MIT
--
-- One measurement: a named value, its unit, and the limits it was judged by.
--
--     t:measure("rssi", -71, "dBm"):at_least(-95):marginal { lower = -90 }
--
-- Pure. A failed limit is recorded, never raised: the phase goes on and FAILs
-- at its end. nil leaves the measurement UNSET, and UNSET can never PASS. A
-- value without any limit is recorded with the comparator LOG. What a script
-- holds is a handle: nothing that it writes into one reaches the record.

local limits <const> = require "attest.limits"
local text <const> = require "attest.text"

local measure <const> = {}

-- A name stands in every line about it.
local LONGEST_NAME <const> = 200

local methods <const> = {}
local mt <const> = { __name = "attest.measurement" }
local states <const> = setmetatable({}, { __mode = "k" })

function mt.__index(_, key)
  local method <const> = methods[key]
  if method == nil then
    error(("a measurement has no comparator %q"):format(tostring(key)), 2)
  end
  return method
end

function mt.__newindex(_, key)
  error(("a measurement's %s cannot be set"):format(tostring(key)), 2)
end

local function state_of(self)
  return states[self] or error("not called as measurement:method()", 3)
end

local VALUES <const> = { ["nil"] = true, number = true, string = true, boolean = true }

local function check_number(value, what)
  if type(value) ~= "number" or value ~= value then
    error(("%s must be a number, not %s"):format(what, limits.show(value)), 3)
  end
end

-- GE and LE on one measurement are one range.
local function add(self, check)
  local state <const> = state_of(self)
  if state.is_told then
    error(("measurement %q is in the record already"):format(state.name), 3)
  end
  local last <const> = state.checks[#state.checks]
  if last and check.comparator == "LE" and last.comparator == "GE" then
    last.comparator, last.upper = "GELE", check.upper
  elseif last and check.comparator == "GE" and last.comparator == "LE" then
    last.comparator, last.lower = "GELE", check.lower
  else
    state.checks[#state.checks + 1] = check
  end
  if state.value ~= nil and not state.reason then
    state.reason = limits.judge(check, state.value, state.unit)
  end
  return self
end

--- Fails a value below `lower`.
-- @tparam number lower
-- @treturn table the measurement, for a further comparator
function methods:at_least(lower)
  check_number(lower, "the lower limit")
  return add(self, { comparator = "GE", lower = lower })
end

--- Fails a value above `upper`.
-- @tparam number upper
function methods:at_most(upper)
  check_number(upper, "the upper limit")
  return add(self, { comparator = "LE", upper = upper })
end

--- Fails a value outside `lower`..`upper`, both included.
-- @tparam number lower
-- @tparam number upper
function methods:between(lower, upper)
  check_number(lower, "the lower limit")
  check_number(upper, "the upper limit")
  if lower > upper then
    error(("the lower limit %s is above the upper limit %s"):format(lower, upper), 2)
  end
  return add(self, { comparator = "GELE", lower = lower, upper = upper })
end

--- Fails any value but this one; a string never equals a number.
-- @param expected number, string or boolean
function methods:equals(expected)
  if expected == nil or not VALUES[type(expected)] or expected ~= expected then
    error(("equals needs a value, not %s"):format(limits.show(expected)), 2)
  end
  return add(self, { comparator = "EQ", expected = expected })
end

--- Fails a value that is not in the list.
-- @tparam table list values
function methods:one_of(list)
  if type(list) ~= "table" or #list == 0 then
    error("one_of needs a list of values", 2)
  end
  for i = 1, #list do
    if list[i] == nil or not VALUES[type(list[i])] then
      error(("one_of needs a list of values, not of %s"):format(limits.show(list[i])), 2)
    end
  end
  return add(self, { comparator = "ONE_OF", expected = table.move(list, 1, #list, 1, {}) })
end

--- Fails a string in which the Lua pattern is not found; anchor it with ^ and $.
-- @tparam string pattern
function methods:matches(pattern)
  if type(pattern) ~= "string" or not pcall(string.find, "", pattern) then
    error(("matches needs a Lua pattern, not %s"):format(limits.show(pattern)), 2)
  end
  return add(self, { comparator = "MATCH", expected = pattern })
end

--- Fails a string that is not all digits with a correct Luhn digit (IMEI).
function methods:luhn()
  return add(self, { comparator = "LUHN" })
end

--- Fails everything but true.
function methods:is_true()
  return add(self, { comparator = "TRUE", expected = true })
end

--- Marks a value that passes close to its limits; it still passes.
-- @tparam table band `lower` and `upper` of the comfortable range
function methods:marginal(band)
  if type(band) ~= "table" then
    error("marginal needs { lower =, upper = }", 2)
  end
  for key, value in pairs(band) do
    if key ~= "lower" and key ~= "upper" then
      error(("marginal has no option %q"):format(tostring(key)), 2)
    end
    check_number(value, "the marginal " .. key)
  end
  state_of(self).band = { lower = band.lower, upper = band.upper }
  return self
end

--- Judges by a limit that came with the plan instead of the script.
-- @tparam table limit `lower`, `upper` or `expected`
function methods:within(limit)
  if limit.expected ~= nil then
    return self:equals(limit.expected)
  elseif limit.lower and limit.upper then
    return self:between(limit.lower, limit.upper)
  elseif limit.lower then
    return self:at_least(limit.lower)
  end
  return self:at_most(limit.upper)
end

local function outcome_of(state)
  if state.value == nil then
    return "UNSET", "has no value"
  elseif state.value ~= state.value and not state.reason then
    return "UNSET", "is not a number (NaN)"
  elseif state.reason then
    return "FAIL", state.reason
  end
  return "PASS"
end

--- Tells the outcome as it stands.
-- @treturn string PASS, FAIL or UNSET
-- @treturn[opt] string why it is not PASS
function methods:outcome()
  return outcome_of(state_of(self))
end

local function is_marginal(state)
  return state.band ~= nil and type(state.value) == "number" and outcome_of(state) == "PASS"
    and limits.judge({
      comparator = "GELE", lower = state.band.lower, upper = state.band.upper,
    }, state.value) ~= nil
end

--- Tells whether a passing value lies outside its comfortable range.
-- @treturn boolean
function methods:is_marginal()
  return is_marginal(state_of(self))
end

--- Describes a measurement for the record; from then on it is judged.
-- @tparam table measurement
-- @treturn table
function measure.describe(measurement)
  local state <const> = states[measurement]
  local names <const> = {}
  local outcome <const>, reason <const> = outcome_of(state)
  local entry <const> = {
    name = state.name,
    value = state.value,
    type = type(state.value),
    unit = state.unit,
    outcome = outcome,
    message = reason and state.name .. " " .. reason or nil,
    marginal = is_marginal(state),
  }
  state.is_told = true
  for i, check in ipairs(state.checks) do
    names[i] = check.comparator
    entry.lower = entry.lower or check.lower
    entry.upper = entry.upper or check.upper
    if entry.expected == nil then
      entry.expected = check.expected
    end
  end
  entry.comparator = #names > 0 and table.concat(names, "+") or "LOG"
  if state.band then
    entry.marginal_lower, entry.marginal_upper = state.band.lower, state.band.upper
  end
  return entry
end

local function is_name(word)
  return type(word) == "string" and word ~= "" and #word <= LONGEST_NAME
    and text.printable(word) == word
end

--- Makes a measurement.
-- @tparam string name unique within its attempt
-- @param value number, string, boolean, or nil for UNSET
-- @tparam[opt] string unit such as "dBm"
-- @treturn table measurement
function measure.new(name, value, unit)
  if not is_name(name) then
    error(("a measurement needs a printable name of 1 to %d bytes"):format(LONGEST_NAME), 3)
  elseif not VALUES[type(value)] then
    error(("measurement %q: a %s is not a number, string or boolean")
      :format(name, type(value)), 3)
  elseif unit ~= nil and not is_name(unit) then
    error(("measurement %q: the unit must be a printable string"):format(name), 3)
  end
  local self <const> = setmetatable({}, mt)
  states[self] = { name = name, value = value, unit = unit, checks = {} }
  return self
end

return measure
