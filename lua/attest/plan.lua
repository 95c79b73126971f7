-- SPDX-License-Identifier: MIT
--
-- A plan: what a test script declares before anything runs.
--
--     local plan = attest.plan { name = "ct12-final", version = "1.0", module = "ct12" }
--     plan:phase("signal", { timeout = 10, retry = { limit = 2, delay = 1 } }, function(t) ... end)
--     return plan
--
-- Pure: it checks and keeps declarations, the runner gives them time. Times
-- are in seconds; retry.limit counts the attempts after the first.

local errors <const> = require "attest.error"
local text <const> = require "attest.text"

local plan <const> = {}

--- Seconds that a setup or a phase may take unless it says otherwise.
plan.TIMEOUT = 120
--- Seconds that a teardown may take unless it says otherwise.
plan.TEARDOWN_TIMEOUT = 30

local methods <const> = {}
local mt <const> = { __name = "attest.plan", __index = methods }

local function positive(value)
  if type(value) ~= "number" or value ~= value or value <= 0 or value == math.huge then
    return "a number of seconds above 0"
  end
end

local function delay(value)
  if type(value) ~= "number" or value ~= value or value < 0 or value == math.huge then
    return "a number of seconds, 0 or more"
  end
end

local function count(value)
  if math.type(value) ~= "integer" or value < 0 then
    return "a whole number, 0 or more"
  end
end

local function word(value)
  if type(value) ~= "string" or value == "" or text.printable(value) ~= value then
    return "a printable string"
  end
end

local function flag(value)
  if type(value) ~= "boolean" then
    return "true or false"
  end
end

local function named_values(value)
  if type(value) ~= "table" then
    return "a table"
  end
  for name in pairs(value) do
    if type(name) ~= "string" then
      return "a table with names as keys"
    end
  end
end

local function words(value)
  if type(value) ~= "table" or #value == 0 then
    return "a list of names"
  end
  for _, name in ipairs(value) do
    if word(name) then
      return "a list of names"
    end
  end
end

-- Raises at the script's line when a key is unknown or a value is wrong.
local function check(given, allowed, what, level)
  level = level or 3
  if type(given) ~= "table" then
    error(("%s: the options must be a table, not a %s"):format(what, type(given)), level)
  end
  for key, value in pairs(given) do
    local test <const> = allowed[key]
    if not test then
      error(("%s: unknown option %q"):format(what, tostring(key)), level)
    end
    local wanted <const> = test(value)
    if wanted then
      error(("%s: %s must be %s"):format(what, key, wanted), level)
    end
  end
end

local function retry(value)
  if type(value) ~= "table" then
    return "{ limit =, delay = }"
  end
  for key, part in pairs(value) do
    local test <const> = ({ limit = count, delay = delay })[key]
    if not test then
      return ("{ limit =, delay = }, without %q"):format(tostring(key))
    end
    local wanted <const> = test(part)
    if wanted then
      return ("{ limit =, delay = }, and %s %s"):format(key, wanted)
    end
  end
end

-- A limit by name, as a limits file will give them one day.
local function limit_table(value)
  if type(value) == "string" then
    return "a table { name = { lower =, upper =, expected = } }; files are not read yet"
  end
  local wanted <const> = named_values(value)
  if wanted then
    return wanted
  end
  for name, limit in pairs(value) do
    if type(limit) ~= "table"
      or limit.lower == nil and limit.upper == nil and limit.expected == nil then
      return ("a table of limits; %q needs lower, upper or expected"):format(name)
    end
    for key, bound in pairs(limit) do
      local is_bound <const> = (key == "lower" or key == "upper") and type(bound) == "number"
      if not is_bound and key ~= "expected" then
        return ("a table of limits; %q has a wrong %s"):format(name, tostring(key))
      end
    end
  end
end

local PLAN <const> = {
  name = word, version = word, module = word, params = named_values, limits = limit_table,
  timeout = positive, continue_on_fail = flag,
}
local PHASE <const> = { timeout = positive, retry = retry, measures = words, stop = flag }
local STEP <const> = { timeout = positive }
local GUARD <const> = { urc = word, code = word }

local function check_function(fn, what, level)
  if type(fn) ~= "function" then
    error(("%s: needs a function, not a %s"):format(what, type(fn)), level or 3)
  end
end

-- The line of the script where something was declared; nil after a tail call
-- (`return attest.plan { ... }`), which leaves no line behind.
local function place(level)
  local info <const> = debug.getinfo(level + 1, "Sl")
  if info and info.currentline >= 0 then
    return ("%s:%d"):format(info.short_src, info.currentline)
  end
end

local function step(self, group, options, fn)
  if fn == nil then
    options, fn = {}, options
  end
  check(options, STEP, group, 4)
  check_function(fn, group, 4)
  if self[group .. "_step"] then
    error(("a plan has one %s"):format(group), 3)
  end
  local default <const> = group == "teardown" and plan.TEARDOWN_TIMEOUT or self.timeout
  self[group .. "_step"] = {
    name = group, group = group, run = fn, timeout = options.timeout or default,
    retry = { limit = 0, delay = 0 }, measures = {}, place = place(3),
  }
end

--- Declares what prepares the module; a failure here skips the phases.
-- @tparam[opt] table options `timeout`
-- @tparam function fn fn(t)
function methods:setup(options, fn)
  step(self, "setup", options, fn)
end

--- Declares what always runs last, even after an abort.
-- @tparam[opt] table options `timeout`
-- @tparam function fn fn(t)
function methods:teardown(options, fn)
  step(self, "teardown", options, fn)
end

