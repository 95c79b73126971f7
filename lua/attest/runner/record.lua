-- SPDX-License-Identifier: MIT
--
-- The record of one run, schema "attest/record/1", as it grows.
--
-- phases[] holds one entry per attempt: a retry never erases one. What counts
-- for the verdict is the last attempt of each phase. A record that is finished
-- has exactly one first_failure unless its outcome is PASS.

local core <const> = require "attest.core"
local limits <const> = require "attest.limits"
local outcome <const> = require "attest.runner.outcome"
local text <const> = require "attest.text"
local uuid <const> = require "attest.uuid"

local record <const> = {}

-- Words that, in a parameter's name, make its value secret.
local SECRET_WORDS <const> = {
  pass = true, passwd = true, password = true, passphrase = true, pwd = true, psk = true,
  secret = true, token = true, key = true,
}

-- The time of day as RFC 3339 with milliseconds and the local UTC offset.
local function timestamp()
  local wall <const> = core.wall()
  local seconds <const> = math.floor(wall)
  local offset <const> = os.date("%z", seconds)
  return ("%s.%03d%s:%s"):format(os.date("%Y-%m-%dT%H:%M:%S", seconds),
    math.floor((wall - seconds) * 1000), offset:sub(1, 3), offset:sub(4, 5))
end

-- Monotonic milliseconds since the run began.
local function elapsed_ms(rec)
  return math.floor((core.now() - rec.began) * 1000 + 0.5)
end

-- What a log holds at most: a script that prints on and on must not fill the
-- disk, nor keep the store from its record.
local MOST_LINES <const> = 5000
local LONGEST_LINE <const> = 4096

-- Bytes that a script puts into a record at most, beside the log: it is encoded
-- in one turn of the loop that all slots share.
local MOST_BYTES <const> = 16 << 20

local methods <const> = {}

local function mask_list(rec, list)
  local masked <const> = {}
  for i, value in ipairs(list) do
    masked[i] = rec:mask(value)
  end
  return masked
end
local mt <const> = { __index = methods }

--- Notes a line in the run's log, which holds so many and no longer ones.
-- @tparam string level info, warning or error
-- @tparam string line
-- @tparam[opt] string code
-- @treturn[1] string the line as it may be shown
-- @treturn[2] nil the log is full
function methods:log(level, line, code)
  local log <const> = self.data.log
  if #log >= self.most_lines then
    return nil
  elseif #log == self.most_lines - 1 then
    level, line, code = "warning", "the log is full: what follows is not kept", nil
  end
  line = self:mask(line)
  line = text.shorten(line, LONGEST_LINE)
  log[#log + 1] = {
    t_ms = elapsed_ms(self), level = level, code = code, text = text.printable(line),
  }
  return line, level
end

