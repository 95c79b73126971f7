-- SPDX-License-Identifier: MIT
--
-- From a command line to the behaviour of its catalogue entry, and from what
-- the behaviour returns to the final line. A behaviour is
-- `fn(machine, call)`; it runs in a task, may wait, and returns
--
--     nothing     the command ends with OK
--     a number    it ends with ERROR=<number>
--     false       it has printed its own end
--
-- A command that is in the catalogue but has no behaviour is unknown here.

local codec <const> = require "attest.codec"
local input <const> = require "attest.sim.input"

local dispatch = {}

-- Error codes of chapter 7.
local BAD_LENGTH <const>, BAD_STATE <const>, UNKNOWN <const> = 101, 102, 104

local methods <const> = {}
local mt <const> = { __name = "attest.sim.call", __index = methods }

--- Prints an answer line.
function methods:answer(text)
  self.machine:print(text)
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
  self:answer(self.machine:spell(name, values))
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
  self.machine:write("\r\n>")
  if length then
    return engine:payload(length, GIVE_UP)
  end
  return engine:payload_until(CTRL_Z, limit, PAUSE)
end

local function is_known(machine, command)
  local entry <const> = codec.lookup(machine.module, command)
  return entry and machine.behaviours[entry.name] ~= nil
end

-- The best reading of a line: the first that is a command at all.
-- Without any the refusal is nil, too: what is no command gets no answer.
local function parse(machine, text, is_long)
  local refusal
  for _, command in ipairs(input.commands(text)) do
    refusal = refusal or UNKNOWN
    if is_long then
      return nil, BAD_LENGTH
    elseif is_known(machine, command) then
      local parsed <const>, why <const> = codec.parse(machine.module, command)
      return parsed, why and why.number
    end
  end
  return nil, refusal
end

local function lacks_network(machine, call)
  local effects <const> = call.form.effects
  return effects and effects.needs_network and not machine:has_network()
end

local function judge(machine, text, is_long)
  local parsed <const>, refusal <const> = parse(machine, text, is_long)
  if not parsed then
    return refusal or false
  end
  local call <const> = setmetatable({
    machine = machine,
    entry = parsed.entry,
    form = parsed.form,
    kind = parsed.kind,
    args = parsed.args,
  }, mt)
  if lacks_network(machine, call) then
    return BAD_STATE
  end
  return machine.behaviours[parsed.entry.name](machine, call)
end

--- Runs one line from the client to its end; may wait.
-- @tparam machine machine
-- @tparam string text
-- @tparam boolean is_long the line was too long to keep
function dispatch.execute(machine, text, is_long)
  local ok, result <const> = xpcall(judge, function(err)
    return type(err) == "string" and debug.traceback(err, 2) or err
  end, machine, text, is_long)
  if not machine.engine:is_running() then
    return -- a reboot ended the command
  elseif not ok then
    machine:print("ERROR")
    error(result, 0)
  elseif result == nil then
    machine:print("OK")
  elseif result then
    machine:print(string.format("ERROR=%d", result))
  end
end

return dispatch
