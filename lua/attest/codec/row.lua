-- SPDX-License-Identifier: MIT
--- Reads and writes one line from the module by its row: an info row, a URC or a result word.
--
-- Every documented spelling is read: heads with or without a blank, and each dialect's order of
-- columns. What a row needs is worked out once, on its first use, and kept in a weak table.

local split <const> = require "attest.codec.split"
local value <const> = require "attest.codec.value"

local row = {}

local plans <const> = setmetatable({}, { __mode = "k" })
local read <const> = value.read
local byte <const>, match <const>, sub <const> = string.byte, string.match, string.sub

local function trim_right(text)
  local last = #text
  while last > 0 and byte(text, last) <= 32 do last = last - 1 end
  return last == #text and text or sub(text, 1, last)
end

local function add_head(heads, seen, text)
  text = text and trim_right(text)
  if text and not seen[text] then
    seen[text] = true
    heads[#heads + 1] = text
  end
end

--- Longest head first: "CONNECT,ID:" is tried before "CONNECT,ID".
local function heads_of(spec)
  local heads <const>, seen <const> = {}, {}
  add_head(heads, seen, spec.prefix)
  for _, text in ipairs(spec.also) do add_head(heads, seen, text) end
  for _, dialect in ipairs { "table", "field" } do
    add_head(heads, seen, spec[dialect] and spec[dialect].prefix)
  end
  table.sort(heads, function(a, b) return #a > #b or #a == #b and a < b end)
  return heads
end

--- Lists the orders of columns: the row's own and each dialect's; false is an empty column.
local function orders_of(spec)
  local by_name <const> = {}
  for _, field in ipairs(spec.fields) do by_name[field.name] = field end
  local orders <const> = { spec.fields }
  for _, dialect in ipairs { "table", "field" } do
    local names <const> = spec[dialect] and spec[dialect].order
    if names then
      local order <const> = {}
      for i, name in ipairs(names) do order[i] = by_name[name] or false end
      orders[#orders + 1], orders[dialect] = order, order
    end
  end
  return orders
end

local function required(order)
  local count = 0
  for i, field in ipairs(order) do
    if field and not field.optional then count = i end
  end
  return count
end

--- Lists the sizes of heads, longest first, and the heads as a set.
local function sizes_of(heads)
  local sizes <const>, is_head <const> = {}, {}
  for _, head in ipairs(heads) do
    if #head ~= sizes[#sizes] then sizes[#sizes + 1] = #head end
    is_head[head] = true
  end
  return sizes, is_head
end

local function has_gap(order)
  for _, field in ipairs(order) do
    if not field then return true end
  end
  return false
end

--- The field that a line of one column is read as: nil where it takes more, or where the manuals
-- do not agree on which it is.
local function single_of(plan)
  local single <const> = plan.orders[1][1]
  for i, order in ipairs(plan.orders) do
    if order[1] ~= single or plan.required[i] > 1 or has_gap(order) then return nil end
  end
  return single
end

local function make_plan(spec)
  local fields <const> = spec.fields
  local last <const> = fields[#fields]
  local plan <const> = {
    heads = heads_of(spec), orders = orders_of(spec), options = {}, required = {},
    adds = #spec.derived > 0 or spec.constants ~= nil,
  }
  plan.sizes, plan.is_head = sizes_of(plan.heads)
  for i, order in ipairs(plan.orders) do plan.required[i] = required(order) end
  plan.single = single_of(plan)
  plan.options.limit = last and last.rest and #fields or nil
  for i, field in ipairs(fields) do
    if field.type.escape then plan.options.escape = true end
    if field.type.kind == "timestamp" then plan.has_time, plan.adds = true, true end
    if field.commas then plan.commas = i end
  end
  plans[spec] = plan
  return plan
end

local function plan_of(spec)
  return plans[spec] or make_plan(spec)
end

--- Tells where the text after the head begins; nil when the line starts differently.
-- A line that is shorter than a size can only be a shorter head as a whole.
local function after_head(plan, line)
  local sizes <const>, is_head <const> = plan.sizes, plan.is_head
  for i = 1, #sizes do
    local size <const> = sizes[i]
    if is_head[sub(line, 1, size)] then return size + 1 end
  end
  return nil
end

--- What follows the head, without the blanks around it.
local function body(line, from)
  local first = byte(line, from)
  while first == 32 or first == 9 do
    from = from + 1
    first = byte(line, from)
  end
  return first and trim_right(sub(line, from)) or ""
end

--- Joins surplus columns into the field that may hold commas without quotes.
local function absorb(plan, columns, count)
  local at <const>, surplus <const> = plan.commas, count - #plan.orders[1]
  if not at or surplus <= 0 or columns.quoted[at] then return columns, count end
  local joined <const> = { quoted = {} }
  for i = 1, count - surplus do
    local from <const> = i > at and i + surplus or i
    joined[i] = columns[from]
    joined.quoted[i] = columns.quoted[from]
  end
  joined[at] = table.concat(columns, ",", at, at + surplus)
  return joined, count - surplus
end

local function read_columns(order, columns)
  local values <const>, quotes <const> = {}, columns.quoted
  for i = 1, #order do
    local field <const>, text <const>, quoted <const> = order[i], columns[i], quotes[i]
    if not field then
      if text ~= "" then return nil end
    elseif text ~= nil and not (text == "" and not quoted and field.optional) then
      local v <const> = read[field.type.kind](field.type, text, quoted)
      if v == nil then return nil end
      values[field.name] = v
    end
  end
  return values
end

local function scaled(v, derived)
  if type(v) ~= "number" or v == derived.except then return nil end
  return v * derived.linear[1] + derived.linear[2]
end

local function one_of(v, list)
  for _, each in ipairs(list) do
    if each == v then return true end
  end
  return false
end

local function derived_from(v, derived)
  if derived.linear then return scaled(v, derived) end
  if derived.among then return one_of(v, derived.among) end
  local found <const> = tostring(v):match(derived.match)
  return derived.number and tonumber(found) or found
end

local function derive_times(spec, values)
  for _, field in ipairs(spec.fields) do
    local v <const> = values[field.name]
    if field.type.kind == "timestamp" and v then value.time_parts(v, values) end
  end
end

local function with_constants(spec, values)
  if spec.constants then
    for key, constant in pairs(spec.constants) do values[key] = constant end
  end
  return values
end

--- Adds what follows from the values of a line, and what always holds.
local function complete(plan, spec, values)
  if plan.has_time then derive_times(spec, values) end
  local all <const> = spec.derived
  for i = 1, #all do
    local derived <const> = all[i]
    local v <const> = values[derived.from]
    if v ~= nil then values[derived.name] = derived_from(v, derived) end
  end
  return with_constants(spec, values)
end

--- The manuals end some of the fixed texts with a full stop.
local function read_literal(spec, text)
  if text ~= spec.literal and text ~= spec.literal .. "." then return nil end
  return with_constants(spec, {})
end

local function read_split(plan, spec, text)
  local columns = split(text, plan.options)
  local count = #columns
  if spec.payload and columns[count] == "" then count, columns[count] = count - 1, nil end
  columns, count = absorb(plan, columns, count)
  local orders <const> = plan.orders
  for i = 1, #orders do
    local order <const> = orders[i]
    if count <= #order and count >= plan.required[i] then
      local values <const> = read_columns(order, columns)
      if values then return values end
    end
  end
  return nil
end

--- One value that needs no splitting: no comma, no quote of any kind, no blank inside.
local single_shape <const> = "^[ \t]*([0-:A-Za-z_.+/-]+)%s*$"

--- Reads a line by one row.
-- @tparam table spec the row
-- @string line without its line end
-- @treturn ?table fields by name, derived ones included
function row.read(spec, line)
  local plan <const> = plans[spec] or make_plan(spec)
  local from <const> = spec.untagged and 1 or after_head(plan, line)
  if not from then return nil end
  local values
  local single <const> = plan.single
  local text = single and match(line, single_shape, from)
  if text then
    local v <const> = read[single.type.kind](single.type, text)
    if v == nil then return nil end
    values = { [single.name] = v }
  else
    text = spec.untagged and line or body(line, from)
    if spec.literal then return read_literal(spec, text) end
    values = read_split(plan, spec, text)
  end
  if values and plan.adds then return complete(plan, spec, values) end
  return values
end

local function is_bare(spec, dialect, name)
  local other <const> = spec[dialect]
  return other and other.bare ~= nil and one_of(name, other.bare)
end

local function write_field(field, values, dialect, spec)
  local v <const> = values[field.name]
  if v == nil and field.type.kind == "timestamp" and values.year then
    return value.write_time(values, dialect)
  end
  if v == nil then
    if not field.optional then
      error(("%s: no value for %s"):format(spec.name or spec.prefix or "line", field.name), 0)
    end
    return nil
  end
  local quotes <const> = field.type.kind == "str" or field.type.kind == "address"
    or field.type.kind == "enum" and not field.type.numeric
  if math.type(v) == "float" and math.tointeger(v) then return ("%d"):format(v) end
  if not quotes or is_bare(spec, dialect, field.name) then return tostring(v) end
  return value.quote(field.type, tostring(v))
end

local function head_in(spec, dialect)
  local other <const> = spec[dialect]
  return other and other.prefix or spec.prefix or ""
end

--- Writes a line. Values are taken as they are: a simulated module may say what it likes.
-- @tparam table spec the row
-- @tparam table values fields by name; a time may be given as year, month, day, hour, min, sec
-- @string[opt="example"] dialect "example", "table" or "field"
-- @treturn string
function row.write(spec, values, dialect)
  if spec.match then return spec.match[1] end
  if spec.literal then return head_in(spec, dialect) .. spec.literal end
  local order <const> = plan_of(spec).orders[dialect] or spec.fields
  local columns <const>, last = {}, 0
  for i, field in ipairs(order) do
    local text <const> = field and write_field(field, values, dialect, spec)
    columns[i] = text or ""
    if text or not field then last = i end
  end
  return head_in(spec, dialect) .. table.concat(columns, ",", 1, last)
end

--- Tells the longest heads of a row, and exact lines where it has them.
-- @treturn {string,...} heads
-- @treturn ?{string,...} exact lines
function row.starts(spec)
  return plan_of(spec).heads, spec.match
end

return row