--- Makes room in a log that is full, for the teardown.
function methods:extend_log()
  self.most_lines = math.max(self.most_lines, #self.data.log + MOST_LINES // 10)
end

--- Milliseconds since the run began, by the monotonic clock.
-- @treturn integer
function methods:elapsed_ms()
  return elapsed_ms(self)
end

--- Adds the entry of an attempt that begins now.
-- @tparam table phase of the plan
-- @tparam integer attempt from 1
-- @treturn table entry
function methods:open_attempt(phase, attempt)
  local entry <const> = {
    id = #self.data.phases + 1, name = phase.name, group = phase.group, attempt = attempt,
    start = timestamp(), t_ms = elapsed_ms(self), marginal = false,
    measurements = {}, attachments = {},
  }
  self.data.phases[entry.id] = entry
  return entry
end

-- What a number and a table take of the time that so many bytes of text would.
local OF_NUMBER <const>, OF_TABLE <const> = 64, 1024

local function size_of(value)
  if type(value) == "string" then
    return #value
  elseif type(value) ~= "table" then
    return OF_NUMBER
  end
  local size = OF_TABLE
  for _, each in pairs(value) do
    size = size + size_of(each)
  end
  return size
end

--- Makes room for what a script adds, such as a measurement.
-- @param added text, number or table of these
-- @treturn[1] true
-- @treturn[2] nil
-- @treturn[2] string why there is none
function methods:admit(added)
  self.size = self.size + size_of(added)
  if self.size > MOST_BYTES then
    return nil, ("the record is full: a run may put %d bytes into it"):format(MOST_BYTES)
  end
  return true
end

--- Ends an attempt.
-- @tparam table entry
-- @tparam string result outcome
-- @tparam[opt] table err error object
function methods:close_attempt(entry, result, err)
  entry.outcome = result
  entry.duration_ms = elapsed_ms(self) - entry.t_ms
  if err then
    entry.error = {
      code = err.guard or err.code, message = text.printable(self:mask(err.message)),
      command = self:mask(err.command), number = err.number, measurement = err.measurement,
      traceback = self:mask(err.traceback),
    }
  end
end

--- Ends every attempt that nothing else ended.
-- @tparam table err error object
function methods:close_open(err)
  for _, entry in ipairs(self.data.phases) do
    if not entry.outcome then
      self:close_attempt(entry, "ERROR", err)
    end
  end
end

--- Adds a phase that did not run.
-- @tparam table phase of the plan
function methods:skip(phase)
  local entry <const> = self:open_attempt(phase, 1)
  self:close_attempt(entry, "SKIPPED")
end

--- Hides the values of secret parameters.
-- @param value text; anything else comes back as it is
-- @return the value
function methods:mask(value)
  if type(value) == "table" then
    return mask_list(self, value)
  elseif type(value) ~= "string" then
    return value
  end
  for _, secret in ipairs(self.secrets) do
    local from, to = value:find(secret, 1, true)
    while from do
      value = value:sub(1, from - 1) .. "***" .. value:sub(to + 1)
      from, to = value:find(secret, from + 3, true)
    end
  end
  return value
end

--- Hides them in the named fields of a table.
-- @tparam table from
-- @tparam {string,...} names of fields
-- @treturn table from
function methods:mask_fields(from, names)
  for _, name in ipairs(self.secrets[1] and names or {}) do
    from[name] = self:mask(from[name])
  end
  return from
end

-- What first went wrong in an attempt: a measurement comes before the error
-- that ended it, unless the error is all there is.
local function failure_of(entry)
  for _, measurement in ipairs(entry.measurements) do
    if measurement.outcome == "FAIL" then
      return { measurement = measurement.name, code = "limit", message = measurement.message }
    end
  end
  if entry.error then
    return { measurement = entry.error.measurement, code = entry.error.code,
      message = entry.error.message }
  end
  for _, measurement in ipairs(entry.measurements) do
    if measurement.outcome == "UNSET" then
      return { measurement = measurement.name, code = "unset", message = measurement.message }
    end
  end
end

-- The last attempt of each phase, in order.
local function last_attempts(phases)
  local last <const> = {}
  for i, entry in ipairs(phases) do
    local following <const> = phases[i + 1]
    local is_retried <const> = following and following.attempt > 1
    if not is_retried then
      last[#last + 1] = entry
    end
  end
  return last
end

local function has_evidence(attempts)
  for _, entry in ipairs(attempts) do
    for _, measurement in ipairs(entry.measurements) do
      if measurement.outcome ~= "UNSET" then
        return true
      end
    end
  end
  return false
end

-- Where the run stood when it was ended from outside: before the first phase
-- that was not begun.
local function failure_between(rec, interrupt)
  local name
  for _, entry in ipairs(rec.data.phases) do
    if entry.outcome == "SKIPPED" then
      name = entry.name
      break
    end
  end
  return {
    phase = name, attempt = 1, code = interrupt.guard or interrupt.code,
    message = rec:mask(interrupt.message),
  }
end

--- Rolls up and closes the record.
-- @tparam[opt] table interrupt error object that ended the run from outside
-- @treturn table the record's data, ready for the store
function methods:finish(interrupt)
  local data <const> = self.data
  local counted <const> = last_attempts(data.phases)
  local rolled = "SKIPPED"
  for _, entry in ipairs(counted) do
    rolled = outcome.worse(rolled, entry.outcome)
    data.marginal = data.marginal or entry.marginal
    if entry.outcome ~= "PASS" and entry.outcome ~= "SKIPPED" then
      local failure <const> = failure_of(entry)
      failure.phase, failure.attempt = entry.name, entry.attempt
      data.first_failure = data.first_failure or failure
      data.outcome_details[#data.outcome_details + 1] = {
        code = failure.code, message = ("%s: %s"):format(entry.name, failure.message),
      }
    end
  end

  if interrupt then
    rolled = outcome.worse(rolled, outcome.of_error(interrupt))
    data.first_failure = data.first_failure or failure_between(self, interrupt)
  elseif rolled == "SKIPPED" or rolled == "PASS" and not has_evidence(counted) then
    rolled = "ERROR"
    data.first_failure = { code = "no_evidence", message = "the plan measured nothing" }
  end
  if #data.outcome_details == 0 and data.first_failure then
    data.outcome_details[1] = {
      code = data.first_failure.code, message = data.first_failure.message,
    }
  end
  data.outcome = rolled
  data["end"] = timestamp()
  data.duration_ms = elapsed_ms(self)
  return data
end

--- Tells whether a parameter's value must not be shown, by its name.
-- @tparam string name
-- @treturn boolean
function record.is_secret(name)
  for word in name:gsub("(%l)(%u)", "%1_%2"):gmatch("%a+") do
    if SECRET_WORDS[word:lower()] then
      return true
    end
  end
  return false
end

-- The forms in which a secret may be shown: as it is, and escaped by those who
-- make it fit for a terminal.
local function find_secrets(params)
  local found <const> = {}
  for name, value in pairs(params) do
    if record.is_secret(name) and type(value) == "string" and value ~= "" then
      found[#found + 1] = value
      found[#found + 1] = text.printable(value)
      found[#found + 1] = limits.show(value):match('^"(.*)"')
    end
  end
  table.sort(found, function(a, b)
    return #a > #b -- a secret may be part of another
  end)
  return found
end

local function without_secrets(params)
  local shown <const> = {}
  for name, value in pairs(params) do
    shown[name] = record.is_secret(name) and "***" or value
  end
  return shown
end

--- Begins a record.
-- @tparam table facts `plan`, `source`, `slot`, `port`, `station`, `operator`,
-- `batch`, `purpose`, `params`
-- @treturn table record; its `data` is what is stored
function record.new(facts)
  local data <const> = {
    schema = "attest/record/1",
    run_id = uuid.new(),
    outcome_details = {},
    marginal = false,
    dut = {},
    station = {
      id = facts.station.id, host = facts.station.host, slot = facts.slot,
      port = { path = facts.port },
    },
    operator = facts.operator,
    batch = facts.batch,
    purpose = facts.purpose or "production",
    plan = {
      name = facts.plan.name, version = facts.plan.version, sha256 = facts.source.sha256,
      path = facts.source.path, module = facts.plan.module,
    },
    tool = { name = "attest", version = core.version },
    params = without_secrets(facts.params),
    start = timestamp(),
    phases = {},
    log = {},
  }
  return setmetatable({
    data = data, began = core.now(), most_lines = MOST_LINES, size = 0,
    secrets = find_secrets(facts.params),
  }, mt)
end

return record
