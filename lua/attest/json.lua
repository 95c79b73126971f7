-- SPDX-License-Identifier: MIT
--
-- JSON text of plain tables and back, with nothing lost: integers keep 64 bits
-- and floats stay floats, keys come in a stable order, and any bytes survive.
--
-- A byte that is no UTF-8 becomes the character U+EF00 + byte (U+EF80..U+EFFF,
-- private use: the "raw octet" of MirBSD's OPTU-8), written as an escape; that
-- is valid JSON for every reader, and decode undoes it. NaN and the infinities
-- become the strings "NaN", "Infinity" and "-Infinity". Pure.

local reader <const> = require "attest.json.reader"

local json <const> = {}

local ESCAPES <const> = {
  ['"'] = [[\"]], ["\\"] = [[\\]], ["\b"] = [[\b]], ["\f"] = [[\f]], ["\n"] = [[\n]],
  ["\r"] = [[\r]], ["\t"] = [[\t]],
}

local function escape(char)
  return ESCAPES[char] or ("\\u%04x"):format(char:byte())
end

local function escape_octets(bytes)
  return (bytes:gsub(".", function(byte)
    return ("\\u%04x"):format(0xEF00 + byte:byte())
  end))
end

local function escape_char(char)
  return ("\\u%04x"):format(utf8.codepoint(char))
end

-- Characters that a terminal or an editor obeys: U+0080..U+009F, and those that
-- turn the direction of what follows or end a line.
local ODD <const> = {
  "\xC2[\x80-\x9F]", "\u{61C}", "\xE2\x80[\x8E\x8F\xA8-\xAE]", "\xE2\x81[\xA6-\xA9]",
  "\u{FEFF}",
}

-- Valid UTF-8. Characters that mean a raw octet are taken apart themselves.
local function escape_text(valid)
  local text = valid:gsub('[%c"\\]', escape):gsub("\xEE[\xBE\xBF][\x80-\xBF]", escape_octets)
  for _, odd in ipairs(text:find("[\xC2\xD8\xE2\xEF]") and ODD or {}) do
    text = text:gsub(odd, escape_char)
  end
  return text
end

-- All that JSON takes as it is: visible ASCII and the blank without quote and backslash.
local PLAIN <const> = "^[]-~ !#-[]*$"

local function encode_string(bytes)
  if bytes:find(PLAIN) then
    return '"' .. bytes .. '"'
  end
  local parts <const> = { '"' }
  local at = 1
  while at <= #bytes do
    local _, bad <const> = utf8.len(bytes, at)
    local stop <const> = bad or #bytes + 1
    parts[#parts + 1] = escape_text(bytes:sub(at, stop - 1))
    parts[#parts + 1] = bad and escape_octets(bytes:sub(bad, bad)) or nil
    at = stop + 1
  end
  parts[#parts + 1] = '"'
  return table.concat(parts)
end

local FLOATS <const> = { "%.15g", "%.16g", "%.17g" } -- the first that tells it exactly

local function encode_number(number)
  if math.type(number) == "integer" then
    return ("%d"):format(number)
  elseif number ~= number then
    return '"NaN"'
  elseif number - number ~= 0 then
    return number > 0 and '"Infinity"' or '"-Infinity"'
  end
  local text
  for _, format in ipairs(FLOATS) do
    text = format:format(number)
    if tonumber(text) == number then
      break
    end
  end
  text = text:gsub(",", ".") -- a locale's comma
  return text:find("[.e]") and text or text .. ".0"
end

-- A table that is not empty.
local function is_list(value)
  local count = 0
  if #value == 0 then
    return false
  end
  for _ in next, value do
    count = count + 1
  end
  return count == #value
end

local function by_rank(ranks)
  return function(a, b)
    local rank_a <const>, rank_b <const> = ranks[a] or math.huge, ranks[b] or math.huge
    if rank_a ~= rank_b then
      return rank_a < rank_b
    end
    return tostring(a) < tostring(b)
  end
end

local function sorted_keys(state, value)
  local keys <const>, heads <const>, count = {}, state.heads, 0
  local is_plain = not state.ranks
  for key in next, value do
    count = count + 1
    keys[count] = key
    is_plain = is_plain and (heads[key] ~= nil or type(key) == "string")
  end
  table.sort(keys, not is_plain and by_rank(state.ranks or {}) or nil)
  return keys
end

-- How a member begins.
local function head_of(state, key)
  local head <const> = encode_string(tostring(key)) .. state.colon
  state.heads[key] = type(key) == "string" and head or nil
  return head
end

local put_table

-- What JSON has no word for is shown, not lost.
local function encode_scalar(state, value, kind)
  if kind == "number" then -- kept ones would mix up 1 and 1.0
    return encode_number(value)
  elseif kind == "nil" or kind == "userdata" and tostring(value):find("(nil)", 1, true) then
    return "null"
  end
  local text <const> = kind == "boolean" and tostring(value) or encode_string(tostring(value))
  state.known[value] = text
  return text
end

-- Each of these puts pieces behind the n-th and returns how many there are then.
local function put_value(state, n, value, depth, name)
  local kind <const> = type(value)
  if kind == "table" then
    return put_table(state, n, value, depth, name)
  end
  state.out[n + 1] = encode_scalar(state, value, kind)
  return n + 1
end

local function put_items(state, n, value, depth, separator)
  for i = 1, #value do
    n = put_value(state, n, value[i], depth + 1) + 1
    state.out[n] = separator
  end
  return n
end

local function put_members(state, n, value, depth, separator)
  local out <const>, known <const>, heads <const> = state.out, state.known, state.heads
  local keys <const> = sorted_keys(state, value)
  for i = 1, #keys do
    local key <const> = keys[i]
    local member <const> = value[key]
    local text <const> = known[member]
    out[n + 1] = heads[key] or head_of(state, key)
    if text then
      n = n + 2
      out[n] = text
    else
      n = put_value(state, n + 1, member, depth + 1, key)
    end
    n = n + 1
    out[n] = separator
  end
  return n
end

function put_table(state, n, value, depth, name)
  if depth > reader.MAX_DEPTH then
    error("a table holds itself, or is too deep for JSON", 0)
  end
  local out <const>, indent <const> = state.out, state.indent
  if next(value) == nil then
    out[n + 1] = state.lists[name] and "[]" or "{}"
    return n + 1
  end
  local as_list <const> = is_list(value)
  local inner <const> = indent and "\n" .. indent:rep(depth) or ""
  local outer <const> = indent and inner:sub(1, -1 - #indent) or ""
  out[n + 1] = (as_list and "[" or "{") .. inner
  n = (as_list and put_items or put_members)(state, n + 1, value, depth, "," .. inner)
  out[n] = outer .. (as_list and "]" or "}") -- instead of the last separator
  return n
end

local OPTIONS <const> = { indent = true, order = true, lists = true }

--- Encodes a value. A table with keys 1..n is a list; an empty one is an object
-- unless its name is among `lists`.
-- @param value nil, boolean, number, string or table
-- @tparam[opt] table options `indent` (blanks of one level; default: one line),
-- `order` (list of keys that come first), `lists` (set of keys)
-- @treturn string
function json.encode(value, options)
  options = options or {}
  for key in pairs(options) do
    if not OPTIONS[key] then
      error(("json.encode has no option %q"):format(tostring(key)), 2)
    end
  end
  local state <const> = {
    out = {}, known = {}, heads = {}, ranks = options.order and {}, lists = options.lists or {},
    indent = options.indent, colon = options.indent and ": " or ":",
  }
  for rank, key in ipairs(options.order or {}) do
    state.ranks[key] = rank
  end
  put_value(state, 0, value, 1)
  return table.concat(state.out)
end

--- Decodes a text, see attest.json.reader.
json.decode = reader.decode

return json
