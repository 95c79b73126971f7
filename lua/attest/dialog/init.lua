-- SPDX-License-Identifier: MIT
--- One command at a time, from its first byte to its last result.
--
-- The dialog writes a command, hears the port's frames and decides which of
-- them belong to it; it knows the catalogue's forms but no command by name.
-- Invariants: one command in flight; a late answer never satisfies the next
-- command; every wait has one deadline for the whole conversation.

local core <const> = require "attest.core"
local error_object <const> = require "attest.error"
local forward <const> = require "attest.dialog.forward"
local frames <const> = require "attest.dialog.frames"
local hearing <const> = require "attest.dialog.hearing"
local legible <const> = require "attest.dialog.legible"
local line <const> = require "attest.dialog.line"
local owed <const> = require "attest.dialog.owed"
local outlet <const> = require "attest.dialog.outlet"
local quick <const> = require "attest.dialog.quick"
local prelude <const> = require "attest.dialog.prelude"
local secret <const> = require "attest.dialog.secret"
local steps <const> = require "attest.dialog.steps"
local turn <const> = require "attest.dialog.turn"
local urc <const> = require "attest.urc"

local dialog <const> = {}

--- How long a command may wait for its turn at least, in seconds.
local TURN <const> = 120

local methods <const> = {
  write = forward.write, data = forward.data, enter_data = forward.enter,
  leave_data = forward.leave, switch_line = line.switch,
}
local mt <const> = { __name = "attest.dialog", __index = methods }

--- One vocabulary serves every port of a module.
local vocabularies <const> = setmetatable({}, { __mode = "k" })

local function vocabulary_of(module)
  local words = vocabularies[module]
  if not words then
    words = core.vocabulary(module.vocabulary)
    vocabularies[module] = words
  end
  return words
end

--- Tells the observers; events are those of vectors: echo, info, urc, prompt,
-- raw, data, cmd, flag, noise.
function methods:tell(event, value)
  if not self.observers[1] then
    return
  end
  for _, fn in ipairs(self.observers) do
    fn(event, value)
  end
end

--- Calls a function for everything the dialog notices, in order.
-- @tparam function fn called with event and value; it must not wait
function methods:observe(fn)
  self.observers[#self.observers + 1] = fn
  self.is_plain = false
  hearing.rest(self)
end

--- Lets a command end whose payload need not be answered, when nothing comes.
function methods:allow_silence(command)
  local seconds <const> = steps.silence(command)
  command.linger = seconds and core.after(seconds, function()
    if self.pending == command then
      command.final = ""
      self:finish(command, "OK")
    end
  end)
end

-- sending ---------------------------------------------------------------------

local function shown(command)
  return command.shown or command.text
end

function methods:closed_error(text)
  return error_object.new {
    code = "closed", command = text, name = self.closed.name,
    message = ("%s: the port is gone: %s"):format(text, self.closed.message),
  }
end

local function timeout_error(self, command)
  local diagnosis <const> = legible.diagnosis(self, command.since)
  return error_object.new {
    code = "timeout", command = shown(command), lines = command.lines, seconds = command.timeout,
    message = ("%s: no %s within %g s%s"):format(shown(command),
      #command.lines > 0 and diagnosis == "" and "final answer" or "answer", command.timeout,
      diagnosis),
  }
end

--- Writes a command, and tells the framer what may come back.
-- @tparam table command
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] attest.error
function methods:send(command)
  local port <const> = self.port
  -- what may be an older one's echo is no part of this one's
  local is_whole <const> = self.echo == "off" or owed.begins(self, command.text)
  port:expect_echo(command.text, not command.bare, is_whole)
  port:expect_prompt(command.payload ~= nil)
  port:quoted_crlf(command.quoted_crlf or false)
  local ok <const>, message <const>, name <const> =
    port:write(command.text .. (command.bare and "" or self.terminator))
  if not ok then
    return nil, error_object.from_core(message, name, { message = shown(command) })
  end
  command.sent = true
  return true
end

