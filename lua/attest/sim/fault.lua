-- SPDX-License-Identifier: MIT
--
-- What goes wrong on demand: reads `--fault` specifications and holds the
-- seeded dice, so that the same seed gives the same faults. Says what shall
-- happen; the line and the module make it happen.
--
--     silent          the module never answers
--     vanish:3        its port goes away after 3 seconds

local errors <const> = require "attest.error"

local fault = {}

-- Fault name to what its argument is, or false where it takes none.
local KINDS <const> = {
  silent = false,
  vanish = "SECONDS",
}

local function known()
  local out <const> = {}
  for name, argument in pairs(KINDS) do
    out[#out + 1] = argument and name .. ":" .. argument or name
  end
  table.sort(out)
  return table.concat(out, ", ")
end

local function bad(spec)
  return nil, errors.new {
    code = "invalid",
    message = string.format("fault %q: expected one of %s", tostring(spec), known()),
  }
end

local function read_one(faults, spec)
  local name <const>, argument <const> = spec:match("^%s*(%l+):?(.-)%s*$")
  local kind <const> = KINDS[name]
  if kind == nil then
    return bad(spec)
  end
  if kind == false then
    if argument ~= "" then
      return bad(spec)
    end
    faults[name] = true
    return true
  end
  local seconds <const> = tonumber(argument)
  if not seconds or not (seconds >= 0 and seconds < 1e9) then
    return bad(spec)
  end
  faults[name] = seconds
  return true
end

-- A dice of its own (xorshift): math.random belongs to the whole process.
local function dice(seed)
  local state = (seed ~ 0x2545F4914F6CDD1D) | 1
  return function(low, high)
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return low + (state >> 1) % (high - low + 1)
  end
end

--- Reads what shall go wrong.
-- @tparam[opt] string|table spec comma-separated specifications, or a list
-- @tparam[opt=0] integer seed of the dice
-- @treturn[1] table `{ silent, vanish, roll }`; `roll(low, high)` is the dice
-- @treturn[2] nil
-- @treturn[2] error `invalid`, listing what is known
function fault.parse(spec, seed)
  local faults <const> = { roll = dice(seed or 0) }
  local list <const> = type(spec) == "table" and table.concat(spec, ",") or spec or ""
  for one in list:gmatch("[^,]+") do
    local ok, err <const> = read_one(faults, one)
    if not ok then
      return nil, err
    end
  end
  return faults
end

--- Names the faults for `--help`.
-- @treturn string such as `silent, vanish:SECONDS`
function fault.known()
  return known()
end

return fault
