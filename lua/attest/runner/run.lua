-- SPDX-License-Identifier: MIT
--
-- One run: one plan on one DUT, from setup to teardown.
--
-- The run stops at the first phase that did not pass unless the plan says
-- otherwise; the rest is SKIPPED. Teardown always runs, as ordinary code with
-- a deadline of its own, and no abort reaches into it. Knows no store.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local attempt <const> = require "attest.runner.attempt"
local outcome <const> = require "attest.runner.outcome"

local run <const> = {}

local methods <const> = {}
local mt <const> = { __index = methods }

--- Sends an event of this run.
-- @tparam table event
function methods:emit(event)
  event.run_id, event.slot = self.record.data.run_id, self.slot
  self.record:mask_fields(event, { "text", "value", "message", "expected" })
  self.sink(event)
end

--- Notes a line in the run's log and shows it.
-- @tparam string line
-- @tparam[opt="info"] string level
function methods:log(line, level)
  if self.is_closed then
    return -- a callback that outlived its run
  end
  level = level or "info"
  local shown <const>, its_level <const> = self.record:log(level, line)
  if shown then
    self:emit { type = "log", level = its_level, text = shown }
  end
end

--- Ends the run from outside: an abort, a guard, an error in a callback. The
-- first one counts. A teardown under way goes on.
-- @tparam table err error object
function methods:interrupt(err)
  if self.is_in_teardown then
    self.late = self.late or (err.code ~= "aborted" and err or nil)
    return
  end
  if not self.interrupted then
    self.interrupted = err
    if self.task then
      self.task:cancel(err)
    end
  end
end

--- Tells what really ended an attempt.
-- @tparam[opt] table err what its function raised
-- @treturn[opt] table error object
function methods:ended_by(err)
  if self.is_in_teardown then
    return err or self.late
  elseif self.interrupted then
    return self.interrupted
  elseif err and err.code == "reset" and err ~= self.excused then
    return self:guard_error("RDY") or err
  end
  return err
end

--- Switches the guards off until the result is closed.
-- @treturn table closable
function methods:excuse()
  self.exempt = self.exempt + 1
  return setmetatable({}, {
    __close = function(_, err)
      self.exempt = self.exempt - 1
      self.excused = err
    end,
  })
end

--- Makes the error of a guard, and tells that it was hit.
-- @tparam string urc
-- @treturn[opt] table error object; nil when no active guard names that URC
function methods:guard_error(urc)
  for _, guard in ipairs(self.guards) do
    if guard.urc == urc and self.exempt == 0 then
      self:emit { type = "guard_hit", urc = urc, code = guard.code }
      self.record:log("error", "guard: unexpected " .. urc, guard.code)
      return errors.new {
        code = "guard", guard = guard.code,
        message = ("unexpected %s (%s)"):format(urc, guard.code),
      }
    end
  end
end

local function listen(self, guard)
  return self.dut:on(guard.urc, function()
    local err <const> = not self.interrupted and self:guard_error(guard.urc)
    if err then
      self:interrupt(err)
    end
  end)
end

-- From the end of the setup to the teardown. A guard that the module cannot
-- have is the script's error.
local function watch_guards(self)
  local handles <const> = {}
  self.guards = self.plan.guards
  for _, guard in ipairs(self.guards) do
    local ok <const>, handle <const> = pcall(listen, self, guard)
    if not ok then
      self:interrupt(outcome.as_error(handle))
      break
    end
    handles[#handles + 1] = handle
  end
  return setmetatable(handles, {
    __close = function()
      self.guards = {}
      for _, handle in ipairs(handles) do
        handle:off()
      end
    end,
  })
end

-- Whatever the phases hold, the teardown has memory to work with.
local function run_teardown(self)
  self.is_in_teardown = true
  if self.plan.teardown_step then
    self.allow()
    self.record:extend_log()
    attempt.run(self, self.plan.teardown_step, 1)
  end
end

-- Sleeps so that an interruption ends it.
local function pause(self, seconds)
  self.task = core.spawn(core.sleep, seconds)
  self.task:join()
  self.task = nil
end

local function run_attempts(self, phase)
  local last <const> = phase.retry.limit + 1
  for number = 1, last do
    local result <const>, err <const> = attempt.run(self, phase, number)
    if number == last or self.interrupted or not outcome.is_retryable(result, err) then
      return result, err
    end
    if phase.retry.delay > 0 then
      pause(self, phase.retry.delay)
    end
    if self.interrupted then
      return outcome.of_error(self.interrupted), self.interrupted
    end
  end
end

local function skip(self, phase)
  self.record:skip(phase)
  self:emit {
    type = "phase_finished", phase = phase.name, group = phase.group, attempt = 1,
    outcome = "SKIPPED", duration_ms = 0,
  }
end

local function run_phases(self, is_stopped)
  for _, phase in ipairs(self.plan.phases) do
    if is_stopped or self.interrupted then
      skip(self, phase)
    else
      local result <const>, err <const> = run_attempts(self, phase)
      is_stopped = result ~= "PASS"
        and (self.plan:stops_after(phase) or err ~= nil and err.code == "closed")
    end
  end
end

local function run_setup(self)
  local setup <const> = self.plan.setup_step
  if not setup then
    return true
  elseif self.interrupted then
    skip(self, setup)
    return false
  end
  return attempt.run(self, setup, 1) == "PASS"
end

--- Runs the plan.
-- @treturn table the record's data, finished
function methods:execute()
  local is_ready <const> = run_setup(self)
  do
    local guards <close> = is_ready and watch_guards(self) or nil -- luacheck: ignore 211/guards
    run_phases(self, not is_ready)
  end
  run_teardown(self)
  self.is_over = true
  return self.record:finish(self.interrupted or self.late)
end

--- Ends a run that a bug broke off: its teardown runs, its record is closed.
-- @tparam table err error object
-- @treturn table the record's data, finished
function methods:collapse(err)
  self.guards = {}
  self.interrupted = self.interrupted or err
  self.record:close_open(err)
  if not self.is_in_teardown then
    pcall(run_teardown, self)
    self.record:close_open(err)
  end
  self.is_over = true
  return self.record:finish(err)
end

--- Ends a run that cannot begin: nothing of it runs, not even the teardown.
-- @tparam table err error object
-- @treturn table the record's data, finished
function methods:refuse(err)
  self.interrupted = err
  if self.plan.setup_step then
    skip(self, self.plan.setup_step)
  end
  run_phases(self, true)
  self.is_over = true
  return self.record:finish(err)
end

--- Makes a run.
-- @tparam table facts `plan`, `dut`, `params`, `slot`, `port`, `record`, `trace`, `sink`,
-- `allow()`: lets it hold more memory
-- @treturn table run
function run.new(facts)
  return setmetatable({
    plan = facts.plan, dut = facts.dut, params = facts.params, slot = facts.slot,
    port = facts.port, record = facts.record, trace = facts.trace, sink = facts.sink,
    allow = facts.allow, guards = {}, exempt = 0,
  }, mt)
end

return run
