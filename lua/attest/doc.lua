-- SPDX-License-Identifier: MIT
--- Prints the catalogue as a manual: one command, or the list of all.
--
-- Everything comes from the entry; nothing is said here that the catalogue does not say.
-- Pure: text in, text out.

local layout <const> = require "attest.doc.layout"
local phrases <const> = require "attest.doc.phrases"
local text <const> = require "attest.text"

local doc = {}

local widest_range <const> = 32 -- columns of the table of arguments

local effect_order <const> = {
  "dangerous", "reboots", "writes_flash", "needs_network", "echo", "line", "enters_data",
  "leaves_data",
}

local function context(options)
  local lang <const> = options and options.lang or "en"
  if not phrases[lang] then error(("unknown language %q"):format(tostring(lang)), 3) end
  local docs <const> = {}
  for _, urc in ipairs(options and options.module and options.module.urcs or {}) do
    docs[urc.name] = urc.doc[lang]
  end
  return { lang = lang, say = phrases[lang], urcs = docs }
end

local function bounds_of(c, t)
  return t.min == t.max and tostring(t.min) or c.say.int:format(t.min, t.max)
end

local function range_of(c, t)
  local say <const> = c.say
  if t.kind == "enum" then
    local names <const> = {}
    for i, key in ipairs(t.order) do names[i] = tostring(key) end
    return table.concat(names, ", ")
  elseif t.kind == "either" then
    return say.either:format(range_of(c, t.text), range_of(c, t.number))
  elseif t.kind == "address" or t.kind == "timestamp" then
    return say[t.kind]
  elseif t.kind == "int" then
    local names <const> = { bounds_of(c, t) }
    for i, key in ipairs(t.order) do names[i + 1] = tostring(key) end
    return table.concat(names, ", ")
  end
  return say[t.hex and "hex" or t.kind]:format(bounds_of(c, t))
end

--- Tells whether a command may end before this argument.
local function may_end_before(form, i)
  if not form.args[i].optional then return false end
  for _, n in ipairs(form.arity or {}) do
    if n == i - 1 then return true end
  end
  return form.arity == nil
end

local function syntax_of(entry, form)
  local suffix <const> = { read = "?", test = "=?" }
  if form.kind ~= "set" then return entry.command .. (suffix[form.kind] or "") end
  local line, open = entry.command .. entry.glue, 0
  for i, arg in ipairs(form.args) do
    if may_end_before(form, i) then line, open = line .. "[", open + 1 end
    line = line .. (i > 1 and "," or "") .. "<" .. arg.name .. ">"
  end
  return line .. ("]"):rep(open)
end

