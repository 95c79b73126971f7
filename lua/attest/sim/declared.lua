-- SPDX-License-Identifier: MIT
--
-- Behaviour of commands for which a model has none: what the catalogue itself
-- tells, so that a command which somebody adds as data can be tried at once.
--
--     a setting       is remembered and answered with OK; over a power cycle
--                     when the command writes the flash
--     a query         prints what was set under the names of its fields, else
--                     what the example of this very command prints, else the
--                     defaults of the setting's arguments
--     anything else   answers as its example does; with OK when nothing more
--                     is declared; without either it is an unknown command
--
-- Knows no command. A model that wants one refused says `false` for it.

local codec <const> = require "attest.codec"

local declared = {}

local UNKNOWN <const> = 104
local STORE <const> = "declared"

local function is_same(a, b)
  for key, value in pairs(a) do
    if b[key] ~= value then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

-- The example of exactly this command, if its answer needs no payload.
local function find_example(machine, call)
  for _, example in ipairs(call.entry.examples) do
    local parsed <const> = codec.parse(machine.module, example.send)
    if parsed and parsed.form == call.form and not example.payload and #example.answer > 0
      and is_same(parsed.args, call.args) then
      return example
    end
  end
end

-- Prints the example's answer, its final line too; the first line may be the echo.
local function answer_as(example, call)
  for i, line in ipairs(example.answer) do
    if i > 1 or line ~= example.send then
      call:answer(line)
    end
  end
  return false
end

local function only_ok(form)
  for _, step in ipairs(form.completion) do
    if step.kind ~= "OK" then
      return false
    end
  end
  return form.payload == nil
end

-- ------------------------------------------------------------- what was set

local function load(machine, entry)
  local all <const> = entry.effects.writes_flash and machine.flash:get(STORE)
    or machine.memory[STORE] or {}
  return all[entry.name]
end

local function store(machine, entry, values)
  if entry.effects.writes_flash then
    local all <const> = machine.flash:get(STORE) or {}
    all[entry.name] = values
    machine.flash:set(STORE, all)
  else
    machine.memory[STORE] = machine.memory[STORE] or {}
    machine.memory[STORE][entry.name] = values
  end
end

local function defaults(entry)
  local values <const> = {}
  for _, form in ipairs(entry.forms) do
    for _, arg in ipairs(form.args) do
      values[arg.name] = arg.default
    end
  end
  return values
end

local function remember(machine, call)
  local values <const> = load(machine, call.entry) or defaults(call.entry)
  for name, value in pairs(call.args) do
    values[name] = value
  end
  store(machine, call.entry, values)
end

-- ------------------------------------------------------------------ answers

local function can_print(row, values)
  for _, field in ipairs(row.fields) do
    if values[field.name] == nil and not field.optional then
      return false
    end
  end
  return #row.fields > 0
end

-- Prints the first row of which everything is known.
local function print_row(call, values)
  for i, row in ipairs(call.form.info) do
    if can_print(row, values) then
      call:row(i, values)
      return true
    end
  end
  return false
end

local function set(machine, call)
  remember(machine, call)
  if call.form.effects.reboots then
    call:answer("OK")
    machine:reboot()
    return false
  end
end

local function query(machine, call)
  local known <const> = load(machine, call.entry)
  if known and print_row(call, known) then
    return nil
  end
  local example <const> = find_example(machine, call)
  if example then
    return answer_as(example, call)
  elseif not print_row(call, defaults(call.entry)) then
    return UNKNOWN
  end
end

local function behave(machine, call)
  local form <const> = call.form
  if #form.info > 0 and #form.args == 0 then
    return query(machine, call)
  elseif form.kind == "set" and #form.info == 0 and (form.effects.reboots or only_ok(form)) then
    return set(machine, call)
  end
  local example <const> = find_example(machine, call)
  if example then
    return answer_as(example, call)
  elseif #form.info > 0 or not only_ok(form) then
    return UNKNOWN
  end
end

--- Completes a model's behaviours for a catalogue.
-- @tparam table module catalogue
-- @tparam table behaviours of the model, by entry; `false` for a command that it refuses
-- @treturn table behaviours, one for each entry that is to be known
function declared.complete(module, behaviours)
  local all <const> = {}
  for _, entry in ipairs(module.list) do
    local own <const> = behaviours[entry.name]
    all[entry.name] = own == nil and entry.forms[1].kind ~= "bare" and behave or own
  end
  return all
end

return declared
