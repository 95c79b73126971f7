-- SPDX-License-Identifier: MIT
--
-- A bench without modules: an opener of fake DUTs, a store in memory, streams
-- and a Ctrl-C, for running plans through the real runner.
--
--     local bench <close> = fake_bench.new()
--     local code = bench:run [[ plan:phase("a", function(t) ... end) ]]

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local json <const> = require "attest.json"
local runner <const> = require "attest.runner"
local script_file <const> = require "tests.support.script_file"

local fake_bench <const> = {}

-- Each script begins with this, on one line, so that its own lines count from 1.
local PRELUDE <const> = 'local plan = require("attest.plan").new { name = "p" } '

local dut_methods <const> = {}

function dut_methods:on(name, fn)
  if name == "+NONSENSE" then
    errors.raise { code = "invalid", message = "no URC +NONSENSE" }
  end
  local handle <const> = { name = name, fn = fn }
  function handle.off()
    self.handlers[handle] = nil
  end
  self.handlers[handle] = true
  return handle
end

--- Sends a URC: its handlers run in a task, as those of a real DUT do.
function dut_methods:urc(name)
  core.spawn(function()
    for handle in pairs(self.handlers) do
      if handle.name == name then
        handle.fn({})
      end
    end
  end)
end

--- A command that meets a silent module.
function dut_methods.silent(_, seconds)
  core.sleep(seconds)
  errors.raise { code = "timeout", message = ("AT+CSQ: no answer within %g s"):format(seconds) }
end

--- A command during which something happens.
function dut_methods.broken(_, code)
  errors.raise { code = code, message = "AT+CSQ: " .. code }
end

--- Takes the transcript of a run, as a port does.
function dut_methods:trace(trace)
  self.transcript = trace
end

--- Calls back without the script's libraries, as nothing of a run should.
function dut_methods.later(_, seconds, fn)
  core.after(seconds, fn)
end

--- An exchange with the module that leaves a trace.
function dut_methods:say(text)
  self.transcript:mark(text)
end

function dut_methods:close()
  self.closed = self.closed + 1
  self.bench.events[#self.bench.events + 1] = "close " .. self.path
end

local function open(bench, path, options)
  local refusal <const> = bench.refuse[path]
  if refusal then
    return nil, errors.new(refusal)
  end
  local dut <const> = setmetatable({
    bench = bench, path = path, options = options, handlers = {}, closed = 0,
  }, { __index = dut_methods })
  bench.duts[#bench.duts + 1] = dut
  return dut
end

local store_methods <const> = {}

local function answer(bench, verb)
  core.sleep(bench.disk_delay)
  if bench.broken == verb then
    return nil, errors.new { code = "io", message = "disk full" }
  elseif bench.broken == "raise" then
    error("the store has a bug")
  end
  return true
end

function store_methods:begin(data)
  assert(data.run_id and data.plan.name and data.start)
  return answer(self.bench, "begin")
end

function store_methods:finish(data)
  local ok <const>, err <const> = answer(self.bench, "finish")
  if ok then
    self.bench.records[#self.bench.records + 1] = data
    self.bench.events[#self.bench.events + 1] = "stored"
  end
  return ok, err
end

function store_methods.recover()
  return {}
end

function store_methods:close()
  self.bench.store_closed = true
end

local function stream(bench, name)
  return {
    write = function(self, ...)
      bench[name] = bench[name] .. table.concat({ ... })
      if bench[name]:find("slot %d  PASS") then
        bench.events[#bench.events + 1] = "shown"
      end
      return self
    end,
    flush = function() end,
  }
end

local methods <const> = {}
local mt <const> = { __index = methods }

--- Runs a script (or a list of them) on fake DUTs.
-- @tparam string|table text of the script, after the prelude
-- @tparam[opt] table args for the runner; `ports` is { "one" } unless given
-- @treturn integer exit code
function methods:run(text, args)
  args = args or {}
  local texts <const> = type(text) == "table" and text or { PRELUDE .. text .. " return plan" }
  args.scripts = {}
  for i, each in ipairs(texts) do
    args.scripts[i] = self.files:write(("plan%d.lua"):format(i), each)
  end
  args.ports = args.ports or { "one" }
  args.store = args.store or setmetatable({ bench = self }, { __index = store_methods })
  args.open = function(path, options)
    return open(self, path, options)
  end
  args.signals = function(on_signal)
    self.press = on_signal
    return function() end
  end
  args.out, args.err = stream(self, "out"), stream(self, "err")
  return runner.run(args)
end

--- Presses Ctrl-C after some time.
-- @tparam number seconds
function methods:press_after(seconds)
  core.after(seconds, function()
    self.press(130)
  end)
end

--- Gives the attempts of the latest record as "name attempt outcome" words.
-- @tparam[opt] table record
-- @treturn {string,...}
function methods:phases(record)
  local list <const> = {}
  for i, entry in ipairs((record or self.records[#self.records]).phases) do
    list[i] = ("%s %d %s"):format(entry.name, entry.attempt, entry.outcome)
  end
  return list
end

--- Gives the stream of --jsonl as a list of tables.
-- @treturn table
function methods:stream()
  local list <const> = {}
  for line in self.out:gmatch("[^\n]+") do
    list[#list + 1] = assert(json.decode(line))
  end
  return list
end

function mt:__close()
  self.files:close()
end

--- Makes a bench.
-- @treturn table
function fake_bench.new()
  return setmetatable({
    files = script_file.new(), duts = {}, records = {}, events = {}, refuse = {}, out = "",
    err = "", disk_delay = 0.002,
  }, mt)
end

return fake_bench
