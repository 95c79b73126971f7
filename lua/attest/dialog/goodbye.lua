-- SPDX-License-Identifier: MIT
--- Lines that a module prints into the data when the far end goes.
--
-- Anybody may write them there: they are data and a doubt. Pure; any slicing
-- of the same bytes finds the same lines.

local goodbye <const> = {}

local LINES <const> = { "\nDISCONNECT\r\n", "\nUDP_CLOSE\r\n", "\nNO CARRIER\r\n" }
local LONGEST <const> = 13

--- What a stream begins with: its first byte begins a line.
goodbye.start = "\n"

--- Finds the next such line that ends after a place.
-- @tparam string text
-- @tparam integer after
-- @treturn ?integer where it ends
function goodbye.find(text, after)
  local first
  for _, line in ipairs(LINES) do
    local _, last <const> = text:find(line, math.max(1, after - #line + 2), true)
    first = last and (not first or last < first) and last or first
  end
  return first
end

--- As much of the end as a line that goes on may need.
-- @tparam string text
-- @treturn string
function goodbye.tail(text)
  return text:sub(-LONGEST)
end

return goodbye
