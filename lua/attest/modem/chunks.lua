-- SPDX-License-Identifier: MIT
--- Received bytes that wait for a reader, in the pieces in which they came.
--
-- Whatever the sizes of what is put and taken, each byte is copied a fixed
-- number of times. Knows nobody who waits. Once `limit` bytes wait no more are
-- kept: a device that nobody reads must not take all memory. From the first
-- byte that is lost on all are, and counted: what can be read has no gap.

local error_object <const> = require "attest.error"

local chunks <const> = {}

--- Pieces behind so many others are joined while they are short: a piece takes
-- some 60 bytes besides its own.
local MANY <const>, SHORT <const> = 64, 256

local methods <const> = {}
local mt <const> = { __name = "attest.chunks", __index = methods }

--- Makes an empty queue; `size` is how many bytes wait, `lost` how many came too late to.
-- @tparam integer limit how many bytes may wait; the last piece may exceed it
-- @tparam[opt=false] boolean keeps_pieces they have a meaning, and are never joined
-- @treturn chunks
function chunks.new(limit, keeps_pieces)
  return setmetatable({
    list = {}, first = 1, last = 0, offset = 0, size = 0, limit = limit, lost = 0,
    many = keeps_pieces and math.huge or MANY,
  }, mt)
end

--- Notes that bytes were lost that would come behind those that wait.
-- @tparam integer count
-- @tparam[opt] string reason other than that too many waited
function methods:lose(count, reason)
  self.lost = self.lost + count
  self.reason = self.reason or reason
end

--- Adds a piece.
-- @tparam string bytes
function methods:put(bytes)
  if self.lost > 0 or self.size >= self.limit then
    return self:lose(#bytes)
  elseif bytes == "" then
    return
  end
  local newest <const> = self.list[self.last]
  if self.last - self.first >= self.many and #newest + #bytes <= SHORT then
    self.list[self.last] = newest .. bytes
  else
    self.last = self.last + 1
    self.list[self.last] = bytes
  end
  self.size = self.size + #bytes
end

--- What a reader is told who has come to where bytes were lost.
-- @tparam string who
-- @treturn attest.error "overflow" with `lost` and `partial`
function methods:overflow(who)
  return error_object.new {
    code = "overflow", lost = self.lost, partial = self:look(),
    message = ("%s: %d received bytes are lost: %s"):format(who, self.lost, self.reason
      or ("%d waited for a reader (max_unread): read sooner, or let more wait"):format(self.limit)),
  }
end

--- Checks how many bytes shall be read at once.
-- @tparam ?integer count
-- @tparam string who
-- @raise when so many never wait, where the caller's caller was called
function methods:check(count, who)
  if count ~= nil and not (math.type(count) == "integer" and count >= 0) then
    error(("%s: cannot read %s bytes"):format(who, tostring(count)), 4)
  elseif count and count > self.limit then
    error(("%s: cannot read %d bytes at once: only %d wait (max_unread)"):format(who, count,
      self.limit), 4)
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
