-- SPDX-License-Identifier: MIT
--- Commands and answers as text, by the catalogue: the one door to attest.codec.*.
--
-- Pure functions over plain data. Knows no port, no time and no state; nothing here waits.

local encode <const> = require "attest.codec.encode"
local final <const> = require "attest.codec.final"
local parse <const> = require "attest.codec.parse"
local row <const> = require "attest.codec.row"
local secret <const> = require "attest.codec.secret"
local split <const> = require "attest.codec.split"
local value <const> = require "attest.codec.value"

local codec = {
  encode = encode,
  expected = value.expected,
  final = final,
  lookup = parse.lookup,
  parse = parse.parse,
  secrets = secret.of_command,
  secrets_of_answer = secret.of_answer,
  split = split,
}

local read <const>, sub <const> = row.read, string.sub

local none <const> = {}
local key_size <const> = 4 -- bytes of a head that the index of URCs looks at
local indexes <const> = setmetatable({}, { __mode = "k" })

local function row_of(form, line)
  local rows <const> = form.info
  for i = 1, #rows do
    local values <const> = read(rows[i], line)
    if values then return i, values end
  end
  return nil
end

--- Reads an info line of a form, in any documented spelling.
-- @tparam table form catalogue form
-- @string line without its line end
-- @treturn[1] integer index of the row in form.info
-- @treturn[1] table fields by name
-- @treturn[2] nil when no row has this shape, or it is a header without values
function codec.decode(form, line)
  local i <const>, values <const> = row_of(form, line)
  if not i or form.info[i].header then return nil end
  return i, values
end

local function merge(into, values)
  for key, v in next, values do into[key] = v end
  return into
end

--- Reads the info lines of an answer.
-- @tparam table form catalogue form
-- @tparam {string,...} lines
-- @treturn ?table fields by name, of all rows that come once
-- @treturn ?{table,...} fields of each line of a row that repeats
function codec.read(form, lines)
  local rows <const> = form.info
  local fields, list
  for n = 1, #lines do
    local i <const>, values <const> = row_of(form, lines[n])
    local spec <const> = rows[i]
    if spec and spec.repeated then
      list = list or {}
      list[#list + 1] = values
    elseif spec and not spec.header then
      fields = fields and merge(fields, values) or values
    end
  end
  return fields, list
end

local shapeless <const> = { str = true, word = true }

--- Tells whether a line answers this command: prefix, number of columns and their shape.
-- A row that is a text without a prefix claims nothing: any line would look like it, and what no
-- one else knows is taken for the command's own anyway.
-- @tparam table form catalogue form
-- @string line without its line end
-- @treturn boolean
function codec.claims(form, line)
  local i <const> = row_of(form, line)
  local spec <const> = form.info[i]
  return spec ~= nil and not (spec.untagged and shapeless[spec.fields[1].type.kind])
end

--- Writes an info line.
-- @tparam table form catalogue form
-- @tparam integer|table which row's index or the row
-- @tparam table values fields by name
-- @string[opt="example"] dialect "example", "table" or "field"
-- @treturn string
function codec.format(form, which, values, dialect)
  return row.write(type(which) == "table" and which or form.info[which], values, dialect)
end

--- Finds rows by exact line and, for heads, by their first bytes.
local function index_of(module)
  local index = indexes[module]
  if index then return index end
  index = { exact = {}, heads = {}, by_name = {}, is_urc = {}, sizes = {} }
  for _, rows in ipairs { module.urcs, module.words or {} } do
    for _, spec in ipairs(rows) do
      local heads <const>, exact <const> = row.starts(spec)
      index.by_name[spec.name] = spec
      index.is_urc[spec] = rows == module.urcs
      for _, text in ipairs(exact or {}) do index.exact[text] = spec end
      for _, head in ipairs(heads) do
        local key <const> = head:sub(1, key_size)
        index.sizes[#key] = true
        index.heads[key] = index.heads[key] or {}
        local list <const> = index.heads[key]
        if list[#list] ~= spec then list[#list + 1] = spec end
      end
    end
  end
  indexes[module] = index
  return index
end

local function find(module, line)
  local index <const> = index_of(module)
  local spec <const> = index.exact[line]
  if spec then return spec, {}, index end
  local heads <const> = index.heads
  for size in next, index.sizes do
    local rows <const> = heads[sub(line, 1, size)] or none
    for i = 1, #rows do
      local values <const> = read(rows[i], line)
      if values then return rows[i], values, index end
    end
  end
  return nil
end

--- Tells which URC a line is.
-- @tparam table module catalogue
-- @string line without its line end
-- @treturn[1] table urc
-- @treturn[1] table fields by name
-- @treturn[2] nil
function codec.urc(module, line)
  local spec <const>, values <const>, index <const> = find(module, line)
  if spec and index.is_urc[spec] then return spec, values end
  return nil
end

--- Tells which word of a completion a line is: a URC that a command waits for, or a result word.
-- @tparam table module catalogue
-- @string line without its line end
-- @treturn[1] string name, as in the completion's `words`
-- @treturn[1] table fields by name
-- @treturn[2] nil
function codec.word(module, line)
  local spec <const>, values <const> = find(module, line)
  if spec then return spec.name, values end
  return nil
end

--- Tells how the lines of a URC or a word start, in any spelling.
-- @tparam table module catalogue
-- @string name such as "+CREG"
-- @treturn ?{string,...} nil when there is none of this name, or it may start anyhow
function codec.starts(module, name)
  local spec <const> = index_of(module).by_name[name]
  if not spec then return nil end
  local heads <const>, exact <const> = row.starts(spec)
  local list <const> = table.move(heads, 1, #heads, 1, {})
  for _, text in ipairs(exact or {}) do list[#list + 1] = text end
  return list
end

--- Writes a URC or a result word.
-- @tparam table module catalogue
-- @string name such as "CONNECT" or "SEND OK"
-- @tparam[opt] table values fields by name
-- @string[opt="example"] dialect "example", "table" or "field"
-- @treturn string
function codec.announce(module, name, values, dialect)
  local spec <const> = index_of(module).by_name[name]
  if not spec then error(("no URC or word %q in %s"):format(name, module.name), 2) end
  return row.write(spec, values or {}, dialect)
end

return codec
