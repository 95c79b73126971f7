-- SPDX-License-Identifier: MIT
--
-- Runs plans on slots. The command line calls exactly this:
--
--     local code = runner.run {
--       scripts = { "scripts/factory/ct12_final.lua" },
--       ports = { "/dev/ttyUSB0", "sim:ct12?set=rssi=20" },   -- one slot each
--       params = { firmware = "V1.0" },    -- -D key=value
--       db = "attest.db", junit = "out.xml", json = "records/", transcript = "traces/",
--       operator = "wang", batch = "B7", purpose = "production",
--       ["repeat"] = 3, loop = false, allow_missing = false,
--       module = "ml302",   -- instead of the one that the plans name
--       catalogue = { "modules/" },        -- folders of modules of one's own
--       jsonl = false,      -- events to out, progress to err
--       lang = "en",
--       watchdog = 5,       -- seconds a script may run on without waiting
--       last_resort = 30,   -- seconds after which a loop that is stuck ends the process
--       memory = 512 << 20, -- bytes that a run may hold
--       out = io.stdout, err = io.stderr,
--       open = attest.open, store = a store, signals = signals.watch,   -- for tests
--     }
--
-- Scripts are loaded and judged first, then every port is opened, then the
-- store: what fails before the last port is open leaves no record behind.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local estate <const> = require "attest.estate"
local jsonl <const> = require "attest.report.jsonl"
local owner <const> = require "attest.owner"
local progress <const> = require "attest.progress"
local script <const> = require "attest.script"
local text <const> = require "attest.text"
local export <const> = require "attest.runner.export"
local outcome <const> = require "attest.runner.outcome"
local signals <const> = require "attest.runner.signals"
local slot <const> = require "attest.runner.slot"
local uv <const> = require "luv"

local runner <const> = {}

local USAGE <const> = 2
local NOTHING_RAN <const> = 4
local INTERNAL <const> = 70
local WATCHDOG <const> = 5
local LAST_RESORT <const> = 30
local MEMORY <const> = 512 << 20

local OPTIONS <const> = {
  scripts = "table", ports = "table", params = "table", db = "string", junit = "string",
  json = "string", transcript = "string", operator = "string", batch = "string",
  purpose = "string", ["repeat"] = "number", loop = "boolean", allow_missing = "boolean",
  jsonl = "boolean", lang = "string", open = "function", store = "table", signals = "function",
  watchdog = "number", last_resort = "number", memory = "number",
  module = "string", catalogue = "table", out = "any", err = "any",
}

local function check_options(args)
  for name, value in pairs(args) do
    local wanted <const> = OPTIONS[name]
    if not wanted then
      error(("runner.run: unknown option %q"):format(tostring(name)), 3)
    elseif wanted ~= "any" and type(value) ~= wanted then
      error(("runner.run: %s must be a %s, not a %s"):format(name, wanted, type(value)), 3)
    end
  end
end

local methods <const> = {}
local mt <const> = { __index = methods }

-- Tells a person something, in the language asked for.
local function tell(self, key, ...)
  self.progress:message(self.say(key, ...))
end

--- Takes the result of a run; called once per run, after its record is stored.
-- @tparam table from slot
-- @tparam table data record
-- @tparam string shown the verdict that may be told
-- @tparam[opt] string problem why the record was not stored
function methods:finished(from, data, shown, problem)
  local tally <const> = self.tally
  tally.runs = tally.runs + 1
  tally.counts[shown] = (tally.counts[shown] or 0) + 1
  tally.worst = outcome.worse(tally.worst, shown)
  from.verdict = outcome.worse(from.verdict or "SKIPPED", shown)
  if problem then
    tally.unstored = tally.unstored + 1
    tell(self, "not_stored", from.number, problem)
  end
  for _, failure in ipairs(self.export:record(data)) do
    tally.unexported = tally.unexported + 1
    tell(self, "export_failed", failure.path, failure.message)
  end
end

