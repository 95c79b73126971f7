-- SPDX-License-Identifier: MIT
--- Options that a script gives to a method: refused by name before anything is done.

local show <const> = require("attest.codec.value").show

local options <const> = {}

--- Where a method was called that was called by its wrapper (error.raising, `dut.try`), from a
-- function of what the method calls.
local CALLER <const> = 5

local function number_within(low, below)
  return function(value)
    return type(value) == "number" and value >= low and value < below
  end
end

--- What an option may be besides of a Lua type.
local shapes <const> = {
  ["seconds from 0"] = number_within(0, math.huge),
  ["seconds above 0"] = function(value) return number_within(0, math.huge)(value) and value > 0 end,
  ["0 to 3600 seconds"] = number_within(0, 3600),
  ["a number of bytes"] = function(value) return math.type(value) == "integer" and value > 0 end,
}

local function refuse(format, ...)
  error(format:format(...), CALLER)
end

--- Checks what was given. Called by the method itself, so that the error names the script's line.
-- @tparam string what who takes them
-- @tparam ?table given
-- @tparam table known by name: a Lua type, one of `shapes`, or true where another judges it
-- @raise naming the option, its value and what was expected
function options.check(what, given, known)
  if given == nil then
    return
  elseif type(given) ~= "table" then
    refuse("%s: options are a %s, expected a table", what, type(given))
  end
  for key, value in pairs(given) do
    local wanted <const> = known[key]
    local shape <const> = shapes[wanted]
    if not wanted then
      refuse("%s: unknown option %q", what, tostring(key))
    elseif shape and not shape(value) then
      refuse("%s: %s is %s, expected %s", what, key, show(value), wanted)
    elseif not shape and wanted ~= true and type(value) ~= wanted then
      refuse("%s: %s is a %s, expected a %s", what, key, type(value), wanted)
    end
  end
end

return options
