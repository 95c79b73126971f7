-- SPDX-License-Identifier: MIT
--- Judges whether a line ends a command, and how.
--
-- A final is a whole line: OK, ERROR, ERROR=<n>, EEROR=<n> (as the manual spells it once), and
-- +CME ERROR or +CMS ERROR with a number, a text or nothing. "OKAY" and "ERRORLOG: 3" are none.

local byte <const> = string.byte

local letter_o <const>, letter_e <const>, plus <const> = 79, 69, 43

local function numbered(line)
  local number <const> = line:match("^ERROR=(%d+)$") or line:match("^EEROR=(%d+)$")
  if number then return "ERROR", math.tointeger(tonumber(number)) end
  if line == "ERROR" then return "ERROR" end
  return nil
end

local function extended(line)
  local kind <const>, rest <const> = line:match("^%+(CM[ES]) ERROR(.*)$")
  if not kind then return nil end
  if rest == "" then return kind end
  local text <const> = rest:match("^:%s*(.*)$")
  if not text then return nil end
  if text == "" then return kind end
  return kind, text:find("^%d+$") and math.tointeger(tonumber(text)) or text
end

--- Judges a line.
-- @string line without its line end
-- @treturn[1] string "OK", "ERROR", "CME" or "CMS"
-- @treturn[1] ?number|string the module's number or text
-- @treturn[2] nil when the line ends nothing
local function final(line)
  if line == "OK" then return "OK" end
  local first <const> = byte(line, 1)
  if first ~= letter_e and first ~= plus and first ~= letter_o then return nil end
  if first == plus and byte(line, 2) ~= 67 then return nil end -- +C
  if byte(line, -1) <= 32 then line = line:gsub("%s+$", "") end
  if first == letter_o then return line == "OK" and "OK" or nil end
  if first == letter_e then return numbered(line) end
  return extended(line)
end

return final