--- Waits for the end of a command that was sent; the caller holds the dialog.
-- @tparam table command
-- @treturn[1] table command
-- @treturn[2] nil
-- @treturn[2] attest.error
function methods:await(command)
  local deadline <const> = command.deadline
  while not command.finished and core.now() < deadline do
    core.wait(deadline - core.now()) -- others may wake this task, too: that is no answer
  end
  if not command.finished then
    self.pending = nil
    turn.stop_timers(command)
    owed.owe(self, command)
    self.echo = self.echo == "on" and "assumed" or self.echo
    self.port:conclude(false)
    command.label = "TIMEOUT"
    self:tell("cmd", "TIMEOUT")
    return nil, timeout_error(self, command)
  end
  if command.error then
    return nil, command.error
  end
  return command
end

--- Writes a command and waits for its end; the caller holds the dialog.
-- @tparam table command
-- @treturn[1] table command
-- @treturn[2] nil
-- @treturn[2] attest.error
function methods:converse(command)
  if self.closed then -- while it waited for a silence
    return nil, self:closed_error(shown(command))
  end
  self.pending = command
  command.task = core.current()
  command.since = legible.begin(self)
  local sent <const>, err <const> = self:send(command)
  if not sent then
    return nil, err
  end
  command.deadline = core.now() + command.timeout
  return self:await(command)
end

--- Makes a command of its plan.
-- @tparam table plan
-- @tparam number timeout in seconds
-- @tparam ?string payload
-- @treturn table
function methods.command(_, plan, timeout, payload)
  local course <const> = plan.course
  local form <const> = course.form
  local list <const> = steps.compile(form, payload ~= nil, course.typed)
  return {
    text = plan.text,
    lines = {},
    form = form,
    payload = payload,
    quoted_crlf = course.quoted_crlf,
    bare = form and form.kind == "bare",
    needs_info = course.typed and form.info_within,
    timeout = course.typed and timeout + steps.patience(list) or timeout,
    steps = list,
    at = 1,
  }
end

--- Works out how commands of one kind go, whatever their arguments.
-- @tparam table options `form` (of the catalogue), `entry`, `typed` (wait for
--   later words too), `quoted_crlf`, `has_payload`
-- @treturn table course, for plan()
function methods:course(options)
  local form <const> = options.form
  local last, before
  if not options.quoted_crlf then
    last, before = quick.ends(self.module, form, options.has_payload or false, options.typed)
  end
  return {
    form = form, entry = options.entry, typed = options.typed, quoted_crlf = options.quoted_crlf,
    timeout = form and form.timeout or self.profile.timeout, last = last, before = before,
  }
end

--- Plans a command. Plans are kept where the same is sent again.
-- @tparam string text without a line end
-- @tparam table course
-- @treturn table plan, for run()
function methods:plan(text, course)
  return { text = text, wire = text .. self.terminator, course = course }
end

--- Runs one command the long way: every frame is judged.
local function run(self, plan, timeout, payload)
  core.check_wait() -- a refused call sends nothing
  local text <const>, form <const> = plan.text, plan.course.form
  if self.closed then
    return nil, self:closed_error(text)
  end
  if not turn.take(self, math.max(timeout, TURN)) then
    return nil, self.closed and self:closed_error(text) or error_object.new {
      code = "busy", command = text,
      message = ("%s: another command ran all the time"):format(text),
    }
  end
  local lock <close> = self.lock -- luacheck: ignore 211/lock
  if self.closed then
    return nil, self:closed_error(text)
  end
  local effects <const> = form and form.kind == "bare" and form.effects or {}
  if self.is_data or effects.enters_data or effects.leaves_data then
    return forward.change(self, plan)
  end
  local fits <const>, refusal <const> = line.check(self, form, text)
  if not fits then
    return nil, refusal
  end
  local command <const> = self:command(plan, timeout, payload)
  if self.owed or self.wakeup or self.echo == "off" then
    prelude.prepare(self, command)
  end
  secret.begin(self, command)
  local done <const>, err <const> = self:converse(command)
  if command.is_secret then
    secret.finish(self, command)
  end
  return done, err
