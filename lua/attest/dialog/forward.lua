-- SPDX-License-Identifier: MIT
--- A dialog in passthrough: every byte is data, in both directions.
--
-- Entering and leaving is escape's; what this one refuses are writes that the
-- module would take for an escape.

local error_object <const> = require "attest.error"
local escape <const> = require "attest.dialog.escape"
local goodbye <const> = require "attest.dialog.goodbye"

local forward <const> = { start = goodbye.start }

--- Writes bytes in passthrough.
-- @tparam attest.dialog self
-- @tparam string bytes
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] attest.error "closed"; "invalid" in command mode, and for `+++`
--   alone after a silence, which would be an escape
function forward.write(self, bytes)
  if self.closed then
    return nil, self:closed_error("write")
  elseif not self.is_data or self.escape:would(bytes) then
    return nil, error_object.new {
      code = "invalid", message = self.is_data
        and "these pluses would leave passthrough: send them with what follows"
        or "the link is not in passthrough",
    }
  end
  local ok <const>, message <const>, name <const> = self.port:write(bytes)
  if not ok then
    return nil, error_object.from_core(message, name)
  end
  self.escape:wrote(bytes)
  return true
end

local function hand_on(self, bytes, is_goodbye)
  self:tell("data", bytes)
  if is_goodbye then
    self:tell("flag", "maybe_closed")
  end
  if self.on_data then
    self.on_data(bytes, is_goodbye)
  end
end

--- Takes data that the link forwarded; a goodbye in it is data, too.
function forward.data(self, bytes)
  local text <const> = self.tail .. bytes
  local done = #self.tail
  local last = goodbye.find(text, done)
  while last do
    hand_on(self, text:sub(done + 1, last), true)
    done, last = last, goodbye.find(text, last)
  end
  if done < #text then
    hand_on(self, text:sub(done + 1), false)
  end
  self.tail = goodbye.tail(text)
end

--- Enters passthrough.
-- @tparam[opt] table guard `before` and `after`, in seconds
function forward.enter(self, guard)
  escape.enter(self, guard or self.guard)
end

--- The module takes commands again.
function forward.leave(self)
  self.is_data = false
  self.tail = goodbye.start
  self.port:data(false)
end

return forward