local function add_syntax(c, out, entry)
  out[#out + 1] = c.say.syntax
  local rows <const> = {}
  for _, form in ipairs(entry.forms) do
    local remark = form.summary and form.summary[c.lang] or ""
    if form.kind == "bare" then remark = c.say.no_line_end end
    rows[#rows + 1] = { syntax_of(entry, form), remark }
  end
  layout.rows(out, rows, 2)
  for _, wire in ipairs(entry.also) do out[#out + 1] = "  " .. c.say.also:format("AT" .. wire) end
end

local function argument_remark(c, arg)
  local say <const>, parts <const> = c.say, { arg.doc[c.lang] }
  if arg.measures then
    parts[#parts + 1] = say.measures:format(arg.measures)
  elseif arg.optional then
    parts[#parts + 1] = say.optional
    if arg.default ~= nil then parts[#parts + 1] = say.default:format(arg.default) end
  elseif arg.default ~= nil then
    parts[#parts + 1] = say.host_default:format(arg.default)
  end
  return table.concat(parts, c.say.join)
end

--- Adds a named value; a range that would crowd the column goes to the remark.
local function add_named(c, rows, name, t, remark)
  local range <const> = range_of(c, t)
  if text.width(range) <= widest_range then
    rows[#rows + 1] = { name, range, remark }
  else
    rows[#rows + 1] = { name, "", remark .. c.say.join .. range }
  end
end

--- Adds the meanings of an enum below its column; they are told once in a page.
local function add_meanings(c, rows, t, told)
  if t.order == nil or told[t] then return end
  told[t] = true
  for _, key in ipairs(t.order) do
    local meaning <const> = t.values[key][c.lang]
    if meaning ~= tostring(key) then rows[#rows + 1] = { "", "", key .. ": " .. meaning } end
  end
end

local function add_arguments(c, out, entry, told)
  local rows <const>, seen <const> = {}, {}
  for _, form in ipairs(entry.forms) do
    for _, arg in ipairs(form.args) do
      if not seen[arg.name] then
        seen[arg.name] = true
        add_named(c, rows, arg.name, arg.type, argument_remark(c, arg))
        add_meanings(c, rows, arg.type, told)
      end
    end
    local payload <const> = form.payload
    if payload then
      local remark = payload.doc[c.lang] .. c.say.join .. c.say.after_prompt:format(payload.prompt)
      if payload.when then remark = remark .. ", " .. c.say.when:format(payload.when) end
      add_named(c, rows, payload.name, payload.type, remark)
    end
  end
  if #rows == 0 then return end
  out[#out + 1] = ""
  out[#out + 1] = c.say.arguments
  layout.rows(out, rows, 2)
end

local function columns_of(row, order)
  local line, open, optional <const> = "", 0, {}
  for _, field in ipairs(row.fields) do optional[field.name] = field.optional end
  for i, name in ipairs(order) do
    if optional[name] then line, open = line .. "[", open + 1 end
    line = line .. (i > 1 and "," or "") .. (name == "" and "" or "<" .. name .. ">")
  end
  return row.literal or line .. ("]"):rep(open)
end

local function spelling(row, dialect)
  local other <const> = row[dialect] or {}
  local order = other.order
  if not order then
    order = {}
    for i, field in ipairs(row.fields) do order[i] = field.name end
  end
  return (other.prefix or row.prefix or "") .. columns_of(row, order)
end

local function add_derived(c, rows, row)
  for _, field in ipairs(row.fields) do
    if field.type.kind == "timestamp" then
      rows[#rows + 1] = { "", "", c.say.derived:format(c.say.parts) }
    end
  end
  for _, derived in ipairs(row.derived) do
    local remark = derived.doc and derived.doc[c.lang] or derived.from
    if derived.unit then remark = remark .. ", " .. derived.unit end
    rows[#rows + 1] = { derived.name, "", c.say.derived:format(remark) }
  end
end

local function field_rows(c, row, told)
  local rows <const> = {}
  for _, field in ipairs(row.fields) do
    local remark = field.doc and field.doc[c.lang] or ""
    if field.unit then remark = remark .. ", " .. field.unit end
    if field.optional then remark = remark .. c.say.join .. c.say.optional end
    add_named(c, rows, field.name, field.type, remark)
    add_meanings(c, rows, field.type, told)
  end
  add_derived(c, rows, row)
  return rows
end

local function remarks_of(c, row)
  local say <const>, remarks <const> = c.say, {}
  if row.untagged then remarks[#remarks + 1] = say.untagged end
  if row.repeated then remarks[#remarks + 1] = say.repeated end
  if row.optional then remarks[#remarks + 1] = say.may_miss end
  if row.table then remarks[#remarks + 1] = say.table:format(spelling(row, "table")) end
  if row.field then remarks[#remarks + 1] = say.also:format(spelling(row, "field")) end
  if #row.also > 0 then remarks[#remarks + 1] = say.also:format(table.concat(row.also, "  ")) end
  return remarks
end

local function add_row(c, out, row, told)
  layout.syntax(out, spelling(row, "example"), 2)
  for _, remark in ipairs(remarks_of(c, row)) do layout.paragraph(out, remark, 6) end
  layout.rows(out, field_rows(c, row, told), 4)
end

local function add_answers(c, out, entry, told)
  local is_first = true
  for _, form in ipairs(entry.forms) do
    if #form.info > 0 then
      out[#out + 1] = is_first and "" or nil
      out[#out + 1] = ("%s (%s)"):format(c.say.answer, syntax_of(entry, form))
      for _, row in ipairs(form.info) do add_row(c, out, row, told) end
      is_first = false
    end
  end
end

--- Sorts the keys of a table; those whose value is "ok" come first.
local function sorted_keys(t)
  local keys <const> = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    local a_is_ok <const>, b_is_ok <const> = t[a] == "ok", t[b] == "ok"
    if a_is_ok ~= b_is_ok then return a_is_ok end
    return a < b
  end)
  return keys
end

local function step_text(c, step)
  local say <const> = c.say
  local label = say[step.kind:lower()]
  if step.kind == "word" then
    local words <const> = sorted_keys(step.words)
    for i, word in ipairs(words) do
      local outcome <const> = step.words[word]
      if outcome ~= "ok" then words[i] = say.outcome:format(word, outcome) end
    end
    label = table.concat(words, say.words)
  end
  if step.later then label = say.later:format(label, step.later) end
  if step.optional then label = say.may:format(label) end
  return label
end

local function add_completion(c, out, entry)
  out[#out + 1] = ""
  out[#out + 1] = c.say.completion
  local rows <const> = {}
  for i, form in ipairs(entry.forms) do
    local steps <const> = {}
    for j, step in ipairs(form.completion) do steps[j] = step_text(c, step) end
    local way = #steps > 0 and table.concat(steps, c.say.next) or c.say.none
    if form.timeout then way = way .. c.say.join .. c.say.timeout:format(form.timeout) end
    rows[i] = { syntax_of(entry, form), way }
  end
  layout.rows(out, rows, 2)
  layout.paragraph(out, c.say.finals, 2)
end

local function condition(t)
  local parts <const> = {}
  for i, name in ipairs(sorted_keys(t)) do parts[i] = name .. " = " .. tostring(t[name]) end
  return table.concat(parts, ", ")
end

local function effect_text(c, effects)
  local parts <const> = {}
  for _, name in ipairs(effect_order) do
    local effect <const> = effects[name]
    if name == "enters_data" and type(effect) == "table" then
      parts[#parts + 1] = c.say.enters_data_when:format(condition(effect))
    elseif effect then
      parts[#parts + 1] = c.say[name]
    end
  end
  return table.concat(parts, ", ")
end

local function add_effects(c, out, entry)
  local rows <const> = {}
  for _, form in ipairs(entry.forms) do
    local effect <const> = effect_text(c, form.effects)
    if effect ~= "" then rows[#rows + 1] = { syntax_of(entry, form), effect } end
  end
  if #rows == 0 then return end
  out[#out + 1] = ""
  out[#out + 1] = c.say.effects
  layout.rows(out, rows, 2)
end

local function add_urcs(c, out, entry)
  if #entry.urcs == 0 then return end
  out[#out + 1] = ""
  out[#out + 1] = c.say.urcs
  local rows <const> = {}
  for i, name in ipairs(entry.urcs) do rows[i] = { name, c.urcs[name] or "" } end
  layout.rows(out, rows, 2)
end

local function add_notes(c, out, entry)
  if not entry.notes then return end
  out[#out + 1] = ""
  out[#out + 1] = c.say.notes
  layout.paragraph(out, entry.notes[c.lang], 2)
end

local function add_example(c, out, example)
  if example.title then out[#out + 1] = "  " .. example.title[c.lang] .. ":" end
  out[#out + 1] = "  > " .. example.send
  for _, line in ipairs(example.answer or {}) do out[#out + 1] = "    " .. line end
  if example.payload then out[#out + 1] = "  > " .. example.payload end
  for _, line in ipairs(example.result or {}) do out[#out + 1] = "    " .. line end
end

local function add_examples(c, out, entry)
  if #entry.examples == 0 then return end
  out[#out + 1] = ""
  out[#out + 1] = c.say.examples
  for _, example in ipairs(entry.examples) do add_example(c, out, example) end
end

--- Prints the reference of one command.
-- @tparam table entry catalogue entry
-- @tparam[opt] table options `lang` ("en" or "zh"), `module` (explains the unsolicited lines)
-- @treturn string lines of at most 100 columns, without a line end after the last
function doc.render(entry, options)
  local c <const>, told <const> = context(options), {}
  local place <const> = ("%s, %s, %s %s"):format(c.say.section:format(entry.section),
    c.say.family:format(entry.family), c.say.method, entry.name)
  local out <const> = { c.say.title:format(entry.command, place) }
  layout.paragraph(out, entry.summary[c.lang], 0)
  out[#out + 1] = ""
  add_syntax(c, out, entry)
  add_arguments(c, out, entry, told)
  add_answers(c, out, entry, told)
  add_completion(c, out, entry)
  add_effects(c, out, entry)
  add_urcs(c, out, entry)
  add_notes(c, out, entry)
  add_examples(c, out, entry)
  return table.concat(out, "\n")
end

--- Prints the list of all commands, by family.
-- @tparam table module catalogue
-- @tparam[opt] table options `lang` ("en" or "zh")
-- @treturn string
function doc.index(module, options)
  local c <const>, out <const> = context(options), {}
  out[1] = module.title[c.lang]
  for _, family in ipairs(module.families) do
    out[#out + 1] = ""
    out[#out + 1] = c.say.title:format(family.title[c.lang], family.name)
    local rows <const> = {}
    for i, entry in ipairs(family.entries) do
      rows[i] = { entry.command, entry.section, entry.summary[c.lang] }
    end
    layout.rows(out, rows, 2)
  end
  return table.concat(out, "\n")
end

return doc