--- Notes a bug that ended a run of a slot.
-- @tparam table from slot
-- @tparam table err error object
function methods:broke(from, err)
  self.tally.broken = true
  from.verdict = outcome.worse(from.verdict or "SKIPPED", "ERROR")
  tell(self, "internal", err.message .. (err.traceback and "\n" .. err.traceback or ""))
end

-- Loads a script to see what is wrong with it; nobody's memory is used up.
local function judge_script(self, source)
  local judged <close> = estate.new()
  local judge <const>, before <const> = {}, core.owner()
  core.allow(judge, self.memory, source.path)
  core.set_owner(judge)
  local plan <const>, err <const> = script.load(source, function() end, judged)
  core.set_owner(before)
  return plan, err
end

-- Every script, loaded once to be judged; slots load it again for themselves.
local function load_scripts(self, paths)
  for i, path in ipairs(paths) do
    local source <const>, missing <const> = script.read(path)
    if not source then
      return nil, missing.message
    end
    local plan <const>, err <const> = judge_script(self, source)
    if not plan then
      return nil, err.message
    end
    self.sources[i], self.plans[i] = source, plan
    local first <const> = self.plans[1]
    if #plan.phases == 0 then
      return nil, self.say("no_phase", plan.place, plan.name)
    elseif plan.module ~= first.module then
      return nil, self.say("other_module", plan.place, plan.name, tostring(plan.module),
        first.name, tostring(first.module))
    end
    local params <const>, problem <const> = plan:parameters(self.params)
    if not params then
      return nil, ("%s: %s"):format(plan.place, problem.message)
    end
  end
  return true
end

local function close_ports(self)
  for _, each in ipairs(self.slots) do
    each:close()
  end
end

-- A device named twice, by whatever path, is one slot too many.
local function find_twins(self, ports)
  local owners <const>, found = {}, false
  for i, port in ipairs(ports) do
    local device <const> = not port:find("^%l[%l%d]+:") and (uv.fs_realpath(port) or port)
    if device and owners[device] then
      tell(self, "port_failed", i, port, self.say("taken", owners[device]))
      found = true
    elseif device then
      owners[device] = i
    end
  end
  return found
end

