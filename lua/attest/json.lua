-- SPDX-License-Identifier: MIT
--
-- JSON text of plain tables and back, with nothing lost: integers keep 64 bits
-- and floats stay floats, keys come in a stable order, and any bytes survive.
--
-- A byte that is no UTF-8 becomes the character U+EF00 + byte (U+EF80..U+EFFF,
-- private use: the "raw octet" of MirBSD's OPTU-8), written as an escape; that
-- is valid JSON for every reader, and decode undoes it. NaN and the infinities
-- become the strings "NaN", "Infinity" and "-Infinity". Pure.

local json <const> = {}

local MAX_DEPTH <const> = 64

-- ------------------------------------------------------------------- encode

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
  if depth > MAX_DEPTH then
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

-- ------------------------------------------------------------------- decode

local UNESCAPES <const> = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

local function fail(text, at, what)
  local _, line <const> = text:sub(1, at - 1):gsub("\n", "")
  error({ json = ("line %d: %s"):format(line + 1, what) }, 0)
end

local function skip(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

local function from_pair(high, low)
  return utf8.char(0x10000 + ((tonumber(high, 16) & 0x3FF) << 10) + (tonumber(low, 16) & 0x3FF))
end

local function from_octet(char)
  return string.char(utf8.codepoint(char) & 0xFF)
end

local function unescape(text, at, raw)
  raw = raw:gsub("\\(.)", function(char)
    if char ~= "u" and not UNESCAPES[char] then
      fail(text, at, ("unknown escape \\%s"):format(char:find("%g") and char or char:byte()))
    end
    return char ~= "u" and "\\" .. char:byte() .. ";" or nil
  end)
  raw = raw:gsub("\\u([dD][89aAbB]%x%x)\\u([dD][c-fC-F]%x%x)", from_pair)
  raw = raw:gsub("\\u(%x%x%x%x)", function(digits)
    return utf8.char(tonumber(digits, 16))
  end)
  if raw:find("\\u", 1, true) then
    fail(text, at, "\\u needs four hexadecimal digits")
  end
  return (raw:gsub("\\(%d+);", function(code)
    return UNESCAPES[string.char(code)]
  end))
end

local function decode_string(text, at)
  local stop = at + 1
  while true do
    stop = text:find('["\\\0-\31]', stop)
    local char <const> = stop and text:sub(stop, stop)
    if char == '"' then
      break
    elseif char ~= "\\" then
      fail(text, at, "a string does not end")
    end
    stop = stop + 2
  end
  local raw = text:sub(at + 1, stop - 1)
  if raw:find("\\", 1, true) then
    raw = unescape(text, at, raw)
  end
  return raw:gsub("\xEE[\xBE\xBF][\x80-\xBF]", from_octet), stop + 1
end

local decode_value

local function decode_list(text, at, depth)
  local list <const> = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "]" then
    return list, at + 1
  end
  local count = 0
  while true do
    count = count + 1
    list[count], at = decode_value(text, at, depth + 1)
    at = skip(text, at)
    local char <const> = text:sub(at, at)
    if char == "]" then
      return list, at + 1
    elseif char ~= "," then
      fail(text, at, "a list needs a comma or ]")
    end
    at = at + 1
  end
end

local function decode_member(text, at, depth)
  at = skip(text, at)
  if text:sub(at, at) ~= '"' then
    fail(text, at, "an object needs a key")
  end
  local key
  key, at = decode_string(text, at)
  at = skip(text, at)
  if text:sub(at, at) ~= ":" then
    fail(text, at, "a key needs a colon")
  end
  local value
  value, at = decode_value(text, at + 1, depth + 1)
  return key, value, skip(text, at)
end

local function decode_object(text, at, depth)
  local object <const> = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "}" then
    return object, at + 1
  end
  while true do
    local key, value
    key, value, at = decode_member(text, at, depth)
    object[key] = value
    local char <const> = text:sub(at, at)
    if char == "}" then
      return object, at + 1
    elseif char ~= "," then
      fail(text, at, "an object needs a comma or }")
    end
    at = at + 1
  end
end

local WORDS <const> = { ["true"] = { true }, ["false"] = { false }, null = {} }

local function decode_scalar(text, at)
  local word <const> = text:match("^%a+", at)
  if word and WORDS[word] then
    return WORDS[word][1], at + #word
  end
  local number <const> = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  if not number or not tonumber(number) or number:find("^-?0%d") or number:find("%.$") then
    fail(text, at, "no value")
  elseif math.abs(tonumber(number)) == math.huge then
    fail(text, at, "a number is too large")
  end
  return tonumber(number), at + #number
end

function decode_value(text, at, depth)
  at = skip(text, at)
  local char <const> = text:sub(at, at)
  if depth > MAX_DEPTH then
    fail(text, at, "too deep")
  elseif char == "{" then
    return decode_object(text, at, depth)
  elseif char == "[" then
    return decode_list(text, at, depth)
  elseif char == '"' then
    return decode_string(text, at)
  end
  return decode_scalar(text, at)
end

--- Decodes a text. null is nil, so an object's null member is absent.
-- @tparam string text
-- @return[1] value
-- @treturn[2] nil
-- @treturn[2] string what is wrong, with the line
function json.decode(text)
  local ok <const>, value <const>, at <const> = pcall(decode_value, text, 1, 1)
  if not ok then
    if type(value) == "table" and value.json then
      return nil, value.json
    end
    error(value, 0)
  end
  if skip(text, at) <= #text then
    return nil, "text follows the value"
  end
  return value
end

return json
