-- SPDX-License-Identifier: MIT
--
-- What goes wrong on demand: reads `--fault` specifications and holds the
-- seeded dice, so that the same seed and the same traffic give the same
-- faults. Says what shall happen; the line and the module make it happen.
--
--     loss:0.001          each byte is lost with this probability
--     vanish:3:2          its port goes away after 3 seconds, for 2 seconds
--
-- What there is stands in attest.sim.fault.list.

local dice <const> = require "attest.sim.fault.dice"
local errors <const> = require "attest.error"
local list <const> = require "attest.sim.fault.list"

local fault = {}

local methods <const> = {}
local mt <const> = { __name = "attest.sim.faults", __index = methods }

-- ------------------------------------------------------------------ reading

local function usage(kind)
  local parts <const> = { kind.name }
  for _, arg in ipairs(kind.args) do
    local is_optional <const> = arg.optional or arg.default
    parts[#parts + 1] = (is_optional and "[:%s]" or ":%s"):format(arg.label)
  end
  return table.concat(parts)
end

local function expected(arg)
  return ("%s%g to %.7g%s"):format(arg.whole and "a whole number from " or "", arg.low, arg.high,
    arg.unit and " " .. arg.unit or "")
end

local function known()
  local out <const> = {}
  for i, kind in ipairs(list) do
    out[i] = usage(kind)
  end
  return table.concat(out, ", ")
end

local function find(name)
  for _, kind in ipairs(list) do
    if kind.name == name then
      return kind
    end
  end
end

local function invalid(spec, format, ...)
  return nil, errors.new {
    code = "invalid",
    message = ("fault %q: "):format(spec) .. format:format(...),
  }
end

-- A decimal number within the argument's range.
local function read_number(arg, text)
  local shape <const> = arg.whole and "^%d+$" or "^%d*%.?%d*[eE]?[+-]?%d*$"
  local number <const> = text:find(shape) and tonumber(text)
  local is_good <const> = number and number >= arg.low and number <= arg.high
  return is_good and (arg.whole and math.tointeger(number) or number) or nil
end

local function split(spec)
  local words <const> = {}
  for word in (spec .. ":"):gmatch("([^:]*):") do
    words[#words + 1] = word:match("^%s*(.-)%s*$")
  end
  return table.remove(words, 1), words
end

local function read_arguments(spec, kind, words)
  local values <const> = {}
  if #words > #kind.args then
    return invalid(spec, "expected %s", usage(kind))
  end
  for i, arg in ipairs(kind.args) do
    local key <const>, word <const> = arg.label:lower(), words[i]
    if word then
      values[key] = read_number(arg, word)
      if not values[key] then
        return invalid(spec, "%s is %q, expected %s (%s)", arg.label, word, expected(arg),
          usage(kind))
      end
    elseif arg.default or arg.optional then
      values[key] = arg.default
    else
      return invalid(spec, "%s is missing, expected %s (%s)", arg.label, expected(arg), usage(kind))
    end
  end
  return values
end

local function read_one(faults, spec)
  local name <const>, words <const> = split(spec)
  local kind <const> = find(name)
  if not kind then
    return invalid(spec, "expected one of %s", known())
  elseif faults[name] then
    return invalid(spec, "%s is there already", name)
  end
  local values <const>, err <const> = read_arguments(spec, kind, words)
  if not values then
    return nil, err
  end
  faults[name] = values
  return true
end

--- Reads what shall go wrong.
-- @tparam[opt] string|table spec comma-separated specifications, or a list
-- @tparam[opt=0] integer seed of the dice
-- @treturn[1] faults: the arguments of each fault by its name, such as
--   `{ loss = { probability = 0.001 } }`
-- @treturn[2] nil
-- @treturn[2] error `invalid`, saying what is known
function fault.parse(spec, seed)
  local faults <const> = setmetatable({ seed = seed or 0, commands = 0, prompts = 0 }, mt)
  local text <const> = type(spec) == "table" and table.concat(spec, ",") or spec or ""
  for one in text:gmatch("[^,]+") do
    local ok <const>, err <const> = read_one(faults, one)
    if not ok then
      return nil, err
    end
  end
  return faults
end

--- Lists what there is, for `--list-faults` and `--help`.
-- @treturn table list of `{ usage, doc }`; the doc ends with the arguments' ranges
function fault.list()
  local out <const> = {}
  for i, kind in ipairs(list) do
    local doc <const> = { kind.doc }
    for _, arg in ipairs(kind.args) do
      local default <const> = arg.default or arg.optional
      doc[#doc + 1] = ("%s: %s%s."):format(arg.label, expected(arg),
        default and ", default " .. default or "")
    end
    out[i] = { usage = usage(kind), doc = table.concat(doc, " ") }
  end
  return out
end

-- ---------------------------------------------------------------- happening

--- Makes the dice of a purpose.
-- @tparam string purpose
-- @treturn table see attest.sim.fault.dice
function methods:dice(purpose)
  return dice(self.seed, purpose)
end

--- Counts a command of the client.
-- @treturn integer which it is, from 1
function methods:count_command()
  self.commands = self.commands + 1
  return self.commands
end

--- Tells whether a fault belongs to a command.
-- @tparam string name
-- @tparam ?integer number of the command
function methods:strikes(name, number)
  return number ~= nil and self[name] ~= nil and self[name].command == number
end

--- Counts a prompt and tells whether it gets lost.
function methods:loses_prompt()
  self.prompts = self.prompts + 1
  local lost <const> = self.no_prompt
  return lost ~= nil and (lost.nth == nil or lost.nth == self.prompts)
end

--- Cuts a counted payload short, if that is wanted.
-- @tparam string bytes
-- @treturn string
function methods:cut(bytes)
  return self.truncate and bytes:sub(1, self.truncate.bytes) or bytes
end

--- Ends all faults: from now on nothing goes wrong by itself. What is delayed
-- already stays so, and what has gone does not come back.
function methods:stop()
  for _, kind in ipairs(list) do
    self[kind.name] = nil
  end
end

return fault
