-- SPDX-License-Identifier: MIT
--
-- Steps of a recording, one after the other, each as long after the host's last
-- bytes as it was recorded. Pauses where it is the host's turn.
--
-- Knows neither ports nor what bytes mean. Each step of the module is a turn of
-- the loop of its own, so that its chunks stay chunks also without pauses.

local core <const> = require "attest.core"

local timeline = {}

local methods <const> = {}
local mt <const> = { __index = methods }

local function begin(self, origin)
  self.began, self.origin = core.now(), origin
end

local function perform(self, step)
  self.timer = nil
  self.at = self.at + 1
  if self.act(step) ~= "wait" then
    self:proceed()
  end
end

--- Goes on: at the start, and after act() returned "wait".
function methods:proceed()
  while not self.is_stopped do
    local step <const> = self.steps[self.at]
    if not step then
      return self.over()
    elseif step.kind ~= ">" then
      local due <const> = self.began + (step.at - self.origin) * self.scale
      self.timer = core.after(math.max(0, due - core.now()), function()
        perform(self, step)
      end)
      return
    elseif self.heard < #step.bytes then
      self.is_listening = true
      return
    end
    self.heard = self.heard - #step.bytes
    self.at = self.at + 1
    begin(self, step.at)
  end
end

--- Counts bytes that the host sent. It may send them before its turn.
-- @tparam integer count
function methods:hear(count)
  self.heard = self.heard + count
  if self.is_listening then
    self.is_listening = false
    self:proceed()
  end
end

--- Returns the host's step that is waited for.
-- @treturn ?table step
function methods:awaited()
  return self.is_listening and self.steps[self.at] or nil
end

--- Stops; nothing happens any more. Stopping twice is quiet.
function methods:stop()
  self.is_stopped = true
  if self.timer then
    self.timer:stop()
    self.timer = nil
  end
end

--- Makes a timeline that stands still until `proceed`.
-- @tparam table facts `steps` (of attest.replay.recording), `origin` (recorded time at which they
--   begin), `scale` (of pauses), `act(step)` for what the host does not do, `over()`
-- @treturn table timeline
function timeline.new(facts)
  local self <const> = setmetatable({
    steps = facts.steps, scale = facts.scale, act = facts.act, over = facts.over,
    at = 1, heard = 0, is_listening = false,
  }, mt)
  begin(self, facts.origin)
  return self
end

return timeline
