-- SPDX-License-Identifier: MIT
--- Checks the shape of one line from the module: an info row, a URC or a result word.
--
-- A row is a prefix (or exact words, or nothing) and columns. The result is the row with its
-- fields as named keys. Knows nothing of commands; the encoding is attest.codec's business.

local refuse <const> = require "attest.schema.refuse"
local schema <const> = require "attest.schema"

local row = {}

local field_keys <const> = refuse.set "1 2 3 name type doc unit optional rest commas secret"
local row_keys <const> = refuse.set [[prefix also table field fields repeated untagged optional
  header literal constants derived doc]]
local urc_keys <const> = refuse.set [[name match prefix also table field fields payload invented
  doc literal constants derived]]
local derived_keys <const> = refuse.set "1 name from linear except among match number doc unit"

--- Checks a value type; a constructor's own complaint is passed on.
function row.check_type(where, t)
  if not schema.is_type(t) then refuse.at(where, "has no type") end
  if t.kind == "bad" then refuse.at(where, "%s", t.message) end
  return t
end

local function check_field(where, raw)
  refuse.not_table(where, raw)
  refuse.unknown_keys(where, raw, field_keys)
  local name <const> = refuse.not_name(where, raw.name or raw[1])
  local at <const> = where .. " " .. name
  local doc <const> = raw.doc or raw[3]
  if doc ~= nil then refuse.not_text(at .. " doc", doc) end
  for _, flag in ipairs { "optional", "rest", "commas", "secret" } do
    refuse.not_flag(at .. " " .. flag, raw[flag])
  end
  return {
    name = name, type = row.check_type(at, raw.type or raw[2]), doc = doc, unit = raw.unit,
    optional = raw.optional, rest = raw.rest, commas = raw.commas, secret = raw.secret,
  }
end

local function check_fields(where, raw)
  local fields <const>, seen <const> = {}, {}
  for i, each in ipairs(refuse.not_list(where .. " fields", raw or {})) do
    local field <const> = check_field(("%s field %d"):format(where, i), each)
    if seen[field.name] then refuse.at(where, "field %s stands twice", field.name) end
    if fields[i - 1] and fields[i - 1].rest then
      refuse.at(where, "nothing can follow %s, which takes the rest", fields[i - 1].name)
    end
    if fields[i - 1] and fields[i - 1].optional and not field.optional then
      refuse.at(where, "field %s cannot follow an optional one", field.name)
    end
    seen[field.name] = true
    fields[i] = field
  end
  return fields, seen
end

--- A dialect is another spelling of the head, or a head and an order of columns; `bare` lists the
-- texts that it prints without quotes.
local function check_dialect(where, dialect, seen)
  if dialect == nil or type(dialect) == "string" then return dialect and { prefix = dialect } end
  refuse.not_table(where, dialect)
  refuse.unknown_keys(where, dialect, refuse.set "prefix order bare")
  if dialect.prefix ~= nil then refuse.not_string(where .. " prefix", dialect.prefix) end
  for _, name in ipairs(refuse.not_list(where .. " order", dialect.order or {})) do
    if name ~= "" and not seen[name] then
      refuse.at(where, "orders an unknown field %q", tostring(name))
    end
  end
  for _, name in ipairs(refuse.not_list(where .. " bare", dialect.bare or {})) do
    if not seen[name] then refuse.at(where, "bares an unknown field %q", tostring(name)) end
  end
  return dialect
end

local function check_strings(where, list)
  for _, text in ipairs(refuse.not_list(where, list or {})) do refuse.not_string(where, text) end
  return list or {}
end

local function check_derived(where, raw, seen)
  for i, each in ipairs(refuse.not_list(where .. " derived", raw or {})) do
    local at <const> = ("%s derived %d"):format(where, i)
    refuse.not_table(at, each)
    refuse.unknown_keys(at, each, derived_keys)
    refuse.not_name(at, each.name or each[1])
    if not seen[each.from] then refuse.at(at, "comes from an unknown field") end
    local ways = 0
    for _, way in ipairs { "linear", "among", "match" } do
      if each[way] ~= nil then ways = ways + 1 end
    end
    if ways ~= 1 then refuse.at(at, "needs exactly one of linear, among, match") end
    if each.match then refuse.not_string(at, each.match) end
    if not each.match then refuse.not_list(at, each.linear or each.among, true) end
    if each.linear and (#each.linear ~= 2 or type(each.linear[1]) ~= "number"
        or type(each.linear[2]) ~= "number") then
      refuse.at(at, "linear is { factor, offset }")
    end
  end
  local derived <const> = {}
  for i, each in ipairs(raw or {}) do
    derived[i] = {}
    for key, value in pairs(each) do derived[i][key == 1 and "name" or key] = value end
  end
  return derived
