-- SPDX-License-Identifier: MIT
--
-- Boundary tests from the catalogue alone: each argument of each form, at and beyond every limit
-- that it has. What the host writes, the module's side reads again.

local assert <const> = require "luassert"
local codec <const> = require "attest.codec"

local boundary = {}

local nan <const> = 0 / 0

local function int_limits(t)
  return { t.min, t.max, t.min + 0.0, table.unpack(t.order) }, {
    t.min - 1, t.max + 1, t.min + 0.5, nan, math.huge, -math.huge, tostring(t.min), true, {},
    math.mininteger, math.maxinteger,
  }
end

local function enum_limits(t)
  local first <const>, last <const> = t.order[1], t.order[#t.order]
  if t.numeric then
    return { table.unpack(t.order) }, { first - 1, last + 1, first + 0.5, nan, "1", true }
  end
  return { table.unpack(t.order) }, { "", first .. "x", first:lower(), 1, true }
end

local function text_limits(t)
  local bad <const> = { ("x"):rep(t.max + 1), "a\rb", "a\nb", "a\0b", 1, true }
  bad[#bad + 1] = t.escape and "a\\" or 'a"b'
  if t.min > 0 then bad[#bad + 1] = ("x"):rep(t.min - 1) end
  return { ("x"):rep(math.max(t.min, 1)), ("x"):rep(t.max) }, bad
end

--- Lists values just within the limits of a type, and just beyond.
local function limits_of(t)
  if t.kind == "int" then return int_limits(t) end
  if t.kind == "enum" then return enum_limits(t) end
  return text_limits(t)
end

--- Changes other values so that those of one argument find a combination.
local function suit(form, values, name)
  for _, each in ipairs(form.combinations or {}) do
    if each[name] == values[name] then
      for other, v in pairs(each) do
        if other ~= name then values[other] = type(v) == "table" and v[1] or v end
      end
    end
  end
end

--- Cuts a text so that all arguments keep to the form's limit.
local function shorten(module, entry, form, values, arg)
  local name <const> = arg.name
  if not form.max_text or not arg.type.max or type(values[name]) ~= "string" then return end
  local long <const> = values[name]
  values[name] = long:sub(1, 1)
  local text <const> = assert(codec.encode(module, entry, values))
  local used <const> = #text - #entry.command - #entry.glue
  values[name] = long:sub(1, 1 + form.max_text - used)
end

--- Makes a table of values that the form accepts, without its payload's length.
local function valid_values(module, entry, form)
  local values <const> = { confirm = form.effects.dangerous or nil }
  for _, arg in ipairs(form.args) do
    if arg.type.kind == "either" then
      values[arg.name] = not form.payload and "x" or nil
    elseif not arg.measures then
      values[arg.name] = (limits_of(arg.type))[1]
    end
  end
  if form.payload then values[form.payload.name] = ("x"):rep(form.payload.type.min) end
  assert(codec.encode(module, entry, values))
  return values
end

local function check_carried(module, entry, form, i)
  local arg <const> = form.args[i]
  for _, v in ipairs((limits_of(arg.type))) do
    local values <const> = valid_values(module, entry, form)
    values[arg.name] = v
    suit(form, values, arg.name)
    shorten(module, entry, form, values, arg)
    local text <const>, used <const> = assert(codec.encode(module, entry, values))
    assert.equal(form, used)
    local parsed <const>, refusal <const> = codec.parse(module, text)
    assert.is_table(parsed, refusal and refusal.reason)
    assert.equal(form, parsed.form)
    assert.equal(values[arg.name], parsed.args[arg.name])
    assert.equal(parsed.count, #parsed.raw)
    assert.is_true(parsed.count >= i)
  end
end

local function check_refused(module, entry, form, i)
  local arg <const> = form.args[i]
  local _, bad <const> = limits_of(arg.type)
  for _, v in ipairs(bad) do
    local values <const> = valid_values(module, entry, form)
    values[arg.name] = v
    local text <const>, err <const> = codec.encode(module, entry, values)
    assert.is_nil(text)
    assert.equal("invalid", err.code)
    assert.matches("argument " .. arg.name .. " is ", err.message)
    if arg.secret then assert.matches("is a secret", err.message) end
  end
end

--- Declares the tests of each argument of a module; lengths of payloads are left out.
-- @tparam function it busted's
-- @tparam table module catalogue
-- @tparam[opt] {[string]=true} families names of those to test; default: all
function boundary.declare(it, module, families)
  for _, entry in ipairs(module.list) do
    for _, form in ipairs((not families or families[entry.family]) and entry.forms or {}) do
      for i, arg in ipairs(form.args) do
        if not arg.measures then
          local place <const> = table.concat({ entry.command, form.label or "", arg.name }, " ")
          it(place .. " is carried at its limits and comes back", function()
            check_carried(module, entry, form, i)
          end)
          it(place .. " is refused beyond them", function()
            check_refused(module, entry, form, i)
          end)
        end
      end
    end
  end
end

return boundary
