-- SPDX-License-Identifier: MIT
--
-- One slot: its port, and the runs that follow each other on it.
--
-- Each run gets a freshly opened port, a freshly loaded script and an owner of
-- its own, and what its script started ends with it, so nothing of one run
-- reaches the next. No verdict is told before the store has the record on disk.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local estate <const> = require "attest.estate"
local script <const> = require "attest.script"
local context <const> = require "attest.runner.context"
local outcome <const> = require "attest.runner.outcome"
local record <const> = require "attest.runner.record"
local run <const> = require "attest.runner.run"

local slot <const> = {}

-- Longest wait for the store, in seconds: a record it did not take by then
-- counts as not stored.
local STORE_TIMEOUT <const> = 30
--- Longest wait for the last bytes of a transcript, in seconds.
local DISK_TIMEOUT <const> = 1

local methods <const> = {}
local mt <const> = { __name = "attest.slot", __index = methods }

-- Errors in callbacks that one run tells: a thousand failed tasks need no
-- thousand lines.
local MOST_TOLD <const> = 20

local owner_methods <const> = {}
local owner_mt <const> = { __name = "attest.owner", __index = owner_methods }

-- Takes an error raised in a callback of one run. When that run is over it is
-- only told, once: a timer of the past may raise for ever.
function owner_methods:fail(err, traceback)
  err = outcome.as_error(err, traceback)
  local active <const>, slot_of <const> = self.run, self.slot
  local is_new <const> = not self.told[err.message] and self.told_count < MOST_TOLD
  local is_late <const> = not active or active.is_over
  if not is_late then
    active:interrupt(err)
  end
  if not is_new or is_late and self.estate:is_end(err) then
    return
  end
  self.told[err.message], self.told_count = true, self.told_count + 1
  if not is_late then
    active:log("error in a callback: " .. err.message, "error")
  else
    local message <const> = active and active.record:mask(err.message) or err.message
    slot_of.job.progress:message(("slot %d: error in a callback: %s")
      :format(slot_of.number, message))
  end
end

-- Lets the run under way hold so much more memory than it does.
local function allow(self, path)
  core.allow(self.owner, self.job.memory, ("slot %d%s"):format(self.number,
    path and " (" .. path .. ")" or ""))
end

-- Who answers for what the next run does: from the opening of its port on.
local function take_owner(self)
  if not self.owner then
    self.owner = setmetatable({
      slot = self, told = {}, told_count = 0, estate = estate.new(),
    }, owner_mt)
    allow(self)
  end
  return self.owner
end

--- Ends the run under way from outside; no further one begins.
-- @tparam table err error object
function methods:abort(err)
  self.is_stopping = true
  if self.run then
    self.run:interrupt(err)
  end
end

--- Opens the port.
-- @tparam[opt] string module which module the plan is for
-- @treturn[1] table dut
-- @treturn[2] nil
-- @treturn[2] table error object
function methods:open(module)
  local before <const> = core.owner()
  core.set_owner(take_owner(self))
  local ok <const>, dut <const>, err <const> = pcall(self.job.open, self.port, {
    module = self.job.module or module, catalogue = self.job.catalogue,
  })
  core.set_owner(before)
  if ok and dut then
    self.dut = dut
    return dut
  end
  return nil, outcome.as_error(not ok and dut or err)
end

--- Closes the port; closing twice is quiet.
function methods:close()
  local dut <const> = self.dut
  self.dut = nil
  if dut then
    dut:close()
  end
end

-- Each run has a transcript of its own. Without it the run goes on, and says so.
local function open_trace(self, active)
  if not self.job.transcript then
    return nil
  end
  local data <const> = active.record.data
  local path <const> = ("%s/%s.trace"):format(self.job.transcript, data.run_id)
  local trace <const>, message <const> = core.trace {
    path = path, slot = tostring(self.number), port = self.port,
  }
  if not trace then
    active:log(("no transcript: %s"):format(message), "error")
    return nil
  end
  for name, value in pairs(active.params) do
    if record.is_secret(name) and type(value) == "string" and value ~= "" then
      trace:mask(value)
    end
  end
  self.dut:trace(trace)
  data.transcript = { path = path, format = "attest/trace/1" }
  return trace
end

-- The disk may refuse what was said last.
local function close_trace(active)
  local trace <const> = active.trace
  local deadline <const> = core.now() + DISK_TIMEOUT
  while trace:status() and trace:behind() > 0 and core.now() < deadline do
    core.sleep(0.01)
  end
  local ok <const>, why <const> = trace:status()
  if not ok then
    active:log(("the transcript is not complete: %s"):format(why), "error")
  end
  trace:close()
end

