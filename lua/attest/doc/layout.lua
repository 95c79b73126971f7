-- SPDX-License-Identifier: MIT
--- Lays text out in columns of a terminal: wrapping, padding, tables.
--
-- Chinese text has no blanks and may break after any wide character; a word of Latin letters is
-- never torn, so a line is wider than the limit only when one word is. Pure.

local text <const> = require "attest.text"

local layout = {}

--- Widest line, in terminal columns.
layout.width = 100

local widest_head <const> = 70 -- columns before the last one; a wider head has its own line

--- Cuts text into the pieces between which a line may break.
local function pieces_of(line)
  local pieces <const>, word = {}, ""
  for _, code in utf8.codes(line) do
    local char <const> = utf8.char(code)
    if char == " " or text.width(char) == 2 then
      pieces[#pieces + 1] = word .. char
      word = ""
    else
      word = word .. char
    end
  end
  pieces[#pieces + 1] = word
  return pieces
end

--- Wraps one paragraph.
-- @string paragraph
-- @tparam integer indent blanks before each line
-- @treturn {string,...} lines
function layout.wrap(paragraph, indent)
  local lines <const>, margin <const> = {}, (" "):rep(indent)
  local line, used = "", 0
  for _, piece in ipairs(pieces_of(paragraph)) do
    local trimmed <const> = piece:gsub(" +$", "")
    if used > 0 and indent + used + text.width(trimmed) > layout.width then
      lines[#lines + 1] = margin .. line:gsub(" +$", "")
      line, used = "", 0
    end
    line, used = line .. piece, used + text.width(piece)
  end
  line = line:gsub(" +$", "")
  if line ~= "" then lines[#lines + 1] = margin .. line end
  return lines
end

--- Appends wrapped text to a list of lines.
function layout.paragraph(out, paragraph, indent)
  for _, line in ipairs(layout.wrap(paragraph, indent)) do out[#out + 1] = line end
end

--- Appends a line of a command or an answer; one that is too wide goes on after a comma.
function layout.syntax(out, line, indent)
  local margin, used = (" "):rep(indent), 0
  for piece in line:gmatch("[^,]*,?") do
    if used > 0 and #margin + used + text.width(piece) > layout.width then
      margin, used = (" "):rep(indent + 4), 0
    end
    out[used == 0 and #out + 1 or #out] = (used == 0 and margin or out[#out]) .. piece
    used = used + text.width(piece)
  end
end

--- Appends a row whose first columns leave no room for the last one.
local function two_lines(out, head, last, indent)
  layout.syntax(out, head:match("^ *(.-) *$"), indent)
  layout.paragraph(out, last, indent + 4)
end

--- Appends a table: all columns but the last are padded, the last one is wrapped.
-- @tparam table out list of lines
-- @tparam {{string,...},...} rows
-- @tparam integer indent
function layout.rows(out, rows, indent)
  local widths <const> = {}
  for _, row in ipairs(rows) do
    for i = 1, #row - 1 do
      local width <const> = text.width(row[i])
      if width <= widest_head then widths[i] = math.max(widths[i] or 0, width) end
    end
  end
  for _, row in ipairs(rows) do
    local head, last = (" "):rep(indent), row[#row]
    for i = 1, #row - 1 do
      local width <const> = math.max(widths[i] or 0, text.width(row[i]))
      head = head .. text.fit(row[i], width) .. "  "
    end
    if text.width(head) > widest_head + indent + 2 then
      two_lines(out, head, last, indent)
    else
      local lines <const> = layout.wrap(last, text.width(head))
      out[#out + 1] = head:gsub(" +$", "")
      if lines[1] then out[#out] = head .. lines[1]:gsub("^ +", "") end
      for i = 2, #lines do out[#out + 1] = lines[i] end
    end
  end
end

return layout
