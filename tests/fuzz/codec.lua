-- SPDX-License-Identifier: MIT
--
-- Commands and answers of both modules: the first bytes say what is done. Any
-- line is judged without an error; values that the types allow are the same
-- after writing and reading, in every dialect.

local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"
local errors <const> = require "attest.error"
local fuzz_input <const> = require "tests.support.fuzz_input"

local same <const> = fuzz_input.same
local modules <const> = { assert(catalogue.load("ct12")), assert(catalogue.load("ml302")) }
local DIALECTS <const> = { "example", "table", "field" }
local LETTERS <const> = "abcdefghijklmnopqrstuvwxyz0123456789.-_:"

-- ------------------------------------------------------------------- values

local makers = {}

local function letters(input, t, alphabet)
  local list <const> = {}
  for i = 1, input:number(t.min, math.min(t.max, t.min + 12)) do
    local at <const> = input:number(1, #alphabet)
    list[i] = alphabet:sub(at, at)
  end
  return table.concat(list)
end

function makers.int(input, t)
  local special <const> = #t.order > 0 and input:flag()
  return special and input:pick(t.order) or input:number(t.min, t.max)
end

function makers.enum(input, t)
  return input:pick(t.order)
end

function makers.str(input, t)
  return input:text(t.max)
end

function makers.address(input, t)
  return letters(input, t, LETTERS)
end

function makers.digits(input, t)
  return letters(input, t, t.hex and "0123456789ABCDEFabcdef" or "0123456789")
end

function makers.timestamp(input)
  return ("%04d-%02d-%02d %02d:%02d:%02d"):format(input:number(2000, 2099), input:number(1, 12),
    input:number(1, 31), input:number(0, 23), input:number(0, 59), input:number(0, 59))
end

function makers.either(input, t)
  return input:flag() and makers.str(input, t.text) or makers.int(input, t.number)
end

makers.word, makers.bytes = makers.str, makers.str

-- Now and then one of another kind.
local function any_value(input)
  return input:pick { -1, 0.5, 2 ^ 53, math.maxinteger, true, {}, "\r\n", '"', "," }
end

local function make(input, t)
  if input:number(0, 31) == 31 then
    return any_value(input)
  end
  return makers[t.kind](input, t)
end

-- ----------------------------------------------------------------- commands

local function check_secrets(module, text)
  for _, secret in ipairs(codec.secrets(module, text)) do
    assert(secret ~= "" and text:find(secret, 1, true), "a secret that is not in the command")
  end
end

-- What the module understands of a command is what was meant by it.
local function check_command(module, entry, form, text, values)
  assert(not text:find("[\r\n\0]"), ("the command is no line: %q"):format(text))
  local got <const>, err <const> = codec.parse(module, text)
  assert(got, err and ("%q is not understood: %s"):format(text, err.reason))
  assert(got.entry == entry and got.kind == form.kind, ("%q is taken for another"):format(text))
  for _, arg in ipairs(got.form.args) do
    local meant <const> = values[arg.name]
    assert(meant == nil or meant == got.args[arg.name],
      ("%q: %s was %q"):format(text, arg.name, tostring(meant)))
  end
  check_secrets(module, text)
end

local function encode(input, module)
  local entry <const> = input:pick(module.list)
  local form <const> = input:pick(entry.forms)
  local values <const> = { confirm = form.effects.dangerous or nil }
  for _, arg in ipairs(form.args) do
    if not arg.optional and not arg.measures or input:flag() then
      values[arg.name] = make(input, arg.type)
    end
  end
  if form.payload and input:number(0, 7) < 7 then
    values[form.payload.name] = make(input, form.payload.type)
  end
  local text <const>, taken <const> = codec.encode(module, entry, values, form.kind)
  if text then
    check_command(module, entry, taken, text, values)
  else
    assert(errors.is(taken, "invalid"), "refused without an error object")
    assert(not taken.message:find("[\r\n]"), "the refusal is more than a line")
  end
end

local function has_empty_column(got)
  for i = 1, got.count do
    if got.raw[i] == "" and not got.raw.quoted[i] then
      return true
    end
  end
  return false
end

local function parse(input, module)
  local line <const> = input:rest()
  local got <const>, err <const> = codec.parse(module, line)
  local entry <const> = codec.lookup(module, line)
  check_secrets(module, line)
  if not got then
    assert(err.number >= 101 and err.number <= 104, "refused with an odd number")
    assert(not err.reason:find("[\r\n]"), "the reason is more than a line")
    return
  end
  assert(entry == got.entry, "parse and lookup do not agree")
  if line:find("[\r\n\0]") then
    return
  end
  local values <const> = {}
  for name, value in pairs(got.args) do
    values[name] = value
  end
  values.confirm = got.form.effects.dangerous or nil
  local spec <const> = got.form.payload
  if spec and not (spec.when and type(values[spec.when]) == "string") then
    return -- what would come after the prompt is not known
  end
  local text <const>, form <const> = codec.encode(module, entry, values, got.kind)
  if text then
    check_command(module, entry, form, text, got.args)
  else -- a module takes an empty column, a host does not leave one
    assert(has_empty_column(got), form.message)
  end
end

-- ------------------------------------------------------------------ answers

local function row_values(input, spec)
  local values <const> = {}
  for _, field in ipairs(spec.fields) do
    if not field.optional or input:flag() then
      local value <const> = makers[field.type.kind](input, field.type)
      -- Texts that a line can carry: the module quotes without escaping, and
      -- one that begins like a prefix is not told from one.
      values[field.name] = type(value) == "string" and field.type.kind ~= "timestamp"
        and value:gsub('[%c%s",\\\x80-\xff]', "x"):gsub("^$", "x"):gsub("^%+", "x") or value
    end
  end
  return values
end

-- The names of the columns that a dialect prints, in its order.
local function printed(spec, dialect)
  local names <const> = {}
  for i, field in ipairs(spec.fields) do
    names[i] = field.name
  end
  return spec[dialect] and spec[dialect].order or names
end

local function check_row(spec, dialect, values, read, line)
  local got <const> = read(line)
  assert(got, ("%q is not read back"):format(line))
  for _, name in ipairs(printed(spec, dialect)) do
    local value <const> = values[name]
    assert(value == nil or value == got[name] or value:find("^%d+-%d+-%d+ "),
      ("%q: %s was %s"):format(line, name, tostring(value)))
  end
end

local function info(input, module)
  local form <const> = input:pick(input:pick(module.list).forms)
  if #form.info == 0 then
    return
  end
  local spec <const> = input:pick(form.info)
  if spec.header then
    return
  end
  local values <const>, dialect <const> = row_values(input, spec), input:pick(DIALECTS)
  check_row(spec, dialect, values, function(line)
    return (select(2, codec.decode(form, line)))
  end, codec.format(form, spec, values, dialect))
end

local function urc(input, module)
  local spec <const> = input:pick(input:flag() and module.words[1] and module.words or module.urcs)
  local values <const>, dialect <const> = row_values(input, spec), input:pick(DIALECTS)
  check_row(spec, dialect, values, function(line)
    local name <const>, got <const> = codec.word(module, line)
    assert(name == spec.name, ("%q is %s, not %s"):format(line, tostring(name), spec.name))
    return got
  end, codec.announce(module, spec.name, values, dialect))
end

local function line(input, module)
  local form <const> = input:pick(input:pick(module.list).forms)
  local text <const> = input:rest()
  local i <const>, values <const> = codec.decode(form, text)
  assert(i == nil or type(values) == "table", "a row without values")
  assert(type(codec.claims(form, text)) == "boolean")
  local _, again <const> = codec.decode(form, text)
  assert(same(values, again), "it reads twice differently")
  local found <const> = codec.urc(module, text)
  assert(not found or found.name == codec.word(module, text), "a URC that is another word")
  for _, secret in ipairs(codec.secrets_of_answer(form, text)) do
    assert(text:gsub('\\"', '"'):find(secret, 1, true), "a secret that is not in the answer")
  end
  codec.final(text)
end

-- Columns: without quotes and blanks, splitting is the opposite of joining.
local function split(input)
  local text <const> = input:rest()
  local columns <const> = codec.split(text)
  if not text:find('["\x80-\xff%s%c]') and text ~= "" then
    assert(table.concat(columns, ",") == text, "columns are lost")
  end
end

local things <const> = { encode, parse, info, urc, line, split }

return function(bytes)
  local input <const> = fuzz_input.new(bytes)
  local thing <const> = input:pick(things)
  thing(input, input:pick(modules))
end
