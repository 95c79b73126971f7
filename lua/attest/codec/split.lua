-- SPDX-License-Identifier: MIT
--- Splits the columns of one finished line, with regard to quotes.
--
-- A quote that is never closed does not eat the line: its column is then taken as it stands.
-- Pure text; knows no command.

local byte <const>, find <const>, sub <const> = string.byte, string.find, string.sub

local quote <const> = 34
local backslash <const> = 92
local unquoted <const> = {} -- columns of which none stood in quotes

--- Finds the quote that closes the one before `from`; an escaped one does not.
local function closing(text, from, escape)
  local at = find(text, '"', from, true)
  while at and escape and byte(text, at - 1) == backslash and at > from do
    at = find(text, '"', at + 1, true)
  end
  return at
end

--- How many bytes the quote at a place has. Typographic ones stand at the borders of arguments in
-- text that was pasted from a manual.
local function width(text, at)
  return byte(text, at) == quote and 1 or find(text, "^\xE2\x80[\x9C\x9D]", at) and 3 or nil
end

local function is_border(text, at)
  return find(text, "^[ \t]*,", at) or not find(text, "%S", at)
end

--- Finds what a quote at a place holds: its first and last byte, and the place behind the quote
-- that closes it. Where one of the two is typographic, the closing one is the first at a border;
-- `unclosed` keeps which kind of quote none can close any more, so that each is looked for once.
local function quoted_from(text, from, escape, unclosed)
  local opening <const> = width(text, from)
  if not opening then return nil end
  local at = opening == 1 and closing(text, from + 1, escape)
  if at and is_border(text, at + 1) then return from + 1, at - 1, at + 1 end
  at = not unclosed[opening] and find(text, '["\xE2]', from + opening)
  while at do
    local size <const> = width(text, at)
    if size and opening + size > 2 and is_border(text, at + size) then
      return from + opening, at - 1, at + size
    end
    at = find(text, '["\xE2]', at + 1)
  end
  unclosed[opening] = true
  return nil
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
  local escape <const> = options and options.escape
  local columns <const>, quoted <const>, size <const> = {}, {}, #text
  columns.quoted = quoted
  if not find(text, "%S") then return columns end
  local unclosed <const> = {}
  local from, n, comma = 1, 0
  repeat
    n = n + 1
    from = find(text, "[^ \t]", from) or size + 1
    local escaped <const> = escape == true or escape and escape[n]
    local first <const>, last <const>, behind <const> = quoted_from(text, from, escaped, unclosed)
    if first and (n < limit or not find(text, "%S", behind)) then
      columns[n], quoted[n] = sub(text, first, last), true
      comma = find(text, ",", behind, true)
    else
      comma = n < limit and find(text, ",", from, true) or nil
      columns[n] = trimmed(text, from, (comma or size + 1) - 1)
    end
    from = (comma or size) + 1
  until not comma
  return columns
end

return split