end

--- Runs one command.
-- @tparam table plan
-- @tparam[opt] number timeout in seconds
-- @tparam[opt] string payload
-- @treturn[1] table `final`, `lines`, `number`, `fields` (of the final's word); `sent_at` (when its
--   last byte was handed to the OS), `first_at` and `final_at` (when the first bytes and the final
--   were read), in seconds on the clock of `attest.now`; `latency` from the first to the last
-- @treturn[2] nil
-- @treturn[2] attest.error "timeout", "rejected", "reset", "closed", "invalid"
function methods:run(plan, timeout, payload)
  local course <const> = plan.course
  timeout = timeout or course.timeout
  if course.last and self.is_plain and not self.busy then
    return quick.run(self, plan, timeout, payload)
  end
  return run(self, plan, timeout, payload)
end

--- Tells the times of the last command that ended.
-- @treturn ?table `sent_at`, `first_at`, `final_at` and `latency` as of `run`, those that there are
function methods:times()
  local sent_at <const>, first_at <const>, final_at <const> = self.port:times()
  return sent_at and {
    sent_at = sent_at, first_at = first_at, final_at = final_at,
    latency = final_at and final_at - sent_at,
  }
end

--- Lets the next command have its turn.
function methods:release()
  turn.pass(self)
end

-- for frames, judge and escape -------------------------------------------------

--- Writes every byte of both directions to a transcript, but for secrets.
-- @tparam ?attest.trace trace
function methods:transcribe(trace)
  secret.transcribe(self, trace)
  self.port:trace(trace)
end

--- Hands a URC to the handlers.
function methods:deliver(name, fields)
  if not self.router:dispatch(name, fields) then
    self:tell("flag", "urc_dropped")
  end
end

--- Ends a command: wakes its task.
function methods:finish(command, label)
  self.pending = nil
  turn.stop_timers(command)
  command.finished = true
  command.label = label
  owed.owe(self, command)
  if not self.port:is_closed() then
    self.port:expect_prompt(false) -- what follows in the same read is nothing of it
    self.port:forget_echo()
    local is_answered <const> = command.final ~= "" and label ~= "CLOSED" and label ~= "REBOOT"
    command.sent_at, command.first_at, command.final_at = self.port:conclude(is_answered)
    command.latency = command.final_at and command.final_at - command.sent_at
  end
  self:tell("cmd", label)
  core.wake(command.task)
end

--- Ends everything that waits: the port is gone or was closed.
function methods:shut(err)
  if self.closed then
    return
  end
  self.closed = err
  self.is_plain = false
  if not self.port:is_closed() then
    self.port:leave()
  end
  local command <const> = self.pending
  if command then
    command.error = self:closed_error(shown(command))
    self:finish(command, "CLOSED")
  end
  turn.wake(self)
  outlet.wake(self)
  if self.on_gone then
    self.on_gone()
  end
  self.router:close(err)
end

--- Makes a dialog on a port.
-- @tparam attest.port port
-- @tparam table module of the catalogue
-- @tparam[opt] table options `echo` (false: known to be off), `wakeup` (seconds
--   of silence after which the module may sleep)
-- @treturn attest.dialog
function dialog.new(port, module, options)
  options = options or {}
  local self <const> = setmetatable({
    port = port,
    module = module,
    profile = module.profile,
    terminator = module.profile.terminator or "\r\n",
    echo = options.echo == false and "off" or "assumed",
    wakeup = options.wakeup,
    observers = {}, tail = forward.start,
    secrets = {},
    queue = {},
    busy = false,
    is_plain = false,
  }, mt)
  self.lock = turn.lock(self)
  self.router = urc.new(function() hearing.rest(self) end)
  port:vocabulary(vocabulary_of(module))
  port:listen(function(kind, ...)
    local fn <const> = frames[kind]
    if fn then
      return fn(self, ...)
    end
  end)
  return self
end

return dialog