--- Declares a phase; phases run in the order of their declaration.
-- `measures` names measurements that must be set; `stop` overrides the plan's
-- `continue_on_fail` for this phase.
-- @tparam string name unique in the plan
-- @tparam[opt] table options `timeout`, `retry { limit, delay }`, `measures`, `stop`
-- @tparam function fn fn(t)
function methods:phase(name, options, fn)
  if word(name) then
    error("a phase needs a printable name", 2)
  end
  local what <const> = ("phase %q"):format(name)
  if fn == nil then
    options, fn = {}, options
  end
  if type(options) == "function" then
    error(what .. ": options come before the function", 2)
  end
  check(options, PHASE, what)
  check_function(fn, what)
  for _, phase in ipairs(self.phases) do
    if phase.name == name then
      error(("%s is declared twice, first at %s"):format(what, phase.place), 2)
    end
  end
  local tries <const> = options.retry or {}
  self.phases[#self.phases + 1] = {
    name = name, group = "main", run = fn, timeout = options.timeout or self.timeout,
    retry = { limit = tries.limit or 0, delay = tries.delay or 0 },
    measures = table.move(options.measures or {}, 1, #(options.measures or {}), 1, {}),
    stop = options.stop, place = place(2),
  }
end

--- Declares a URC that ends the run as ERROR, whatever phase it meets.
-- @tparam table options `urc` its name, `code` the error's code
function methods:guard(options)
  check(options, GUARD, "guard")
  if not options.urc or not options.code then
    error("guard: needs urc and code", 2)
  end
  self.guards[#self.guards + 1] = { urc = options.urc, code = options.code }
end

--- Tells whether the plan stops after a phase that did not pass.
-- @tparam table phase
-- @treturn boolean
function methods:stops_after(phase)
  if phase.stop ~= nil then
    return phase.stop
  end
  return not self.continue_on_fail
end

-- "-D key=value" gives strings; the declared default says what is meant.
local function convert(name, value, default)
  if type(value) ~= "string" or type(default) == "string" then
    return value
  elseif type(default) == "number" then
    local number <const> = tonumber(value)
    if not number then
      return nil, ("parameter %s must be a number, not %q"):format(name, value)
    end
    return number
  elseif type(default) ~= "boolean" then
    return nil, ("parameter %s is a %s and cannot be given"):format(name, type(default))
  elseif value == "true" or value == "false" then
    return value == "true"
  end
  return nil, ("parameter %s must be true or false, not %q"):format(name, value)
end

local function sorted_names(values)
  local names <const> = {}
  for name in pairs(values) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ")
end

--- Lays given parameters over the declared ones. A plan that declares none
-- takes all; one that declares some takes only those.
-- @tparam table given name to value
-- @treturn[1] table
-- @treturn[2] nil
-- @treturn[2] table error object, code "invalid"
function methods:parameters(given)
  local merged <const> = {}
  for name, value in pairs(self.params or {}) do
    merged[name] = value
  end
  for name, value in pairs(given) do
    local default <const> = merged[name]
    local problem
    if self.params and default == nil then
      problem = ("plan %s has no parameter %s; it has: %s")
        :format(self.name, name, sorted_names(self.params))
    elseif default ~= nil then
      value, problem = convert(name, value, default)
    end
    if problem then
      return nil, errors.new { code = "invalid", message = problem }
    end
    merged[name] = value
  end
  return merged
end

--- Makes a plan.
-- @tparam table options `name`; and `version`, `module`, `params` (defaults by
-- name), `limits` (by measurement name), `timeout` (of each phase that has
-- none), `continue_on_fail`
-- @treturn table plan
-- @usage local plan = attest.plan { name = "ct12-final", module = "ct12" }
function plan.new(options)
  check(options, PLAN, "plan")
  if not options.name then
    error("plan: needs a name", 2)
  end
  return setmetatable({
    name = options.name,
    version = options.version,
    module = options.module,
    params = options.params,
    limits = options.limits or {},
    timeout = options.timeout or plan.TIMEOUT,
    continue_on_fail = options.continue_on_fail or false,
    phases = {},
    guards = {},
    place = place(2),
  }, mt)
end

local function raw_copy(source)
  local target <const> = {}
  for key, value in next, source do
    target[key] = value
  end
  return target
end

local function seal_phase(phase)
  local sealed <const> = raw_copy(phase)
  check_function(sealed.run, tostring(sealed.name), 0)
  check({ timeout = sealed.timeout }, STEP, "phase", 0)
  check({ retry = sealed.retry, measures = #sealed.measures > 0 and sealed.measures or nil },
    PHASE, "phase", 0)
  sealed.retry, sealed.measures = raw_copy(sealed.retry), raw_copy(sealed.measures)
  return sealed
end

--- Takes a plan as its script returned it: what the script does to it later does
-- not reach who runs it. Raises when the script has changed it by hand.
-- @tparam table given plan
-- @treturn table plan
function plan.seal(given)
  local sealed <const> = raw_copy(given)
  check({
    name = sealed.name, version = sealed.version, module = sealed.module,
    params = sealed.params, limits = sealed.limits, timeout = sealed.timeout,
  }, PLAN, "plan", 0)
  sealed.params = sealed.params and raw_copy(sealed.params)
  sealed.limits, sealed.guards = raw_copy(sealed.limits), raw_copy(sealed.guards)
  sealed.phases = raw_copy(sealed.phases)
  for i, phase in ipairs(sealed.phases) do
    sealed.phases[i] = seal_phase(phase)
  end
  for _, name in ipairs { "setup_step", "teardown_step" } do
    sealed[name] = sealed[name] and seal_phase(sealed[name])
  end
  return setmetatable(sealed, mt)
end

--- Tells whether a value is a plan.
-- @param value anything
-- @treturn boolean
function plan.is(value)
  return getmetatable(value) == mt
end

return plan
