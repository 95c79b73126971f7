-- SPDX-License-Identifier: MIT
--- Splits the columns of one finished line, with regard to quotes.
--
-- A quote that is never closed does not eat the line: its column is then taken as it stands.
-- Pure text; knows no command.

local byte <const>, find <const>, sub <const> = string.byte, string.find, string.sub

local quote <const> = 34
local backslash <const> = 92
local unquoted <const> = {} -- columns of which none stood in quotes

--- Typographic quotes stand at the borders of arguments in text that was pasted from a manual.
local function fold(text)
  if not find(text, "\xE2\x80", 1, true) then return text end
  text = text:gsub("^%s*\xE2\x80[\x9C\x9D]", '"'):gsub("\xE2\x80[\x9C\x9D]%s*$", '"')
  return (text:gsub(",%s*\xE2\x80[\x9C\x9D]", ',"'):gsub("\xE2\x80[\x9C\x9D]%s*,", '",'))
end

--- Finds the quote that closes the one before `from`; an escaped one does not.
local function closing(text, from, escape)
  local at = find(text, '"', from, true)
  while at and escape and byte(text, at - 1) == backslash and at > from do
    at = find(text, '"', at + 1, true)
  end
  return at
end

local function trimmed(text, from, to)
  local last = to
  while last >= from and byte(text, last) <= 32 do last = last - 1 end
  return sub(text, from, last)
end

--- Tells whether a text holds no quote of any kind.
local function is_plain(text)
  return not find(text, '"', 1, true) and not find(text, "\xE2", 1, true)
end

--- Splits a text that is plain and not blank.
local function split_plain(text, limit)
  local columns <const>, size <const> = { quoted = unquoted }, #text
  local from, n = 1, 0
  repeat
    n = n + 1
    local comma <const> = n < limit and find(text, ",", from, true) or size + 1
    local first = byte(text, from)
    while first == 32 or first == 9 do
      from = from + 1
      first = byte(text, from)
    end
    columns[n] = trimmed(text, from, comma - 1)
    from = comma + 1
  until comma > size
  return columns
end

--- Splits at commas that stand outside of quotes. Blanks around a column are taken off.
-- @string text what follows the prefix
-- @tparam[opt] table options `escape` (a quote may be carried as \": true, or the numbers of the
--   columns in which it may), `limit` (columns; the last one takes the rest as it stands)
-- @treturn {string,...} columns without their quotes; `quoted[i]` is true of those that had them
local function split(text, options)
  local limit <const> = options and options.limit or math.huge
  if is_plain(text) and find(text, "%S") then return split_plain(text, limit) end
  text = fold(text)
  local escape <const> = options and options.escape
  local columns <const>, quoted <const>, size <const> = {}, {}, #text
  columns.quoted = quoted
  if not find(text, "%S") then return columns end
  local from, n = 1, 0
  while from <= size + 1 do
    n = n + 1
    from = find(text, "[^ \t]", from) or size + 1
    local escaped <const> = escape == true or escape and escape[n]
    local close <const> = byte(text, from) == quote and closing(text, from + 1, escaped)
    local comma <const> = close and find(text, "^[ \t]*,", close + 1)
    if n >= limit then
      local whole <const> = close and not find(text, "%S", close + 1)
      columns[n] = trimmed(text, from, size)
      if whole then columns[n], quoted[n] = sub(text, from + 1, close - 1), true end
      break
    elseif close and (comma or not find(text, "%S", close + 1)) then
      columns[n], quoted[n] = sub(text, from + 1, close - 1), true
      if not comma then break end
      from = find(text, ",", close + 1, true) + 1
    else
      local stop <const> = find(text, ",", from, true) or size + 1
      columns[n] = trimmed(text, from, stop - 1)
      from = stop + 1
      if stop > size then break end
    end
  end
  return columns
end

return split
