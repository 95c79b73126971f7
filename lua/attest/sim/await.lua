-- SPDX-License-Identifier: MIT
--
-- Waits in a task for something that reports by a callback. Whatever ends the
-- wait (the callback, the deadline, a cancelled task), the work is aborted
-- exactly when its result is not taken, and a late callback is ignored.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"

local function finish(work)
  if work.is_live then
    work.is_live = false
    if work.abort then
      work.abort()
    end
  end
end

local guard_mt <const> = { __close = finish }

--- Starts work and waits for its end; waits at most `timeout` seconds.
-- @tparam function start called with `done`; may return a function that
--   aborts the work. `done(...)` may be called at once, later or never.
-- @tparam number timeout seconds
-- @return what `done` was called with
-- @treturn[2] nil
-- @treturn[2] error `timeout`
local function await(start, timeout)
  local task <const> = core.current()
  local work <close> = setmetatable({ is_live = true }, guard_mt)
  local is_waiting, results = false, nil

  local function done(...)
    if not work.is_live then
      return
    end
    work.is_live = false
    results = table.pack(...)
    if is_waiting then
      core.wake(task)
    end
  end

  work.abort = start(done)
  is_waiting = true
  if not results then
    core.wait(timeout)
  end
  if not results then
    return nil, errors.new { code = "timeout", message = "no answer in time" }
  end
  return table.unpack(results, 1, results.n)
end

return await