-- All ports, before anything runs; every one that fails is named.
local function open_ports(self, ports, allow_missing)
  if find_twins(self, ports) then
    return false
  end
  local failed = false
  for i, port in ipairs(ports) do
    local each <const> = slot.new(self, i, port)
    self.slots[i] = each
    local dut <const>, err <const> = each:open(self.plans[1].module)
    if not dut and not allow_missing then
      failed = true
      local reason <const> = err.message:sub(1, #port + 2) == port .. ": "
        and err.message:sub(#port + 3) or err.message
      tell(self, "port_failed", i, port, reason)
    end
  end
  return not failed
end

-- A store that cannot be had does not keep the modules from being tested, but
-- nothing can PASS.
local function open_store(self, args)
  if args.store then
    return args.store
  end
  local path <const> = args.db or "attest.db"
  local store <const>, err <const> = require("attest.store").open(path)
  if not store then
    tell(self, "store_failed", path, err.message)
    local function refuse()
      return nil, err
    end
    return { begin = refuse, finish = refuse, close = function() end }
  end
  local recovered <const> = store:recover()
  if recovered and #recovered > 0 then
    tell(self, "recovered", #recovered)
  end
  return store
end

local function on_signal(self, code)
  if self.tally.signal then
    self.progress:close()
    self.progress:message(self.say("forced"))
    os.exit(code, false)
  end
  self.tally.signal = code
  tell(self, "stopping")
  local err <const> = errors.new { code = "aborted", message = "aborted by the operator" }
  for _, each in ipairs(self.slots) do
    each:abort(err)
  end
end

-- A slot that a bug ended is that slot's ERROR; the others go on to their end.
local function run_slots(self)
  local tasks <const> = {}
  for i, each in ipairs(self.slots) do
    tasks[i] = core.spawn(each.work, each)
  end
  for i, task in ipairs(tasks) do
    local ok <const>, err <const>, traceback <const> = task:join()
    if not ok then
      self:broke(self.slots[i], errors.new {
        code = "internal", message = errors.text(err), traceback = traceback,
      })
    end
  end
end

local function summarize(self)
  for _, failure in ipairs(self.export:finish()) do
    self.tally.unexported = self.tally.unexported + 1
    tell(self, "export_failed", failure.path, failure.message)
  end
  self.progress:close()
  self.progress:summary(self.slots, self.tally)
  return outcome.exit_code(self.tally)
end

-- The folder of transcripts; made when only it is missing.
local function make_folder(path)
  if not path then
    return true
  end
  local ok <const>, message <const>, name <const> = uv.fs_mkdir(path, 493) -- rwxr-xr-x
  if ok then
    return true
  elseif name ~= "EEXIST" then
    return nil, message
  end
  local there <const> = uv.fs_stat(path)
  if not there or there.type ~= "directory" then
    return nil, "ENOTDIR: not a directory"
  end
  return true
end

local function perform(self, args)
  if #args.scripts == 0 then
    tell(self, "no_script")
    return USAGE
  end
  local ok <const>, message <const> = load_scripts(self, args.scripts)
  if not ok then
    self.progress:message(message)
    return USAGE
  elseif #args.ports == 0 then
    tell(self, "no_port")
    return NOTHING_RAN
  end
  local made <const>, why <const> = make_folder(args.transcript)
  if not made then
    tell(self, "export_failed", args.transcript, why)
    return USAGE
  elseif not open_ports(self, args.ports, args.allow_missing) then
    close_ports(self)
    return USAGE
  end
  self.store = open_store(self, args)
  self.progress:open(self.slots)
  local unwatch <const> = (args.signals or signals.watch)(function(code)
    on_signal(self, code)
  end)
  run_slots(self)
  close_ports(self)
  self.store:close()
  local code <const> = summarize(self)
  unwatch()
  return code
end

local function new_job(args)
  local out <const>, err <const> = args.out or io.stdout, args.err or io.stderr
  local say <const> = text.new(args.lang)
  local host <const> = uv.os_gethostname()
  local shown <const> = progress.new { out = args.jsonl and err or out, err = err, say = say }
  local lines <const> = progress.forgiving(out)
  local stream <const> = args.jsonl and jsonl.new(function(line)
    lines:write(line):flush()
  end, core.wall)
  return setmetatable({
    say = say, progress = shown, export = export.new(args.json, args.junit),
    sink = function(event)
      shown:event(event)
      if stream then
        stream:emit(event)
      end
    end,
    open = args.open or require("attest").open,
    station = { id = host, host = host }, operator = args.operator, batch = args.batch,
    purpose = args.purpose, transcript = args.transcript, params = args.params or {},
    module = args.module, catalogue = args.catalogue,
    memory = args.memory or MEMORY, rounds = args["repeat"] or 1, is_endless = args.loop or false,
    sources = {}, plans = {}, slots = {},
    tally = { runs = 0, counts = {}, worst = "SKIPPED", unstored = 0, unexported = 0 },
  }, mt)
end

-- Called inside the task that runs on and on.
local function stop_hog(where, limit)
  return errors.new {
    code = "watchdog", message = ("%sran for %g s without waiting"):format(where, limit),
  }
end

--- Runs plans on slots, shows how they go, and stores their records. Turns the
-- loop itself when it is called outside a task.
-- @tparam table args see the head of this file
-- @treturn integer exit code
function runner.run(args)
  check_options(args)
  local self <const> = new_job(args)
  owner.install()
  core.watchdog(args.watchdog or WATCHDOG, stop_hog, args.last_resort or LAST_RESORT)
  local task <const> = core.spawn(perform, self, args)
  local join <const> = core.current() and task.join or core.run
  local ok <const>, result <const>, traceback <const> = join(task)
  core.watchdog(0)
  if ok then
    return result
  end
  close_ports(self)
  self.progress:close()
  tell(self, "internal", errors.text(result) .. (traceback and "\n" .. traceback or ""))
  return INTERNAL
end

return runner
