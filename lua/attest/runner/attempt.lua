-- SPDX-License-Identifier: MIT
--
-- One attempt of one phase: a task of its own, its deadline, its measurements.
--
-- The phase's function runs in a task that the slot joins, so a timeout or an
-- abort interrupts whatever it waits for, and the slot itself is never
-- cancelled. What the function did with that error does not matter: an attempt
-- that was interrupted has the outcome of its interruption.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local measure <const> = require "attest.measure"
local context <const> = require "attest.runner.context"
local outcome <const> = require "attest.runner.outcome"

local attempt <const> = {}

-- How long an interrupted phase may take to leave, in seconds.
local GRACE <const> = 5
-- What of a measurement may hold a secret.
local SHOWN <const> = { "value", "message", "expected" }

local methods <const> = {}
local mt <const> = { __index = methods }

-- The transcript's bytes since the measurement before, or the same as its when
-- nothing was said in between.
local function take_evidence(self)
  local trace <const> = self.run.trace
  if not trace then
    return nil
  end
  local now <const> = trace:offset()
  if now > self.mark then
    self.evidence = { offset = self.mark, length = now - self.mark }
    self.mark = now
  end
  return self.evidence
end

--- Takes a measurement in; the plan's own limit for that name judges it first.
-- @tparam string name
-- @tparam table measurement
function methods:add(name, measurement)
  self.by_name[name] = measurement
  self.measurements[#self.measurements + 1] = {
    measurement = measurement, set_ms = self.run.record:elapsed_ms(),
    evidence = take_evidence(self),
  }
  local limit <const> = self.run.plan.limits[name]
  if limit then
    measurement:within(limit)
  end
end

-- Runs the phase's function to its end, or to its deadline.
local function supervise(self, t)
  local phase <const> = self.phase
  local task <const> = core.spawn(phase.run, t)
  self.run.task = task
  task:join(phase.timeout)
  local status = task:status()
  local ok, err, traceback
  if status == "done" or status == "failed" then
    ok, err, traceback = task:join() -- at once; it may have ended after the join did
  else
    err = errors.new {
      code = "timeout",
      message = ("phase %q timed out after %g s"):format(phase.name, phase.timeout),
    }
    task:cancel(err)
    task:join(GRACE)
    status = task:status()
  end
  self.run.task = nil
  if status ~= "done" and status ~= "failed" then
    self.run:log(("phase %q did not stop within %g s"):format(phase.name, GRACE), "error")
  end
  if not ok then
    return outcome.as_error(err, traceback)
  end
end

-- What was required and never measured is told as such, not left out.
local function add_missing(self)
  for _, name in ipairs(self.phase.measures) do
    if not self.by_name[name] then
      self:add(name, measure.new(name))
    end
  end
end

-- Only now: until the phase ends, a comparator may still be added.
local function tell_measurements(self)
  for i, each in ipairs(self.measurements) do
    local entry <const> = measure.describe(each.measurement)
    entry.set_ms, entry.evidence = each.set_ms, each.evidence
    local ok <const>, why <const> = self.run.record:admit(entry)
    if not ok then
      error(("measurement %q: %s"):format(entry.name, why), 0)
    end
    self.entry.measurements[i] = self.run.record:mask_fields(entry, SHOWN)
    self.run:emit {
      type = "measurement", phase = self.phase.name, attempt = self.number, name = entry.name,
      value = entry.value, unit = entry.unit, lower = entry.lower, upper = entry.upper,
      comparator = entry.comparator, outcome = entry.outcome, message = entry.message,
    }
  end
end

-- FAIL by a limit; and what is to be said when a measurement has no value.
local function judge_measurements(self)
  local result, unset = "PASS", nil
  for _, entry in ipairs(self.entry.measurements) do
    if entry.outcome == "FAIL" then
      result = "FAIL"
    elseif entry.outcome == "UNSET" then
      unset = unset or {
        code = "unset", message = entry.message, measurement = entry.name,
      }
    end
    self.entry.marginal = self.entry.marginal or entry.marginal
  end
  return result, unset
end

local function message_of(self, err)
  for _, entry in ipairs(self.entry.measurements) do
    if entry.outcome == "FAIL" then
      return entry.message
    end
  end
  return err and err.message
end

--- Runs one attempt.
-- @tparam table run
-- @tparam table phase of the plan
-- @tparam integer number from 1
-- @treturn string outcome
-- @treturn[opt] table error object that ended it
function attempt.run(run, phase, number)
  local self <const> = setmetatable({
    run = run, phase = phase, number = number, measurements = {}, by_name = {},
    entry = run.record:open_attempt(phase, number),
    mark = run.trace and run.trace:offset(),
  }, mt)
  run:emit { type = "phase_started", phase = phase.name, group = phase.group, attempt = number }

  local err = run:ended_by(supervise(self, context.new(self)))
  add_missing(self)
  self.is_over = true
  local is_told <const>, problem <const> = pcall(tell_measurements, self)
  if not is_told then -- there is no room, or no memory, for it
    err = err or outcome.as_error(problem)
  end

  local result, unset = judge_measurements(self)
  err = err or unset
  if err then
    result = outcome.worse(result, outcome.of_error(err))
  end
  run.record:close_attempt(self.entry, result, err)
  run:emit {
    type = "phase_finished", phase = phase.name, group = phase.group, attempt = number,
    outcome = result, marginal = self.entry.marginal, duration_ms = self.entry.duration_ms,
    code = err and (err.guard or err.code), message = message_of(self, err),
  }
  return result, err
end

return attempt