-- Asks the store from a task of its own, so that a stuck disk has a deadline.
-- It is not the script's: a run that held all that it may has a record too.
local function ask_store(self, verb, data)
  local store <const>, owner <const> = self.job.store, core.owner()
  core.set_owner(nil)
  local task <const> = core.spawn(function()
    return store[verb](store, data)
  end)
  core.set_owner(owner)
  local ok <const>, result <const>, err <const> = task:join(STORE_TIMEOUT)
  if ok and result then
    return true
  elseif task:status() == "waiting" then
    task:cancel(errors.new { code = "cancelled", message = "the store did not answer" })
    return nil, ("no answer within %g s"):format(STORE_TIMEOUT)
  end
  return nil, tostring(ok and err or result)
end

local function store_finished(self, data)
  if not self.is_begun then
    return nil, self.begin_error
  end
  return ask_store(self, "finish", data)
end

-- A verdict without its record is not a PASS.
local function conclude(self, active, data)
  local is_stored <const>, why <const> = store_finished(self, data)
  local shown = data.outcome
  if not is_stored and shown == "PASS" then
    shown = "ERROR"
  end
  self.job:finished(self, data, shown, not is_stored and why or nil)
  active:emit {
    type = "run_finished", outcome = shown, stored = is_stored or false,
    plan = data.plan.name, duration_ms = data.duration_ms, marginal = data.marginal,
    first_failure = data.first_failure, message = not is_stored and why or nil,
  }
  active.is_closed = true
end

-- The port, the script and its parameters of one run, or why it cannot begin.
local function prepare(self, source, write)
  local plan <const>, err <const> = script.load(source, write, self.owner.estate)
  if not plan then
    return nil, err
  end
  local params <const>, problem <const> = plan:parameters(self.job.params)
  if not params then
    return nil, problem
  end
  return plan, context.parameters(params)
end

-- A strict replay knows what its recording holds and the plan left out.
local function tell_missing(dut, active)
  local far <const> = dut.simulated
  local line <const> = far and far.missing and far:missing()
  if line then
    active:log(("the recording goes on: its line %d was not sent"):format(line), "warning")
  end
end

local function perform(self, active)
  local dut, err = self.dut, nil
  if not dut then
    dut, err = self:open(active.plan.module)
  end
  if not dut then
    return active:refuse(err)
  end
  active.dut = dut
  active.trace = open_trace(self, active)
  local data <const> = active:execute()
  tell_missing(dut, active)
  self.owner.estate:close()
  self:close()
  if active.trace then
    close_trace(active)
  end
  return data
end

local function explain(err)
  local message <const> = errors.text(err)
  return errors.new {
    code = "internal", message = message, traceback = debug.traceback(message, 2),
  }
end

-- A bug of ours ends this run as ERROR, with its teardown and its record.
local function perform_safely(self, active)
  local ok <const>, data <const> = xpcall(perform, explain, self, active)
  if ok then
    return data
  end
  self.job:broke(self, data)
  local collapsed <const> = active:collapse(data)
  self.owner.estate:close()
  self:close()
  return collapsed
end

-- One plan on one DUT.
local function run_once(self, source, declared)
  local active, early = nil, {}
  local answerable <const> = take_owner(self)
  core.set_owner(answerable)
  allow(self, source.path)
  local plan, params = prepare(self, source, function(line)
    if active then
      active:log(line)
    else
      early[#early + 1] = line
    end
  end)
  local problem <const> = not plan and params or nil
  if problem then
    plan, params = declared, {}
  end
  local rec <const> = record.new {
    plan = plan, source = source, slot = self.number, port = self.port,
    station = self.job.station, operator = self.job.operator, batch = self.job.batch,
    purpose = self.job.purpose, params = params,
  }
  active = run.new {
    plan = plan, params = params, slot = self.number, port = self.port, record = rec,
    sink = self.job.sink,
    allow = function()
      allow(self, source.path)
    end,
  }
  self.run, answerable.run = active, active
  self.is_begun, self.begin_error = ask_store(self, "begin", rec.data)
  active:emit {
    type = "run_started", plan = plan.name, port = self.port, phases = #plan.phases,
    stored = self.is_begun or false,
  }
  for _, line in ipairs(early) do
    active:log(line)
  end
  conclude(self, active, problem and active:refuse(problem) or perform_safely(self, active))
  answerable.estate:close()
  self.run, self.owner = nil, nil
  core.set_owner(nil)
end

--- Does every run of this slot; call it in a task that the slot owns.
function methods:work()
  local job <const> = self.job
  local round = 0
  repeat
    round = round + 1
    for i, source in ipairs(job.sources) do
      if self.is_stopping then
        return
      end
      run_once(self, source, job.plans[i])
    end
  until not job.is_endless and round >= job.rounds
end

--- Makes a slot.
-- @tparam table job what all slots share
-- @tparam integer number from 1
-- @tparam string port
-- @treturn table slot
function slot.new(job, number, port)
  return setmetatable({ job = job, number = number, port = port }, mt)
end

return slot
