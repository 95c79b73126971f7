-- SPDX-License-Identifier: MIT
--
-- From a command line to the behaviour of its catalogue entry, and from what
-- the behaviour returns to the final line. A behaviour is
-- `fn(machine, call)`; it runs in a task, may wait, and returns
--
--     nothing     the command ends with OK
--     a number    it is refused with it, in the words of the model
--     false       it has printed its own end
--
-- A command that is in the catalogue but is refused by the model is unknown here.

local codec <const> = require "attest.codec"
local core <const> = require "attest.core"
local input <const> = require "attest.sim.input"

local dispatch = {}

-- Error codes of chapter 7.
local BAD_LENGTH <const>, BAD_STATE <const>, UNKNOWN <const> = 101, 102, 104

local methods <const> = {}
local mt <const> = { __name = "attest.sim.call", __index = methods }

-- What ends a command comes late where a fault says so; waits.
local function hold_back(machine)
  local late <const> = machine.faults.late_final
  if late and machine.engine:is_running() then
    core.sleep(late.seconds)
  end
end

local function print_final(machine, text)
  hold_back(machine)
  machine:print(text)
end

-- Words such as SEND OK end a command as an OK does.
local function is_result(form, name)
  for _, step in ipairs(form.completion) do
    if step.kind == "word" and step.words[name] then
      return true
    end
  end
  return false
end

--- Prints an answer line.
function methods:answer(text)
  local print <const> = codec.final(text) and print_final or self.machine.print
  print(self.machine, text)
end

--- Prints a row of the answer as the catalogue declares it.
-- @tparam integer index of the row in the form's `info`
-- @tparam table values by field name
-- @tparam[opt] string dialect instead of the machine's
function methods:row(index, values, dialect)
  local row <const> = self.form.info[index]
  self:answer(codec.format(self.form, row, values, dialect or self.machine.dialect))
end

--- Prints a URC or a result word as an answer.
function methods:word(name, values)
  if is_result(self.form, name) then
    hold_back(self.machine)
  end
  self.machine:print(self.machine:spell(name, values))
end

--- Prints the prompt and captures the payload behind it; other lines wait
-- until the command has ended.
-- @tparam[opt] integer length bytes; without it Ctrl-Z or silence ends it
-- @tparam integer limit most bytes
-- @treturn string|nil nil when the client gave up
function methods:payload(length, limit)
  local GIVE_UP <const>, PAUSE <const>, CTRL_Z <const> = 10, 1, "\x1a"
  local engine <const> = self.machine.engine
  engine:hold()
  self.machine:prompt()
  if length then
    return engine:payload(length, GIVE_UP)
  end
  return engine:payload_until(CTRL_Z, limit, PAUSE)
end

-- The best reading of a line: the first that is a command at all, else the
-- refusal and the entry that it is about. Without any the refusal is nil,
-- too: what is no command gets no answer.
local function parse(machine, text, is_long)
  local refusal
  for _, command in ipairs(input.commands(text)) do
    refusal = refusal or UNKNOWN
    if is_long then
      return nil, BAD_LENGTH
    end
    local parsed <const>, why <const> = codec.parse(machine.module, command)
    local entry <const> = (parsed or why).entry
    if entry and machine.behaviours[entry.name] then -- one that this module has
      return parsed, why and why.number, entry
    end
  end
  return nil, refusal
end

local function lacks_network(machine, call)
  local effects <const> = call.form.effects
  return effects and effects.needs_network and not machine:has_network()
end

local function judge(machine, text, is_long)
  local parsed <const>, refusal <const>, entry <const> = parse(machine, text, is_long)
  if not parsed then
    return refusal or false, entry
  end
  local call <const> = setmetatable({
    machine = machine,
    entry = parsed.entry,
    form = parsed.form,
    kind = parsed.kind,
    args = parsed.args,
  }, mt)
  if lacks_network(machine, call) then
    return BAD_STATE, entry
  end
  return machine.behaviours[parsed.entry.name](machine, call), entry
end

--- Tells whether a line is a command that needs no line end, such as ATO.
-- @tparam machine machine
-- @tparam string text
-- @treturn boolean
function dispatch.is_bare(machine, text)
  local command <const> = text:gsub("^[%c%s+]+", "")
  local entry <const>, form <const> = codec.lookup(machine.module, command)
  return form ~= nil and form.kind == "bare" and form.effects.enters_data ~= nil
    and machine.behaviours[entry.name] ~= nil
end

local function run(machine, text, is_long)
  local ok, result, entry = xpcall(judge, function(err)
    return type(err) == "string" and debug.traceback(err, 2) or err
  end, machine, text, is_long)
  if not machine.engine:is_running() then
    return -- a reboot ended the command
  elseif not ok then
    machine:print("ERROR")
    error(result, 0)
  elseif result == nil then
    print_final(machine, "OK")
  elseif result then
    print_final(machine, machine:refuse(result, entry))
  end
end

--- Runs one line from the client to its end; may wait.
-- @tparam machine machine
-- @tparam string text
-- @tparam boolean is_long the line was too long to keep
function dispatch.execute(machine, text, is_long)
  local faults <const> = machine.faults
  local number <const> = #input.commands(text) > 0 and faults:count_command() or nil
  if faults:strikes("reboot", number) then
    return machine:reboot()
  end
  run(machine, text, is_long)
  if faults:strikes("rate", number) and machine.engine:is_running() then
    machine.line:stray(faults.rate.baud)
  end
end

return dispatch
