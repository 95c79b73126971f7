-- SPDX-License-Identifier: MIT
--- Keeps what comes while nobody knows yet whether it is data.
--
-- As long as a dialog has a catch, the bytes of its data mode go there. Who
-- made it decides in a silence, since only then the last words are the last.

local core <const> = require "attest.core"

local catch <const> = {}

--- Silence in which a decision is made, in seconds.
catch.SETTLE = 0.05
--- How long a module may go on with what it had buffered, in seconds, and how
-- much that may be, in bytes: more than a UART carries in the time.
local FLOOD <const>, MOST <const> = 10, 16 << 20

local methods <const> = {}
local mt <const> = { __name = "attest.dialog.catch", __index = methods }

--- Begins to keep what comes to a dialog.
-- @tparam attest.dialog d
-- @treturn catch
function catch.begin(d)
  d.catch = setmetatable({ chunks = {}, size = 0, at = core.now(), task = core.current() }, mt)
  return d.catch
end

--- Ends keeping: these bytes are data.
-- @tparam attest.dialog d
-- @tparam string bytes maybe none
function catch.give(d, bytes)
  d.catch = nil
  if bytes ~= "" then
    d:data(bytes)
  end
end

--- Takes bytes of the data mode.
-- @tparam string bytes
function methods:take(bytes)
  self.chunks[#self.chunks + 1] = bytes
  self.size = self.size + #bytes
  self.at = core.now()
  core.wake(self.task)
end

--- Returns everything that came so far.
-- @treturn string
function methods:all()
  self.chunks = { table.concat(self.chunks) }
  return self.chunks[1]
end

--- Tells whether so much came that it is data, whatever follows.
-- @treturn boolean
function methods:is_flood()
  return self.size > MOST
end

--- Waits until something is found in a silence, or nothing more will come.
-- @tparam number from time before which nothing counts
-- @tparam number patience seconds of silence after which nothing will come
-- @tparam function look called in a silence with whether it is the last one;
--   returns what it found, or nil
-- @return what was found, or nil
-- @treturn boolean true when there was no silence at all
function methods:await(from, patience, look)
  local last <const> = from + FLOOD
  while true do
    local now <const> = core.now()
    local over_at <const> = math.max(from, self.at) + patience
    local settled_at <const> = self.at + catch.SETTLE
    if now >= settled_at and now >= from then
      local found <const> = look(now >= over_at)
      if found ~= nil or now >= over_at then
        return found, false
      end
    end
    if now >= last or self:is_flood() then
      return nil, true
    end
    local next_look <const> = math.max(now < settled_at and settled_at or over_at, from)
    core.wait(math.max(math.min(next_look, last) - now, 0))
  end
end

return catch
