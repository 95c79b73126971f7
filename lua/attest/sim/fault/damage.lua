-- SPDX-License-Identifier: MIT
--
-- What a bad line does to the bytes of one direction: loses some, turns a bit
-- of others. Each byte's fate depends on the seed and its place in the stream
-- only, not on how the stream is cut.

local TOP_BIT <const> = 7

--- Makes the damage of one direction.
-- @tparam faults faults
-- @tparam string direction
-- @treturn function from bytes to what is left of them
local function damage(faults, direction)
  local losing <const> = faults:dice("loss " .. direction)
  local turning <const> = faults:dice("corrupt " .. direction)

  local function strike(byte)
    if faults.loss and losing.chance(faults.loss.probability) then
      return ""
    elseif faults.corrupt and turning.chance(faults.corrupt.probability) then
      return string.char(byte:byte() ~ 1 << turning.roll(0, TOP_BIT))
    end
  end

  return function(bytes)
    if not faults.loss and not faults.corrupt then
      return bytes
    end
    return (bytes:gsub(".", strike))
  end
end

return damage
