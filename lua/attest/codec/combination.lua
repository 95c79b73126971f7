-- SPDX-License-Identifier: MIT
--- Values that go together: a mode that only some settings fit.
--
-- A form's `combinations` is a list of { argument = value or list of values }; the arguments must
-- fit one of them. Single values are judged elsewhere. Pure.

local combination = {}

local function is_among(v, wanted)
  if type(wanted) ~= "table" then return v == wanted end
  for _, each in ipairs(wanted) do
    if v == each then return true end
  end
  return false
end

local function fits(each, args, get)
  for _, arg in ipairs(args) do
    if each[arg.name] ~= nil and not is_among(get(arg), each[arg.name]) then return false end
  end
  return true
end

--- Names the arguments that a combination speaks of, with their values.
local function describe(form, get)
  local parts <const> = {}
  for _, arg in ipairs(form.args) do
    for _, each in ipairs(form.combinations) do
      if each[arg.name] ~= nil then
        parts[#parts + 1] = ("%s = %s"):format(arg.name, tostring(get(arg)))
        break
      end
    end
  end
  return table.concat(parts, ", ")
end

--- Judges the values of a form.
-- @tparam table form catalogue form
-- @tparam function get tells the value of an argument
-- @treturn ?string the arguments and their values when they fit no combination
function combination.fault(form, get)
  if not form.combinations then return nil end
  for _, each in ipairs(form.combinations) do
    if fits(each, form.args, get) then return nil end
  end
  return describe(form, get)
end

return combination
