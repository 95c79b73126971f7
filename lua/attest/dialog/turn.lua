-- SPDX-License-Identifier: MIT
--- One command at a time: who holds the dialog, and who waits for it.
--
-- However a holder ends (a timeout, a cancelled task), the next one gets a
-- clean line, and what was left unanswered is owed.

local catches <const> = require "attest.dialog.catch"
local core <const> = require "attest.core"
local hearing <const> = require "attest.dialog.hearing"
local owed <const> = require "attest.dialog.owed"
local secret <const> = require "attest.dialog.secret"

local turn <const> = {}

local lock_mt <const> = {}

--- Timers of a command.
local TIMERS <const> = { "linger", "grace", "doubt", "again" }

--- Stops what a command has started and may outlive it.
-- @tparam table command
function turn.stop_timers(command)
  for _, name in ipairs(TIMERS) do
    if command[name] then
      command[name]:stop()
    end
  end
end

--- Ends the hold of the dialog, however its holder ended: a command that was
-- left unanswered (a timeout, a cancelled task) still owes its answer.
function lock_mt.__close(lock)
  local d <const> = lock.dialog
  local command <const>, catch <const> = d.pending, d.catch
  if command then
    d.pending = nil
    turn.stop_timers(command)
    owed.owe(d, command)
    if command.is_secret then
      secret.finish(d, command)
    end
  end
  if catch then
    catches.give(d, catch:all())
  end
  if not d.closed then
    d.port:forget_echo()
    d.port:expect_prompt(false)
    d.port:quoted_crlf(false)
  end
  -- nothing but an answer is to be expected: the short way is open
  d.is_plain = d.echo == "on"
    and not (d.is_data or d.owed or d.wakeup or d.closed or d.observers[1])
  turn.pass(d)
end

--- Gives the turn to the next one who waits.
-- @tparam attest.dialog d
function turn.pass(d)
  local task <const> = table.remove(d.queue, 1)
  d.busy = task ~= nil
  if task then
    d.granted = task
    core.wake(task)
  else
    hearing.rest(d)
  end
end

--- Wakes all who wait for their turn: none will come any more.
-- @tparam attest.dialog d that is closed
function turn.wake(d)
  for _, task in ipairs(d.queue) do
    core.wake(task)
  end
end

--- Waits for the dialog's turn. Returns false when it did not come in time, or
-- the dialog was closed.
function turn.take(self, timeout)
  if self.busy then
    local me <const> = core.current()
    self.queue[#self.queue + 1] = me
    local granted <close> = setmetatable({}, { __close = function(g)
      if g.done then return end
      for i, task in ipairs(self.queue) do
        if task == me then table.remove(self.queue, i) return end
      end
      self.granted = nil
      lock_mt.__close(self.lock) -- granted and cancelled at once: pass it on
    end })
    local deadline <const> = core.now() + timeout
    while self.granted ~= me do
      if self.closed or core.now() >= deadline then
        return false
      end
      core.wait(deadline - core.now())
    end
    self.granted = nil
    granted.done = true
  end
  self.busy = true
  return true
end

--- Makes the lock of a dialog: `local lock <close> = d.lock` after `take`.
-- @tparam attest.dialog d
-- @treturn table
function turn.lock(d)
  return setmetatable({ dialog = d }, lock_mt)
end

return turn
