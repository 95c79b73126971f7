-- SPDX-License-Identifier: MIT
--- One value of a catalogue type: checked and written for the wire, read from it, described.
--
-- Writing is strict, since a bad argument must never reach the module. Reading is lenient about
-- quotes and ranges, since a judgement on what a module says is the script's.

local value = {}

local longest_shown <const> = 40 -- bytes of a refused string in a message

--- Shows a refused value in one printable line.
function value.show(v)
  if type(v) ~= "string" then return type(v) == "number" and tostring(v) or "a " .. type(v) end
  local cut <const> = #v > longest_shown
  local text <const> = ("%q"):format(cut and v:sub(1, longest_shown) or v):gsub("\\\n", "\\n")
  return cut and ("%s... (%d bytes)"):format(text, #v) or text
end

--- Shows a refused argument or payload; a secret one only by its size.
-- @tparam table arg of a form
-- @param v any value
function value.show_of(arg, v)
  if not arg.secret or v == nil then return value.show(v) end
  return type(v) == "string" and ("a secret of %d bytes"):format(#v) or "a secret " .. type(v)
end

local find <const> = string.find
local math_type <const>, tointeger <const> = math.type, math.tointeger

local function integer(v)
  local kind <const> = math_type(v)
  if kind == "integer" then return v end
  return kind and tointeger(v)
end

local function range(t, unit)
  if t.min == t.max then return ("%d%s"):format(t.min, unit) end
  return ("%d to %d%s"):format(t.min, t.max, unit)
end

local function enum_names(t)
  local names <const> = {}
  for i, key in ipairs(t.order) do
    names[i] = type(key) == "string" and ("%q"):format(key) or tostring(key)
  end
  return table.concat(names, ", ")
end

local expected <const> = {
  int = function(t)
    local others <const> = #t.order > 0 and " or " .. enum_names(t) or ""
    return "an integer from " .. range(t, "") .. others
  end,
  enum = function(t) return "one of " .. enum_names(t) end,
  str = function(t)
    local quote <const>, tail <const> = t.escape and "" or "quote, ", t.escape
      and ", or a backslash at its end" or ""
    return "a string of " .. range(t, " bytes") .. " without " .. quote .. "line end or NUL" .. tail
  end,
  word = function(t) return "a string of " .. range(t, " bytes") .. " without comma or quote" end,
  address = function(t) return "a host name or an IP address of " .. range(t, " bytes") end,
  digits = function(t) return "a string of " .. range(t, t.hex and " hex digits" or " digits") end,
  timestamp = function() return "a time such as \"2025-10-27 21:53:20\"" end,
  bytes = function(t) return "a string of " .. range(t, " bytes") end,
}
function expected.either(t)
  return expected.str(t.text) .. ", or " .. expected.int(t.number)
end

--- Says in English what a type takes: "an integer from 3 to 20".
-- @tparam table t schema type
-- @treturn string
function value.expected(t)
  return expected[t.kind](t)
end

local function fits(t, text)
  return type(text) == "string" and #text >= t.min and #text <= t.max
end

--- Whether a text needs no quotes: visible ASCII without comma, quote and backslash.
local function is_plain(text)
  return text ~= "" and not find(text, '[^!-~]') and not find(text, '[,"\\]')
end

--- Puts a text into quotes, where its type asks for them.
-- @tparam table t schema type
-- @string text
function value.quote(t, text)
  return t.bare and is_plain(text) and text or '"' .. text .. '"'
end

local time_shape <const> = "^(%d+)[-/](%d+)[-/](%d+)[, ]%s*(%d+):(%d+):(%d+)"

--- Checks a value of each kind and writes it for the wire: called with the type and the value.
-- A string, or an integer to be joined to one; nil or false when the value does not fit.
-- value.expected says what would.
local write <const> = {
  int = function(t, v)
    local n <const> = integer(v)
    return n and (n >= t.min and n <= t.max or t.values[n]) and n
  end,
  enum = function(t, v)
    if not t.numeric then return t.values[v] and ('"%s"'):format(v) end
    local n <const> = integer(v)
    return n and t.values[n] and n
  end,
  str = function(t, v)
    if not fits(t, v) or find(v, "[\r\n\0]") then return nil end
    -- A backslash at the end would take the closing quote with it.
    if t.escape then return v:sub(-1) ~= "\\" and '"' .. v:gsub('"', '\\"') .. '"' end
    return not find(v, '"', 1, true) and value.quote(t, v)
  end,
  word = function(t, v) return fits(t, v) and not find(v, "[,\"\r\n\0]") and v end,
  address = function(t, v) return fits(t, v) and find(v, "^[%w%.%-_:%%]+$") and '"' .. v .. '"' end,
  digits = function(t, v) return fits(t, v) and find(v, t.hex and "^%x+$" or "^%d+$") and v end,
  timestamp = function(_, v) return type(v) == "string" and find(v, time_shape) and v end,
  bytes = function(t, v) return fits(t, v) and v end,
}
function write.either(t, v)
  if type(v) == "string" then return write.str(t.text, v) end
  return write.int(t.number, v)
end

value.write = write

--- Angle brackets as in `ID<3>` are taken off; anything else is no number.
local function read_integer(text)
  local n <const> = tonumber(text)
  if math_type(n) == "integer" then return n end
  return tointeger(n) or tointeger(tonumber(text:match("^<(%d+)>?$")))
end

--- Reads a column of each kind: called with the type, the text without its quotes, and whether it
-- stood in quotes. nil when it is not of this type's shape.
local read <const> = {
  int = function(_, text, quoted) return not quoted and read_integer(text) or nil end,
  enum = function(t, text, quoted)
    if not t.numeric then return text end
    return not quoted and read_integer(text) or nil
  end,
  str = function(t, text, quoted)
    if t.strict and not quoted then return nil end
    return quoted and t.escape and text:gsub('\\"', '"') or text
  end,
  word = function(_, text) return text end,
  address = function(_, text) return text end,
  digits = function(t, text) return text:match(t.hex and "^%x+$" or "^%d+$") end,
  timestamp = function(_, text)
    text = text:match('^"(.*)"$') or text
    return find(text, time_shape) and text or nil
  end,
}
function read.either(t, text, quoted)
  if quoted then return read.str(t.text, text, true) end
  return read_integer(text) or text
end

value.read = read

--- Splits a point in time into numbers; a year of two digits is one of 2000-2099.
-- @string text as read by value.read
-- @tparam table into gets year, month, day, hour, min, sec
function value.time_parts(text, into)
  local year <const>, month <const>, day <const>, hour <const>, min <const>, sec <const> =
    text:match(time_shape)
  into.year = math.tointeger(year) + (#year <= 2 and 2000 or 0)
  into.month, into.day = math.tointeger(month), math.tointeger(day)
  into.hour, into.min, into.sec = math.tointeger(hour), math.tointeger(min), math.tointeger(sec)
end

--- Writes a point in time from its parts, in the form of a dialect.
function value.write_time(parts, dialect)
  if dialect == "table" then
    return ("%02d/%02d/%02d,%02d:%02d:%02d"):format(parts.year % 100, parts.month, parts.day,
      parts.hour, parts.min, parts.sec)
  end
  return ("%04d-%02d-%02d %02d:%02d:%02d"):format(parts.year, parts.month, parts.day,
    parts.hour, parts.min, parts.sec)
end

return value
