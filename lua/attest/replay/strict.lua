-- SPDX-License-Identifier: MIT
--
-- Strict replay: the host must send what was recorded, byte for byte and in
-- order, however it cuts it; masked bytes are any. It may send ahead of its
-- turn: that is judged at once and answered in its time.

local errors <const> = require "attest.error"
local masks <const> = require "attest.replay.masks"
local recording <const> = require "attest.replay.recording"
local timeline <const> = require "attest.replay.timeline"

local strict = {}

-- Bytes of an error message.
local SHOWN <const> = 60

local methods <const> = {}
local mt <const> = { __index = methods }

local function next_of_host(events, at)
  repeat
    at = at + 1
  until not events[at] or events[at].kind == ">"
  return at
end

local function show(bytes)
  return recording.show(bytes:sub(1, SHOWN)) .. (#bytes > SHOWN and "..." or "")
end

-- What came may hold the secret that a mask hides.
local function show_got(event, bytes)
  return event.masks and ("%d byte(s) that may be secret"):format(#bytes)
    or ('"%s"'):format(show(bytes))
end

local function fail(self, format, ...)
  self.stage:fail(errors.new {
    code = "closed", message = ("%s:" .. format):format(self.recording.path, ...),
  })
end

-- The first bytes against what is left of a recorded chunk; returns how many
-- were as recorded, or nil.
local function compare(self, event, bytes)
  local piece <const> = masks.cover(bytes:sub(1, #event.bytes - self.offset), self.offset,
    event.masks)
  local wanted <const> = event.bytes:sub(self.offset + 1, self.offset + #piece)
  if piece == wanted then
    return #piece
  end
  local same = 0
  while piece:byte(same + 1) == wanted:byte(same + 1) do
    same = same + 1
  end
  fail(self, '%d: byte %d: expected "%s", got %s', event.line, self.offset + same + 1,
    show(event.bytes:sub(self.offset + same + 1)), show_got(event, bytes:sub(same + 1)))
end

--- Takes bytes of the host.
-- @tparam string bytes
function methods:hear(bytes)
  while bytes ~= "" do
    local event <const> = self.recording.events[self.event]
    if not event and self.stage.loops then
      self.ahead = self.ahead .. bytes
      return
    elseif not event then
      return fail(self, ' the recording is over, got "%s"', show(bytes))
    end
    local count <const> = compare(self, event, bytes)
    if not count then
      return
    end
    bytes = bytes:sub(count + 1)
    self.offset = self.offset + count
    if self.offset == #event.bytes then
      self.event, self.offset = next_of_host(self.recording.events, self.event), 0
    end
    self.timeline:hear(count)
  end
end

--- Tells in which line stands what the host did not send yet.
-- @treturn ?integer nil when it has sent all
function methods:missing()
  local event <const> = self.recording.events[self.event]
  return event and event.line
end

function methods:proceed()
  self.timeline:proceed()
end

function methods:stop()
  self.timeline:stop()
end

--- Makes a strict replay.
-- @tparam table source recording
-- @tparam table stage of attest.replay
-- @treturn table; proceed() starts it
function strict.new(source, stage)
  local self <const> = setmetatable({
    recording = source, stage = stage, event = next_of_host(source.events, 0), offset = 0,
    ahead = "", -- for the next round: the host does not know that this one is over
  }, mt)
  self.timeline = timeline.new {
    steps = source.events, origin = source.events[1].at, scale = stage.scale,
    act = function(step)
      return stage:act(step)
    end,
    over = function()
      stage:over()
    end,
  }
  return self
end

return strict
