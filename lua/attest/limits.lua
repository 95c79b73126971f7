-- SPDX-License-Identifier: MIT
--
-- Comparators: does a value hold against one check, and why not?
--
-- Pure. A check is { comparator =, lower =, upper =, expected = }; the names
-- are TestStand's (GE, LE, GELE, EQ, LOG) and four of ours. Nothing here
-- passes a value of the wrong type: a string is never a number, NaN is never
-- inside a limit.

local limits <const> = {}

-- Longest value shown in a message; the record keeps the whole.
local SHOWN <const> = 64
-- Most values of a list shown in a message.
local MOST_SHOWN <const> = 20

--- Shows a value in a message, safe for a terminal.
-- @param value number, string, boolean or nil
-- @treturn string
function limits.show(value)
  if type(value) == "string" then
    local text = value
    if #text > SHOWN then
      text = text:sub(1, SHOWN)
    end
    text = text:gsub("[%c\"\\\x80-\xff]", function(byte)
      return ("\\x%02X"):format(byte:byte())
    end)
    return ('"%s"%s'):format(text, #value > SHOWN and ("... (%d bytes)"):format(#value) or "")
  end
  if value ~= value then
    return "NaN"
  elseif math.type(value) == "float" then
    return ("%.14g"):format(value)
  end
  return tostring(value)
end

local function show_all(list)
  local shown <const> = {}
  for i = 1, math.min(#list, MOST_SHOWN) do
    shown[i] = limits.show(list[i])
  end
  local more <const> = #list > MOST_SHOWN and ("... (%d values)"):format(#list) or ""
  return table.concat(shown, ", ") .. more
end

-- True when the digits satisfy ISO/IEC 7812 (IMEI, ICCID).
local function is_luhn(text)
  local sum = 0
  for i = 0, #text - 1 do
    local digit = text:byte(#text - i) - 48
    if i % 2 == 1 then
      digit = digit * 2
      digit = digit > 9 and digit - 9 or digit
    end
    sum = sum + digit
  end
  return sum % 10 == 0
end

local function with_unit(value, unit)
  return limits.show(value) .. (unit and " " .. unit or "")
end

local function wrong_type(value, wanted)
  return ("is %s, a %s; the limit needs a %s"):format(limits.show(value), type(value), wanted)
end

local function check_range(check, value, unit)
  if type(value) ~= "number" then
    return wrong_type(value, "number")
  elseif value ~= value then
    return "is not a number (NaN)"
  elseif check.lower and value < check.lower then
    return ("%s < %s (lower)"):format(with_unit(value, unit), with_unit(check.lower, unit))
  elseif check.upper and value > check.upper then
    return ("%s > %s (upper)"):format(with_unit(value, unit), with_unit(check.upper, unit))
  end
end

local function check_equal(check, value, unit)
  if type(value) ~= type(check.expected) then
    return wrong_type(value, type(check.expected))
  elseif value ~= check.expected then
    return ("%s, expected %s"):format(with_unit(value, unit), with_unit(check.expected, unit))
  end
end

local function check_one_of(check, value, unit)
  for _, expected in ipairs(check.expected) do
    if value == expected then
      return nil
    end
  end
  return ("%s is none of %s"):format(with_unit(value, unit), show_all(check.expected))
end

local function check_match(check, value)
  if type(value) ~= "string" then
    return wrong_type(value, "string")
  elseif not value:find(check.expected) then
    return ("%s does not match %s"):format(limits.show(value), limits.show(check.expected))
  end
end

local function check_luhn(_, value)
  if type(value) ~= "string" then
    return wrong_type(value, "string")
  elseif not value:find("^%d%d+$") then
    return ("%s is not all digits"):format(limits.show(value))
  elseif not is_luhn(value) then
    return ("%s fails the Luhn check"):format(limits.show(value))
  end
end

local function check_true(_, value)
  if type(value) ~= "boolean" then
    return wrong_type(value, "boolean")
  elseif not value then
    return "is false, expected true"
  end
end

local comparators <const> = {
  GE = check_range,
  LE = check_range,
  GELE = check_range,
  EQ = check_equal,
  ONE_OF = check_one_of,
  MATCH = check_match,
  LUHN = check_luhn,
  TRUE = check_true,
}

--- Judges a value.
-- @tparam table check comparator and its limits
-- @param value what was measured; never nil
-- @tparam[opt] string unit for the message
-- @treturn[1] nil the value holds
-- @treturn[2] string why it does not
function limits.judge(check, value, unit)
  return comparators[check.comparator](check, value, unit)
end

return limits
