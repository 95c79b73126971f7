-- SPDX-License-Identifier: MIT
--
-- The forms of one catalogue entry as a flat table of facts, under the keys
-- that manual.lua beside it uses. Forms of one kind (GPIO has two of "set")
-- are one record in the manual and are joined here.
--
-- Says only what the catalogue claims: a bound that every text or number has
-- anyway is no claim.

local codec <const> = require "attest.codec"
local manual <const> = require "tests.support.facts.manual"

local catalogue = {}

-- Sizes that a text has by default, and the largest number.
local GENERAL <const> = { [253] = true, [256] = true }
local LARGEST <const> = 2147483647

local TYPE_NAMES <const> = {
  int = "int", enum = "enum", str = "string", address = "string", word = "text",
  digits = "digits", timestamp = "time", either = "text or int",
}

local function type_name(t)
  local name <const> = TYPE_NAMES[t.kind]
  return t.kind == "enum" and not t.numeric and "quoted enum" or name
end

-- The manual's own mark of a default stands in the text.
local function split_default(zh)
  local text <const> = zh:match("^(.*)（默认）$")
  return text or zh, text ~= nil
end

local function put_domain(out, where, t, expected)
  t = t.text or t
  if t.kind == "enum" then
    out[where .. " values"] = manual.sorted(t.order)
  elseif t.kind == "int" and t.max ~= LARGEST then
    out[where .. " values"] = manual.range(t.min, t.max, t.order)
  elseif t.kind ~= "int" and t.max and (not GENERAL[t.max] or expected[where .. " bytes"]) then
    out[where .. " bytes"] = tostring(t.max)
  end
end

local function put_meanings(out, where, t)
  for value, text in pairs(t.values or {}) do
    local zh <const>, is_default <const> = split_default(text.zh)
    if zh ~= tostring(value) then
      out[("%s means %s"):format(where, value)] = zh
    end
    if is_default then
      out[where .. " default"] = tostring(value)
    end
  end
end

-- A default is the host's when it leaves the argument out, or the module's
-- when nobody ever sent the command; the texts name the latter.
local function default_of(arg)
  if arg.default ~= nil then
    return tostring(arg.default)
  end
  local zh <const> = arg.doc.zh
  for value, text in pairs(arg.type.values or {}) do
    if zh:find("默认" .. text.zh, 1, true) or zh:find("默认为" .. text.zh, 1, true) then
      return tostring(value)
    end
  end
  return zh:match("默认[：%s]*(%d+)")
end

local function put_args(out, form, expected)
  local names <const> = {}
  for i, arg in ipairs(form.args) do
    local where <const> = "arg " .. arg.name
    names[i] = arg.name
    out[where .. " type"] = type_name(arg.type)
    put_domain(out, where, arg.type, expected)
    put_meanings(out, where, arg.type)
    out[where .. " default"] = out[where .. " default"] or default_of(arg)
  end
  out.args = manual.list(names)
end

local function longest(forms)
  local most = forms[1]
  for _, form in ipairs(forms) do
    most = #form.args > #most.args and form or most
  end
  return most
end

