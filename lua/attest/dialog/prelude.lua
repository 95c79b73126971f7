-- SPDX-License-Identifier: MIT
--- What must happen on the line before a command may be written: silence, a
-- wake-up, or the settling of an answer that never came.
--
-- Works on a dialog that the caller holds. Waits.

local core <const> = require "attest.core"
local error_object <const> = require "attest.error"
local owed <const> = require "attest.dialog.owed"
local steps <const> = require "attest.dialog.steps"

local prelude <const> = {}

--- How long the line must be silent before a probe is trusted, in seconds.
local QUIET <const> = 0.3
--- How long a module may take to answer a probe behind an older command, in seconds.
local SLOWEST <const> = 2
local PROBES <const> = 10
--- How many times a silence's length it is waited for.
local PATIENCE <const> = 10

--- Silence before a write that a leftover final could otherwise answer; on a
-- port that is never silent it is given up.
local function keep_quiet(d, seconds)
  local deadline <const> = core.now() + PATIENCE * seconds
  local left = seconds
  while left > 0 and core.now() < deadline and not d.closed do
    left = d.port:stamp() + seconds - core.now()
    if left > 0 then
      core.sleep(left)
    end
  end
end

--- An AT whose answer counts without an echo.
-- @tparam number timeout seconds
-- @treturn table command
function prelude.probe(timeout)
  return { text = "AT", lines = {}, timeout = timeout, steps = steps.plain, at = 1, probe = true }
end

--- Sends AT until something answers: a sleeping module loses the first bytes.
local function wake_up(d)
  local tries = 0
  while tries < PROBES and not d.closed do
    tries = tries + 1
    local command <const> = prelude.probe(QUIET)
    d.pending, command.task = command, core.current()
    local deadline <const> = core.now() + QUIET
    if not d:send(command) then
      return
    end
    while not command.finished and core.now() < deadline do
      core.wait(deadline - core.now())
    end
    if command.finished then
      return
    end
    d.pending = nil
  end
end

--- After an answer that never came nothing tells old from new without an echo:
-- one AT with silence before and after does. AT is not refused: an error is the
-- older command's, and the answer to AT is still to come. Notes a module that
-- is deaf.
local function settle(d)
  d.owed = nil
  local deadline <const> = core.now() + owed.PATIENCE
  local silence = QUIET
  while core.now() < deadline do
    keep_quiet(d, silence)
    local received <const> = d.port:received()
    local fine <const>, err <const> = d:converse(prelude.probe(owed.PATIENCE))
    silence = error_object.is(err, "rejected") and SLOWEST or QUIET
    if fine then
      local answered <const> = d.port:stamp()
      core.sleep(QUIET)
      if d.closed or d.port:stamp() == answered then
        return
      end
    elseif d.closed or d.port:received() == received then
      d.deaf_at = received
      return -- the command itself will say so
    end
  end
end

--- Whether the module is known to hear nothing: it will not answer late.
local function is_deaf(d)
  return d.port:received() == d.deaf_at
end

--- Makes the line ready for the next command.
-- @tparam attest.dialog d
-- @tparam table command that is to be sent
function prelude.prepare(d, command)
  local is_doubtful = owed.expire(d)
  local is_alive <const> = d.port:received() > 0 and not is_deaf(d)
  -- a late final of those that are not too old yet would pass for the probe's
  local must_probe <const> = d.echo == "off" and is_doubtful
  local must_collect <const> = d.owed and is_alive
    and (must_probe or owed.comes_first(d, command))
  if must_collect then
    is_doubtful = not owed.collect(d) or is_doubtful
  end
  if d.echo == "off" and is_doubtful and not is_deaf(d) and not d.closed then
    settle(d)
  end
  if d.closed then
    return
  end
  if d.wakeup and core.now() - d.port:stamp() >= d.wakeup then
    wake_up(d)
  end
  if (must_collect or d.echo == "off") and not d.closed then
    keep_quiet(d, d.profile.quiet or 0.02)
  end
end

return prelude
