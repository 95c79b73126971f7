-- SPDX-License-Identifier: MIT
--
-- A host whose module says anything: commands, and chunks of bytes with pauses
-- between them. Each command ends in its time with an answer or an error of a
-- known code, and another slicing of the chunks gives the same results, the same
-- payloads and the same data.

local attest <const> = require "attest"
local catalogue <const> = require "attest.catalogue"
local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local fuzz_input <const> = require "tests.support.fuzz_input"

core.virtual()

local MODULES <const> = { assert(catalogue.load("ct12")), assert(catalogue.load("ml302")) }
local COMMANDS <const> = {
  { "AT" }, { "AT+CSQ" }, { "AT+GMR" }, { "AT+CREG?" }, { "AT+XYZ=1" }, { "ATE0" },
  { 'AT+QIOPEN="TCP","192.0.2.1",7,0,0' }, { "AT+QISEND=3,5", "hello" }, { "AT+QPING=\"a\",4" },
  { 'AT+QMTPUB="t",0,0,5', "hello" }, { 'AT+MQTTPUB="t",0,0,0,5', "hello" }, { "AT+QPOWD" },
  { 'AT+QIOPEN="TCP","192.0.2.1",7,0,1' },
}
local PAUSES <const> = { 0, 0.03, 1, 9 } -- seconds
local TIMEOUT <const> = 3
local PATIENCE <const> = 300 -- what commands may take together with their turns

local failure
core.on_error(function(err, traceback)
  failure = failure or tostring(err) .. "\n" .. tostring(traceback)
end)

local function read_steps(input)
  local steps <const> = {}
  while not input:is_empty() and #steps < 40 do
    if input:number(0, 3) == 3 then
      steps[#steps + 1] = { command = input:pick(COMMANDS) }
    else
      steps[#steps + 1] = { says = input:text(60), pause = input:pick(PAUSES) }
    end
  end
  return steps
end

-- What came out of a call, as one line.
local function outcome(command, answer, err)
  if answer == nil then
    assert(errors.is(err), "no error object")
    -- how much of what came had come before the command depends on the slices
    local message <const> =
      err.message:gsub(": %d+ bytes? but no lines.*", ""):gsub("no final answer", "no answer")
    return ("%s -> %s %q"):format(command[1], err.code, message)
  end
  local lines <const> = type(answer) == "table" and answer.lines or {}
  return ("%s -> %q %q"):format(command[1], tostring(answer.final), table.concat(lines, "|"))
end

local function start(dut, command, results)
  return core.spawn(function()
    local begun <const> = core.now()
    local line <const> = outcome(command,
      dut.try:at(command[1], { timeout = TIMEOUT, payload = command[2] }))
    assert(core.now() - begun < PATIENCE, "it takes too long")
    results[#results + 1] = line
  end)
end

-- One command at a time: between two slices the next one would begin, and what
-- follows would be its answer.
local function join(call)
  if call then
    local ok <const>, err <const> = call:join(PATIENCE)
    assert(ok, tostring(err))
  end
end

local function say(module, slices)
  for _, slice in ipairs(slices) do
    module:write(slice)
    core.sleep(0)
    core.sleep(0)
  end
end

-- Returns what the calls returned, then the payloads and the data that came.
-- What else an observer is told may depend on whether a task ran in between.
local function play(steps, catalogue_module, cut)
  local host <const>, module <const> = core.pair()
  local dut <close> = assert(attest.attach(host, { module = catalogue_module }))
  local _ <close> = module
  local results <const>, payloads <const>, data <const> = {}, {}, {}
  local call
  local before = 0 -- bytes that the module had got when the last command was given
  module:listen(function() end) -- so that they are taken
  dut:observe(function(event, value)
    local list <const> = event == "raw" and payloads or event == "data" and data
    if list then
      list[#list + 1] = value
    end
  end)
  for _, step in ipairs(steps) do
    if step.command then
      join(call)
      before = module:received()
      call = start(dut, step.command, results)
      core.sleep(0.001)
    else
      -- A command that waits for what is owed is sent when that has come, which
      -- may be between two slices: what follows would be its answer.
      local waits <const> = call and module:received() == before
      say(module, waits and { step.says } or cut(step.says))
      core.sleep(step.pause)
    end
  end
  join(call)
  core.sleep(1)
  results[#results + 1] = table.concat(data) -- it has no boundaries of its own
  return table.move(payloads, 1, #payloads, #results + 1, results)
end

local function run(input)
  local module <const>, seed <const> = input:pick(MODULES), input:number(0, 255)
  local steps <const> = read_steps(input)
  local whole <const> = play(steps, module, function(bytes)
    return { bytes }
  end)
  local sliced <const> = play(steps, module, function(bytes)
    return fuzz_input.slices(bytes, seed % 7 + 1, seed)
  end)
  for i = 1, math.max(#whole, #sliced) do
    assert(whole[i] == sliced[i],
      ("result %d: whole %q, sliced %q"):format(i, whole[i] or "", sliced[i] or ""))
  end
end

return function(bytes)
  failure = nil
  local ok <const>, err <const>, traceback <const> =
    core.run(core.spawn(run, fuzz_input.new(bytes)))
  assert(ok, tostring(err) .. "\n" .. tostring(traceback))
  core.run(core.spawn(core.sleep, 60)) -- a timer without a command runs out
  assert(not failure, failure)
  local live <const> = core.live()
  assert(live.tasks == 0 and live.ports == 0 and live.timers == 0,
    ("left: %d tasks, %d ports, %d timers"):format(live.tasks, live.ports, live.timers))
end
