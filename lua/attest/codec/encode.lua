-- SPDX-License-Identifier: MIT
--- Writes a command from named values, or refuses it: a bad argument never reaches the wire.
--
-- The form is chosen by what is given: nothing means the query (or the plain command), a table the
-- set form whose arguments fit. Pure; what never changes is worked out on first use.

local combination <const> = require "attest.codec.combination"
local errors <const> = require "attest.error"
local value <const> = require "attest.codec.value"

local write <const> = value.write
local plans <const> = setmetatable({}, { __mode = "k" })
local endings <const> = { exec = "", bare = "", read = "?", test = "=?" }

local function refused(entry, format, ...)
  return nil, errors.new {
    code = "invalid", command = entry.command,
    message = entry.command .. ": " .. format:format(...),
  }
end

local function missing_argument(entry, arg)
  return refused(entry, "argument %s is missing, expected %s", arg.name, value.expected(arg.type))
end

--- What of a set form never changes: how its text begins, names that it takes, those that it
-- cannot do without, and how many columns are always sent.
local function shape_of(entry, form)
  local shape <const> = {
    form = form, head = entry.command .. entry.glue, accepted = {}, required = {}, fixed = 0,
  }
  if form.effects.dangerous then shape.accepted.confirm = true end
  if form.payload then shape.accepted[form.payload.name] = true end
  for i, arg in ipairs(form.args) do
    shape.accepted[arg.name] = true
    if arg.default == nil and not arg.optional and not arg.measures then
      shape.required[#shape.required + 1] = arg
    end
    if arg.measures then shape.measures = arg end
    if not arg.optional then shape.fixed = i end
  end
  return shape
end

--- Sorts the forms of an entry by kind and finds the first one that needs no values.
local function make_plan(entry)
  local plan <const> = { sets = {}, texts = {}, by_kind = {} }
  for _, form in ipairs(entry.forms) do
    if form.kind == "set" then plan.sets[#plan.sets + 1] = shape_of(entry, form) end
    plan.by_kind[form.kind] = plan.by_kind[form.kind] or form
    if endings[form.kind] then
      plan.texts[form] = entry.command .. endings[form.kind]
      plan.plain = plan.plain or form.kind ~= "test" and form or nil
    end
  end
  plan.plain = plan.plain or plan.by_kind.test
  plans[entry] = plan
  return plan
end

local function first_missing(shape, values)
  local required <const> = shape.required
  for i = 1, #required do
    if values[required[i].name] == nil then return required[i] end
  end
  return nil
end

--- Tells what keeps a set form from taking the values.
-- @treturn ?string name that it does not know
-- @treturn ?table argument that it misses
local function fault_of(shape, values)
  local accepted <const> = shape.accepted
  for name in next, values do
    if not accepted[name] then return name end
  end
  return nil, first_missing(shape, values)
end

local function argument_names(sets)
  local names <const>, seen <const> = {}, {}
  for _, shape in ipairs(sets) do
    local args <const> = shape.form.args
    local all <const> = table.move(args, 1, #args, 1, {})
    all[#all + 1] = shape.form.payload
    for _, arg in ipairs(all) do
      if not seen[arg.name] then names[#names + 1] = arg.name end
      seen[arg.name] = true
    end
  end
  return table.concat(names, ", ")
end

--- Picks the set form that knows all names and misses none; else the nearest one, with its fault.
local function pick(entry, sets, values)
  local unknown, missing
  for i = 1, #sets do
    local shape <const> = sets[i]
    local stranger <const>, absent <const> = fault_of(shape, values)
    if stranger == nil and not absent then return shape end
    unknown, missing = unknown or stranger, absent or missing
  end
  if missing then
    return missing_argument(entry, missing)
  end
  return refused(entry, "unknown argument %s, expected %s",
    type(unknown) == "string" and unknown or value.show(unknown), argument_names(sets))
end

--- Counts the columns to send: up to the last one given, raised to a legal number of them.
local function column_count(shape, values, payload)
  local form <const> = shape.form
  local args <const> = form.args
  local last = #args
  while last > shape.fixed do
    local arg <const> = args[last]
    if values[arg.name] ~= nil or arg.measures and payload then break end
    last = last - 1
  end
  if not form.arity then return last end
  for _, n in ipairs(form.arity) do
    if n >= last then return n end
  end
  return last
end

local function write_text(entry, shape, values, payload)
  local form <const>, text, comma = shape.form, shape.head, ""
  for i = 1, column_count(shape, values, payload) do
    local arg <const> = form.args[i]
    local v = values[arg.name]
    if v == nil then v = arg.measures and payload and #payload or arg.default end
    if v == nil and form.arity then
      return missing_argument(entry, arg)
    end
    local column <const> = v == nil and "" or write[arg.type.kind](arg.type, v)
    if not column then
      return refused(entry, "argument %s is %s, expected %s", arg.name, value.show_of(arg, v),
        value.expected(arg.type))
    end
    text, comma = text .. comma .. column, ","
  end
  local size <const> = #text - #shape.head
  if form.max_text and size > form.max_text then
    return refused(entry, "its arguments take %d bytes, expected at most %d", size, form.max_text)
  end
  return text
end

--- Judges the payload and the length that was given for it.
-- @treturn[1] ?string payload; nil where the length stands for a text
-- @treturn[2] nil
-- @treturn[2] attest.error
local function check_payload(entry, shape, values)
  local spec <const>, arg <const> = shape.form.payload, shape.measures
  local given <const> = values[spec.name]
  if spec.when and type(values[spec.when]) == "string" then
    if given == nil then return nil end
    return refused(entry, "argument %s goes with a length in %s, not with a text", spec.name,
      spec.when)
  end
  if given == nil then
    return missing_argument(entry, spec)
  end
  if not write[spec.type.kind](spec.type, given) then
    return refused(entry, "argument %s is %s, expected %s", spec.name, value.show(given),
      value.expected(spec.type))
  end
  local length <const> = arg and values[arg.name]
  if type(length) == "number" and length ~= #given then
    return refused(entry, "argument %s is %s, but %s has %d bytes", arg.name, value.show(length),
      arg.measures, #given)
  end
  return given
end

--- Tells the value of an argument: given, or filled in by the host.
local function value_of(arg, values)
  local v <const> = values[arg.name]
  if v == nil and not arg.optional then return arg.default end
  return v
end

local function check_combination(entry, form, values)
  local names <const> = combination.fault(form, function(arg) return value_of(arg, values) end)
  if names then return refused(entry, "%s do not go together", names) end
  return true
end

local function encode_set(entry, shape, values)
  local form <const> = shape.form
  if form.effects.dangerous and values.confirm ~= true then
    return refused(entry, "is dangerous and needs confirm = true")
  end
  local payload, err
  if form.payload then
    payload, err = check_payload(entry, shape, values)
    if err then return nil, err end
  end
  local text
  text, err = write_text(entry, shape, values, payload)
  if not text then return nil, err end
  if form.combinations then
    local together <const>, clash <const> = check_combination(entry, form, values)
    if not together then return nil, clash end
  end
  return text, form, payload
end

local function needs_values(entry, shape)
  local missing <const> = first_missing(shape, {}) or shape.form.args[1]
  if not missing then return refused(entry, "has no form without arguments") end
  return missing_argument(entry, missing)
end

--- Writes a plain form: query, execution, test, or one without a line end.
local function encode_plain(entry, plan, form, values)
  if not form then return needs_values(entry, plan.sets[1]) end
  local stranger = next(values)
  if stranger == "confirm" and form.effects.dangerous then stranger = next(values, stranger) end
  if stranger ~= nil then
    return refused(entry, "unknown argument %s, it takes none",
      type(stranger) == "string" and stranger or value.show(stranger))
  end
  if form.effects.dangerous and values.confirm ~= true then
    return refused(entry, "is dangerous and needs confirm = true")
  end
  return plan.texts[form], form
end

--- Writes a command without its line end.
-- @tparam table _ module (reserved; the entry says it all)
-- @tparam table entry catalogue entry
-- @tparam[opt] table values by argument name; the payload stands among them
-- @string[opt] kind "exec", "read", "set", "test" or "bare" instead of the choice by values
-- @treturn[1] string text
-- @treturn[1] table form
-- @treturn[1] ?string payload to send after the prompt
-- @treturn[2] nil
-- @treturn[2] attest.error "invalid", naming the argument, its value and what was expected
local function encode(_, entry, values, kind)
  local plan <const> = plans[entry] or make_plan(entry)
  if values == nil and not kind then
    local form <const> = plan.plain
    if form and not form.effects.dangerous then return plan.texts[form], form end
  elseif values ~= nil and type(values) ~= "table" then
    return refused(entry, "takes a table of arguments, got %s", value.show(values))
  end
  values = values or {}
  if kind and not plan.by_kind[kind] then
    return refused(entry, "has no %s form", tostring(kind))
  end
  local set <const> = kind == "set" or not kind and plan.sets[1]
    and (not plan.plain or next(values) ~= nil)
  if not set then
    return encode_plain(entry, plan, kind and plan.by_kind[kind] or plan.plain, values)
  end
  local shape <const>, err <const> = pick(entry, plan.sets, values)
  if not shape then return nil, err end
  return encode_set(entry, shape, values)
end

return encode