-- Which numbers of arguments are legal, and which of them may be answered.
local function arities(forms)
  local legal <const>, answered <const> = {}, {}
  for _, form in ipairs(forms) do
    local text <const> = form.arity and manual.list(form.arity) or manual.arity(form.args)
    for n in text:gmatch("%d+") do
      legal[#legal + 1] = math.tointeger(tonumber(n))
      if #form.info > 0 then
        answered[#answered + 1] = legal[#legal]
      end
    end
  end
  return legal, answered
end

local function put_arity(out, forms, most)
  local legal <const>, answered <const> = arities(forms)
  out.arity = manual.sorted(legal)
  if #forms > 1 and #answered > 0 then
    out["answered with"] = manual.sorted(answered)
  end
  for i, arg in ipairs(most.args) do
    if arg.optional or #forms > 1 and i > math.min(table.unpack(legal)) then
      out["arg " .. arg.name .. " optional"] = "true"
    end
  end
end

-- ------------------------------------------------------------------ answers

local function names_of(spec)
  local names <const> = {}
  for _, field in ipairs(spec.fields) do
    local parts <const> = {}
    for _, derived in ipairs(spec.derived) do
      if derived.from == field.name and derived.match then
        parts[#parts + 1] = derived.name -- "<MCC>-<MNC>" is one column
      end
    end
    names[#names + 1] = #parts > 0 and table.concat(parts, " ") or field.name
  end
  return table.concat(names, " ")
end

local function put_derived(out, spec)
  for _, derived in ipairs(spec.derived) do
    if derived.unit then
      out[("field %s unit"):format(derived.from)] = derived.unit
    end
    if derived.linear and derived.unit == "dBm" then
      for _, code in ipairs { 0, 1, 2, 30, 31 } do
        out[("dBm of %d"):format(code)] =
          tostring(code * derived.linear[1] + derived.linear[2])
      end
    end
  end
end

local function moment(text)
  local at <const> = {}
  local parts <const> = { text:match("^(%d+)-(%d+)-(%d+) (%d+):(%d+):(%d+)$") }
  for i, name in ipairs { "year", "month", "day", "hour", "min", "sec" } do
    at[name] = math.tointeger(tonumber(parts[i]))
  end
  return at
end

-- Writes the example's moment in both dialects; the table names its parts.
local function put_time(out, form, spec, field, printed)
  local at <const> = moment(printed)
  local function spell(dialect)
    local prefix <const> = spec[dialect] and spec[dialect].prefix or spec.prefix
    return codec.format(form, spec, at, dialect):sub(#prefix + 1)
  end
  out["value in the example"] = spell("example")
  local stamp <const> = { "yy/MM/dd,hh:mm:ss", at.year % 100, at.month, at.day, at.hour, at.min,
    at.sec }
  for i, part in ipairs { "yy", "MM", "dd", "hh", "mm", "ss" } do
    stamp[1] = stamp[1]:gsub(part, ("%02d"):format(stamp[i + 1]))
  end
  local is_same <const> = stamp[1] == spell("table")
  out[("field %s format"):format(field.name)] = is_same and "yy/MM/dd,hh:mm:ss" or spell("table")
end

local function put_field(out, field, expected)
  local where <const> = "field " .. field.name
  put_domain(out, where, field.type, expected)
  put_meanings(out, where, field.type)
  out[where .. " optional"] = field.optional and "true"
  out[where .. " unit"] = out[where .. " unit"] or field.unit
end

-- The widest domain wins where two rows have the field; of two that are as
-- wide the one with a head does.
local function is_wider(out, spec)
  local size <const> = #names_of(spec)
  return not out.fields or size > #out.fields or size == #out.fields and not spec.untagged
end

local function put_heads(out, where, spec)
  out[where .. "head in the table"] = spec.table and spec.table.prefix or spec.prefix or ""
  out[where .. "head in the example"] = (spec.prefix or ""):gsub("%s+$", "")
end

-- A word that is a head and a fixed text, such as "+MQTTOPEN:OK".
local function put_literal(out, urc)
  out.literal, out.fields = urc.literal, ""
  put_heads(out, "", urc)
end

-- One of several lines that an answer may have, each told by its own head.
local function put_line(out, spec, where, expected)
  put_heads(out, where, spec)
  out[where .. "fields"] = names_of(spec)
  for _, field in ipairs(spec.fields) do
    local key <const> = ("%sfield %s values"):format(where, field.name)
    if expected[key] then
      out[key] = manual.range(field.type.min, field.type.max, field.type.order)
    end
  end
end

-- A number that stands beside a range, where the manual tells one as a failure.
local function put_failure(out, spec, expected)
  for _, field in ipairs(spec.fields) do
    if expected["failure code"] and field.type.kind == "int" and #field.type.order > 0 then
      out["failure code"] = manual.list(field.type.order)
    end
  end
end

local function put_row(out, form, spec, expected)
  local line <const> = ("line %s "):format((spec.prefix or ""):gsub("[:%s]+$", ""))
  if expected[line .. "fields"] then
    return put_line(out, spec, line, expected)
  elseif spec.literal then
    out.unset = spec.literal
    return
  elseif not is_wider(out, spec) then
    return
  end
  out.fields = names_of(spec)
  put_heads(out, "", spec)
  put_failure(out, spec, expected)
  out.repeated = spec.repeated and "true"
  put_derived(out, spec)
  for _, field in ipairs(spec.fields) do
    put_field(out, field, expected)
    if field.type.kind == "timestamp" and expected["value in the example"] then
      put_time(out, form, spec, field, expected["value in the example"])
    end
  end
  if #spec.fields == 1 and spec.fields[1].optional then
    out.empty = codec.format(form, spec, {}, "table")
  end
end

-- -------------------------------------------------------------- completion

local function find_urc(module, name)
  for _, urc in ipairs(module.urcs) do
    if urc.name == name then
      return urc
    end
  end
end

local function put_words(out, module, entry, form)
  local words <const>, rows <const> = {}, {}
  for _, step in ipairs(form.completion) do
    local count = 0
    for word in pairs(step.words or {}) do
      local urc <const> = find_urc(module, word)
      if urc and #urc.fields > 0 then
        rows[#rows + 1] = urc -- "CONNECT,ID:3" is the answer
      else
        words[word], count = true, count + 1
        if urc and urc.literal and step.words[word] == "ok" then
          put_literal(out, urc)
        end
      end
    end
    if count > 1 then
      out["one word of these"] = "true"
    end
  end
  for _, word in ipairs(form.effects.reboots and entry.urcs or {}) do
    words[word] = true
  end
  local list <const> = {}
  for word in pairs(words) do
    list[#list + 1] = word
  end
  out.words = #list > 0 and manual.sorted(list) or nil
  return rows
end

local function put_completion(out, form)
  out.ok = "no"
  for _, step in ipairs(form.completion) do
    if step.kind == "OK" then
      out.ok = step.optional and "optional" or "yes"
    elseif step.kind == "prompt" then
      out.prompt = form.payload.prompt
    end
  end
end

local function texts_of(entry, form)
  local texts <const> = { entry.notes and entry.notes.zh }
  for _, arg in ipairs(form.args) do
    texts[#texts + 1] = arg.doc.zh
  end
  for _, spec in ipairs(form.info) do
    for _, field in ipairs(spec.fields) do
      texts[#texts + 1] = field.doc.zh
    end
  end
  return table.concat(texts, "\n")
end

-- "31：>= (-51) dBm" with its value in front; the meaning of the whole range
-- ("0~7") may stand alone.
local function is_told(out, texts, key, text)
  local where <const>, value <const> = key:match("^(.*) means (.+)$")
  if not where or (out[where .. " values"] or ""):find(value:gsub("~", ".."), 1, true) == 1 then
    return texts:find(text, 1, true)
  end
  return texts:find(value .. "：" .. text, 1, true) or texts:find(value .. "： " .. text, 1, true)
end

-- What the manual's cells hold beside a value stands in the texts: a meaning
-- of a range, a unit. It counts when it is there word by word.
local function put_told(out, entry, form, expected)
  local texts <const> = texts_of(entry, form)
  for key, text in pairs(expected) do
    local may_be_told <const> = key:find(" means ", 1, true) or key:find(" unit$")
    if may_be_told and not out[key] and is_told(out, texts, key, text) then
      out[key] = text
    end
  end
end

local function forms_of(entry, kind)
  local forms <const> = {}
  for _, form in ipairs(entry.forms) do
    forms[#forms + 1] = form.kind == kind and form or nil
  end
  return forms
end

--- Reads the forms of one kind.
-- @tparam table module of the catalogue
-- @tparam table entry
-- @string kind "exec", "read", "set", "test" or "bare"
-- @tparam table expected the manual's facts, which tell where to look
-- @treturn ?table key -> text; nil when the entry has no such form
function catalogue.of(module, entry, kind, expected)
  local forms <const> = forms_of(entry, kind)
  if #forms == 0 then
    return nil
  end
  local out <const>, most <const> = { form = kind }, longest(forms)
  put_args(out, most, expected)
  if kind == "set" then
    out.glue = entry.glue
    put_arity(out, forms, most)
  end
  put_completion(out, most)
  for _, spec in ipairs(put_words(out, module, entry, most)) do
    put_row(out, most, spec, expected)
  end
  for _, form in ipairs(forms) do
    for _, spec in ipairs(form.info) do
      put_row(out, form, spec, expected)
    end
  end
  put_told(out, entry, most, expected)
  return out
end

return catalogue
