-- SPDX-License-Identifier: MIT
--
-- Text made fit for XML 1.0, whatever bytes it holds. Pure.
--
-- XML 1.0 has no way to write most control characters, not even as references:
-- they and bytes that are no UTF-8 are shown as \xNN.

local xml <const> = {}

local function show(bytes)
  return (bytes:gsub(".", function(byte)
    return ("\\x%02x"):format(byte:byte())
  end))
end

local function clean(bytes)
  local parts <const> = {}
  local at = 1
  while at <= #bytes do
    local _, bad <const> = utf8.len(bytes, at)
    local stop <const> = bad or #bytes + 1
    parts[#parts + 1] = bytes:sub(at, stop - 1)
    parts[#parts + 1] = bad and show(bytes:sub(bad, bad)) or nil
    at = stop + 1
  end
  local text <const> = table.concat(parts):gsub("[\0-\8\11-\31\127]", show)
  -- U+0080..U+009F are controls, U+FFFE and U+FFFF no characters.
  return (text:gsub("\xC2[\x80-\x9F]", show):gsub("\xEF\xBF[\xBE\xBF]", show))
end

local ENTITIES <const> = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["\n"] = "&#10;",
  ["\t"] = "&#9;",
}

-- Characters that turn the direction of what follows, or end a line: whoever
-- shows the file must not obey them.
local ODD <const> = {
  "\u{61C}", "\xE2\x80[\x8E\x8F\xA8-\xAE]", "\xE2\x81[\xA6-\xA9]", "\u{FEFF}",
}

local function refer(text)
  for _, odd in ipairs(text:find("[\xD8\xE2\xEF]") and ODD or {}) do
    text = text:gsub(odd, function(char)
      return ("&#x%X;"):format(utf8.codepoint(char))
    end)
  end
  return text
end

--- Escapes text between tags; line feeds and tabs stay.
-- @tparam string bytes
-- @treturn string
function xml.text(bytes)
  return refer((clean(bytes):gsub("[&<>]", ENTITIES)))
end

--- Escapes the value of an attribute.
-- @param value string, number or boolean
-- @treturn string
function xml.attribute(value)
  return refer((clean(tostring(value)):gsub('[&<>"\n\t]', ENTITIES)))
end

return xml
