-- SPDX-License-Identifier: MIT
--
-- What a phase gets: `t`, one per attempt.
--
-- t.dut, t.params, t.slot, t.port, t.phase and t.attempt are values; the rest
-- are methods. Reading or writing anything else raises, and so does a method
-- once the attempt is over: a forgotten callback cannot change a verdict.

local core <const> = require "attest.core"
local limits <const> = require "attest.limits"
local measure <const> = require "attest.measure"
local sha256 <const> = core.sha256

local context <const> = {}

-- The attempt behind a t, which a script can look into.
local attempts <const> = setmetatable({}, { __mode = "k" })
-- Names of identities, and what the record calls them.
local IDENTITIES <const> = {
  serial = "serial", part_number = "part_number", revision = "revision", imei = "imei",
  iccid = "iccid", mac = "mac", firmware = "fw",
}

local methods <const> = {}
local mt <const> = { __name = "attest.t" }

function mt.__index(_, key)
  local method <const> = methods[key]
  if method == nil then
    error(("t has no field %q"):format(tostring(key)), 2)
  end
  return method
end

function mt.__newindex(_, key)
  error(("t.%s cannot be set; use a local of the script"):format(tostring(key)), 2)
end

local function attempt_of(t)
  local attempt <const> = attempts[t]
  if not attempt then
    error("not called as t:method()", 3)
  elseif attempt.is_over then
    error(("phase %q is over"):format(attempt.phase.name), 3)
  end
  return attempt
end

local function admit(attempt, added)
  local ok <const>, why <const> = attempt.run.record:admit(added)
  if not ok then
    error(why, 3)
  end
end

-- A measurement whose name is an identity tells who the module is, unless
-- t:identify said so.
local function learn_identity(run, name, value)
  local dut <const>, key <const> = run.record.data.dut, IDENTITIES[name]
  if key and type(value) == "string" and dut[key] == nil then
    dut[key] = value
  end
end

--- Records a measurement; judge it with its comparators.
-- @tparam string name once per attempt
-- @param value number, string, boolean; nil leaves it UNSET
-- @tparam[opt] string unit
-- @treturn table measurement, see attest.measure
-- @usage t:measure("rssi", t.dut:csq().rssi_dbm, "dBm"):at_least(-95)
function methods:measure(name, value, unit)
  local attempt <const> = attempt_of(self)
  local measurement <const> = measure.new(name, value, unit)
  if attempt.by_name[name] then
    error(("measurement %q was already made in this attempt"):format(name), 2)
  end
  attempt:add(name, measurement)
  learn_identity(attempt.run, name, value)
  return measurement
end

--- Names the module under test in the record.
-- @tparam table identities `serial`, `part_number`, `revision`, `imei`, `iccid`, `mac`, `firmware`
function methods:identify(identities)
  local attempt <const> = attempt_of(self)
  for name, value in pairs(identities) do
    if not IDENTITIES[name] then
      error(("identify: unknown identity %q"):format(tostring(name)), 2)
    elseif type(value) ~= "string" then
      error(("identify: %s must be a string, so that no digit is lost"):format(name), 2)
    end
    admit(attempt, value)
    attempt.run.record.data.dut[IDENTITIES[name]] = value
  end
end

--- Writes a line to the run's log.
-- @tparam string line
function methods:log(line)
  attempt_of(self).run:log(tostring(line))
end

--- Keeps bytes with the attempt.
-- @tparam string name
-- @tparam string bytes
-- @tparam[opt="application/octet-stream"] string mimetype
function methods:attach(name, bytes, mimetype)
  local attempt <const> = attempt_of(self)
  mimetype = mimetype or "application/octet-stream"
  if type(name) ~= "string" or type(bytes) ~= "string" or type(mimetype) ~= "string" then
    error("attach needs a name, bytes and perhaps a media type, all strings", 2)
  end
  admit(attempt, { name, bytes, mimetype })
  local attachments <const> = attempt.entry.attachments
  attachments[#attachments + 1] = {
    name = name, mimetype = mimetype, size = #bytes, sha256 = sha256(bytes), data = bytes,
  }
end

--- Waits; other slots go on.
-- @tparam number seconds
function methods:sleep(seconds)
  attempt_of(self)
  if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 then
    error(("sleep needs seconds, a number from 0, not %s"):format(limits.show(seconds)), 2)
  end
  core.sleep(seconds)
end

-- Lets what the module has sent reach the guards before they count again:
-- URC handlers run in a task of their own.
local SETTLE <const> = 0.001

--- Runs fn with the plan's guards off: the reset in it is wanted.
-- @tparam function fn
-- @return what fn returns
function methods:expect_reset(fn)
  local run <const> = attempt_of(self).run
  local guards <close> = run:excuse() -- luacheck: ignore 211/guards
  local results <const> = table.pack(fn())
  core.sleep(SETTLE)
  return table.unpack(results, 1, results.n)
end

--- Makes the t of an attempt.
-- @tparam table attempt
-- @treturn table t
function context.new(attempt)
  local run <const> = attempt.run
  local t <const> = setmetatable({
    dut = run.dut, params = run.params, slot = run.slot, port = run.port,
    phase = attempt.phase.name, attempt = attempt.number,
  }, mt)
  attempts[t] = attempt
  return t
end

--- Makes a table whose unknown names raise.
-- @tparam table params name to value
-- @treturn table
function context.parameters(params)
  return setmetatable(params, {
    __index = function(_, name)
      error(("no parameter %s was given: -D %s=VALUE"):format(tostring(name), tostring(name)), 2)
    end,
  })
end

return context
