-- SPDX-License-Identifier: MIT
--- Tells text from what a module at another rate seems to say: bytes, but no
-- lines.
--
-- The port counts the bytes; whether a line of text was among them is one flag
-- of the dialog, which `begin` clears. Nothing that came is kept.

local legible <const> = {}

--- Begins to look, at the start of a command.
-- @tparam attest.dialog d
-- @treturn integer bytes that came so far, for `diagnosis`
function legible.begin(d)
  d.is_legible = false
  return d.port:received()
end

--- Looks at a line. What a wrong rate makes of text now and then has a line
-- end in it, too: one byte, control characters, or mostly bytes beyond ASCII
-- are no text.
-- @tparam attest.dialog d
-- @tparam string line
function legible.line(d, line)
  if #line < 2 or line:find("[%z\1-\8\11\12\14-\31\127]") then
    return
  end
  local _, foreign <const> = line:gsub("[\128-\255]", "")
  d.is_legible = foreign * 2 <= #line
end

--- Words a number of bytes that were no lines.
-- @tparam integer count
-- @treturn string
function legible.bytes(count)
  return ("%d byte%s but no lines"):format(count, count == 1 and "" or "s")
end

--- Says why nothing was understood, if that is what happened.
-- @tparam attest.dialog d
-- @tparam integer since what `begin` returned
-- @treturn string to be appended to a message; empty when a line of text came
--   since `begin`, or nothing at all since then
function legible.diagnosis(d, since)
  local count <const> = d.port:received() - since
  if d.is_legible or count == 0 then
    return ""
  end
  return (": %s at %d: is the module at another rate?"):format(legible.bytes(count), d.port:baud())
end

return legible
