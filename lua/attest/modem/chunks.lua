-- SPDX-License-Identifier: MIT
--- Received bytes that wait for a reader, in the pieces in which they came.
--
-- Whatever the sizes of what is put and taken, each byte is copied a fixed
-- number of times. Knows nobody who waits.

local chunks <const> = {}

local methods <const> = {}
local mt <const> = { __name = "attest.chunks", __index = methods }

--- Makes an empty queue; `size` is how many bytes wait.
-- @treturn chunks
function chunks.new()
  return setmetatable({ list = {}, first = 1, last = 0, offset = 0, size = 0 }, mt)
end

--- Adds a piece.
-- @tparam string bytes
function methods:put(bytes)
  if bytes ~= "" then
    self.last = self.last + 1
    self.list[self.last] = bytes
    self.size = self.size + #bytes
  end
end

-- Takes at most `count` bytes of the oldest piece.
local function take_first(self, count)
  local piece <const>, offset <const> = self.list[self.first], self.offset
  if offset + count < #piece then
    self.offset = offset + count
    self.size = self.size - count
    return piece:sub(offset + 1, offset + count)
  end
  self.list[self.first] = nil
  self.first, self.offset = self.first + 1, 0
  self.size = self.size - (#piece - offset)
  return offset == 0 and piece or piece:sub(offset + 1)
end

--- Takes bytes; there must be as many.
-- @tparam[opt] int count without it, the oldest piece
-- @treturn string
function methods:take(count)
  if not count then
    return take_first(self, math.maxinteger - self.offset)
  end
  local parts <const> = {}
  while count > 0 do
    local part <const> = take_first(self, count)
    count = count - #part
    parts[#parts + 1] = part
  end
  return table.concat(parts)
end

--- Returns all bytes; they stay.
-- @treturn string
function methods:look()
  if self.size == 0 then
    return ""
  end
  return table.concat(self.list, "", self.first, self.last):sub(self.offset + 1)
end

return chunks
