-- SPDX-License-Identifier: MIT
--
-- One record of tests/facts as a flat table of facts: key -> text. The same
-- keys come out of catalogue.lua beside it, so that the two can be compared
-- key by key. Knows the record's shape and nothing of the catalogue.
--
--     manual.of(record)["arg baudrate values"] --> "4800 9600 ..."

local manual = {}

--- What a record says and nobody compares, and why.
local unread <const> = {
  command = "the key", section = "compared by entry", note = "for people",
  ok_in = "where OK is printed does not matter", words_table = "so do the words",
  printed_args = "the note explains it", data_max = "a limit of the whole text",
  words_by_type = "the simulator's model has it; compared there",
  failure = "the simulator's model words it; compared there",
}
local unread_arg <const> = {
  name = "the key", quoted = "part of the type",
  optional_for = "the entry's notes say it; the simulator's tests check it",
  only_if = "the entry's notes say it; the simulator's tests check it",
  by_mode = "a rule between arguments; the simulator's tests check it",
}
local unread_answer <const> = {
  line_template = "the brackets say that it repeats",
  separator = "part of the head", example_separator = "part of the head",
  example_template = "part of the head",
}

--- Words in order, separated by blanks.
function manual.list(values)
  local out <const> = {}
  for i, each in ipairs(values) do
    out[i] = tostring(each)
  end
  return table.concat(out, " ")
end

