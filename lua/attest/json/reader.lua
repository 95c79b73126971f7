-- SPDX-License-Identifier: MIT
--
-- Plain values of JSON text, as attest.json writes it and as others do. What is
-- wrong with a text is told with its line. Pure.

local reader <const> = {}

--- Deepest nesting that is read, and written.
reader.MAX_DEPTH = 64

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
  if depth > reader.MAX_DEPTH then
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
function reader.decode(text)
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

return reader