end

local function check_head(where, raw)
  if raw.untagged then
    if raw.prefix then refuse.at(where, "is untagged and has a prefix") end
  else
    refuse.not_string(where .. " prefix", raw.prefix)
  end
  check_strings(where .. " also", raw.also)
end

--- A fixed text instead of columns, values that the line stands for, and lines that carry none.
local function check_fixed(where, raw)
  if raw.literal ~= nil then refuse.not_string(where .. " literal", raw.literal) end
  if raw.literal and raw.fields then refuse.at(where, "has a literal and fields") end
  if raw.constants ~= nil then refuse.not_table(where .. " constants", raw.constants) end
  if raw.header and (raw.fields or raw.literal or raw.untagged or raw.repeated) then
    refuse.at(where, "is a header and can only have a prefix")
  end
end

--- Checks one info row of a form.
-- @string where family, entry and form
-- @tparam table raw as written in the catalogue
-- @treturn table the row, fields with named keys
function row.check(where, raw)
  refuse.not_table(where, raw)
  refuse.unknown_keys(where, raw, row_keys)
  check_head(where, raw)
  for _, flag in ipairs { "repeated", "untagged", "optional", "header" } do
    refuse.not_flag(where .. " " .. flag, raw[flag])
  end
  check_fixed(where, raw)
  if raw.doc ~= nil then refuse.not_text(where .. " doc", raw.doc) end
  local fields <const>, seen <const> = check_fields(where, raw.fields)
  return {
    prefix = raw.prefix, also = raw.also or {}, fields = fields, repeated = raw.repeated,
    table = check_dialect(where .. " table", raw.table, seen),
    field = check_dialect(where .. " field", raw.field, seen),
    untagged = raw.untagged, optional = raw.optional, header = raw.header, literal = raw.literal,
    constants = raw.constants, derived = check_derived(where, raw.derived, seen), doc = raw.doc,
  }
end

local function check_counted(where, payload, seen)
  if payload == nil then return nil end
  refuse.not_table(where, payload)
  refuse.unknown_keys(where, payload, refuse.set "length next_line")
  if not seen[payload.length] then refuse.at(where, "length names no field") end
  refuse.not_flag(where .. " next_line", payload.next_line)
  return payload
end

--- Checks one URC or result word of a module.
-- `match` lists exact lines; else `prefix` and fields. `payload` counts the bytes that follow.
function row.check_urc(where, raw)
  refuse.not_table(where, raw)
  local at <const> = where .. " " .. refuse.not_string(where .. " name", raw.name)
  refuse.unknown_keys(at, raw, urc_keys)
  if (raw.match == nil) == (raw.prefix == nil) then
    refuse.at(at, "needs either match or prefix")
  end
  if raw.match then refuse.not_list(at .. " match", raw.match, true) end
  check_strings(at .. " match", raw.match)
  check_strings(at .. " also", raw.also)
  if raw.prefix ~= nil then refuse.not_string(at .. " prefix", raw.prefix) end
  refuse.not_text(at .. " doc", raw.doc)
  refuse.not_flag(at .. " invented", raw.invented)
  check_fixed(at, raw)
  if raw.match and (raw.literal or raw.fields) then
    refuse.at(at, "matches whole lines and has no columns")
  end
  local fields <const>, seen <const> = check_fields(at, raw.fields)
  return {
    name = raw.name, match = raw.match, prefix = raw.prefix, also = raw.also or {},
    fields = fields, table = check_dialect(at .. " table", raw.table, seen),
    field = check_dialect(at .. " field", raw.field, seen),
    payload = check_counted(at .. " payload", raw.payload, seen),
    literal = raw.literal, constants = raw.constants,
    derived = check_derived(at, raw.derived, seen), invented = raw.invented, doc = raw.doc,
  }
end

return row