local function sorted(values)
  local out <const> = table.move(values, 1, #values, 1, {})
  table.sort(out)
  return manual.list(out)
end
manual.sorted = sorted

--- A range as one text: "0..31 99".
function manual.range(min, max, also)
  local text <const> = ("%d..%d"):format(min, max)
  return also and #also > 0 and text .. " " .. sorted(also) or text
end

local function counts(least, most)
  local out <const> = {}
  for n = least, most do
    out[#out + 1] = n
  end
  return manual.list(out)
end

--- The numbers of arguments that are legal, where no list of them is printed.
function manual.arity(args)
  local least = 0
  for i, arg in ipairs(args) do
    least = arg.optional and least or i
  end
  return counts(least, #args)
end

-- Applies a reader to each key of a table; a key without one is an error, so
-- that nothing the witness says is passed over.
local function read_all(where, t, readers, ignored, out, ...)
  for key, value in pairs(t) do
    local reader <const> = readers[key]
    if reader then
      reader(out, value, t, ...)
    elseif not ignored[key] then
      error(("%s: nobody compares %q"):format(where, key), 0)
    end
  end
end

local function put_meanings(out, where, meanings)
  for value, text in pairs(meanings) do
    out[("%s means %s"):format(where, value)] = text
  end
end

local function put_size(out, value, arg)
  if arg.type == "int" or arg.type == "enum" then
    local where <const> = "arg " .. arg.name .. " values"
    out[where] = manual.range(arg.min or 0, value, arg.also)
  else
    out["arg " .. arg.name .. " bytes"] = tostring(value)
  end
end

local arg_readers <const> = {
  type = function(out, value, arg)
    local name <const> = arg.or_type and "text or " .. arg.or_type or value
    out["arg " .. arg.name .. " type"] = arg.quoted and "quoted " .. name or name
  end,
  values = function(out, value, arg) out["arg " .. arg.name .. " values"] = sorted(value) end,
  min = function() end, -- with max
  also = function() end,
  max = put_size,
  default = function(out, value, arg) out["arg " .. arg.name .. " default"] = tostring(value) end,
  optional = function(out, _, arg) out["arg " .. arg.name .. " optional"] = "true" end,
  or_type = function() end, -- with type
  unit = function(out, value, arg) out["arg " .. arg.name .. " unit"] = value end,
  meanings = function(out, value, arg) put_meanings(out, "arg " .. arg.name, value) end,
}

local function put_args(out, args, record)
  local names <const> = {}
  for i, arg in ipairs(args) do
    names[i] = arg.name
    read_all(record.command .. " " .. arg.name, arg, arg_readers, unread_arg, out)
  end
  out.args = manual.list(names)
  if record.form == "set" then
    out.arity = record.arity and manual.list(record.arity) or manual.arity(args)
  end
end

-- "+CSQ: <rssi>,<ber>" begins with "+CSQ: ".
local function head(template)
  return template:match("^[^<]*")
end

local function example_head(answer)
  if answer.example_template then
    return head(answer.example_template)
  elseif answer.example == "" then
    return ""
  end
  return answer.example .. (answer.example_separator or answer.separator or ":")
end

local function by_field(key, write)
  return function(out, value)
    for name, each in pairs(value) do
      out[("field %s %s"):format(name, key)] = write(each)
    end
  end
end

local function as_is(value)
  return value
end

-- One of several lines that an answer may have, each told by its own head.
local function put_line(out, line)
  local where <const> = ("line %s "):format(line.table)
  out[where .. "head in the table"] = head(line.template)
  out[where .. "head in the example"] = example_head(line)
  out[where .. "fields"] = manual.list(line.fields)
  for name, range in pairs(line.field_ranges or {}) do
    out[("%sfield %s values"):format(where, name)] = manual.range(range.min, range.max)
  end
end

local answer_readers <const> = {
  template = function(out, value, answer)
    local text <const> = head(value)
    out["head in the table"] = answer.literal and text:sub(1, -1 - #answer.literal) or text
  end,
  literal = function(out, value, answer)
    out.literal = value
    out.words = answer.table
  end,
  by_qos = function(out, value)
    for qos = 0, #value do
      for _, line in ipairs(value[qos]) do
        put_line(out, line)
      end
    end
  end,
  failure_code = function(out, value) out["failure code"] = tostring(value) end,
  table = function() end, -- with template
  example = function(out, _, answer) out["head in the example"] = example_head(answer) end,
  fields = function(out, value) out.fields = manual.list(value) end,
  optional_fields = function(out, value)
    for _, name in ipairs(value) do
      out[("field %s optional"):format(name)] = "true"
    end
  end,
  field_enums = by_field("values", sorted),
  field_ranges = by_field("values", function(range)
    return manual.range(range.min, range.max, range.also)
  end),
  field_units = by_field("unit", as_is),
  field_formats = by_field("format", as_is),
  field_meanings = function(out, value)
    for name, meanings in pairs(value) do
      put_meanings(out, "field " .. name, meanings)
    end
  end,
  field_dbm = function(out, value)
    for code, dbm in pairs(value) do
      out[("dBm of %d"):format(code)] = tostring(dbm)
    end
  end,
  example_value = function(out, value) out["value in the example"] = value end,
  empty = function(out, value, answer)
    out.empty = value
    for _, name in ipairs(answer.fields) do
      out[("field %s optional"):format(name)] = "true"
    end
  end,
  unset = function(out, value) out.unset = value end,
  repeated = function(out) out.repeated = "true" end,
  arity = function(out, value) out["answered with"] = manual.list(value) end,
}

local record_readers <const> = {
  form = function(out, value) out.form = value end,
  equals = function(out) out.glue = "" end,
  args = put_args,
  arity = function() end, -- with args
  ok = function(out, value) out.ok = value and "yes" or "no" end,
  prompt = function(out) out.prompt = ">" end,
  words = function(out, value) out.words = sorted(value) end,
  words_alternative = function(out) out["one word of these"] = "true" end,
  answer = function(out, value, record)
    read_all(record.command .. " answer", value, answer_readers, unread_answer, out)
  end,
}

--- Reads a record.
-- @tparam table record of tests/facts
-- @treturn table key -> text
function manual.of(record)
  local out <const> = {}
  if record.form == "set" then
    out.glue = "="
  end
  read_all(record.command, record, record_readers, unread, out, record)
  return out
end

return manual
