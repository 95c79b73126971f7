-- SPDX-License-Identifier: MIT
--- One command at a time, from its first byte to its last result.
--
-- The dialog writes a command, hears the port's frames and decides which of
-- them belong to it; it knows the catalogue's forms but no command by name.
-- Invariants: one command in flight; a late answer never satisfies the next
-- command; every wait has one deadline for the whole conversation.

local core <const> = require "attest.core"
local error_object <const> = require "attest.error"
local escape <const> = require "attest.dialog.escape"
local frames <const> = require "attest.dialog.frames"
local outlet <const> = require "attest.dialog.outlet"
local prelude <const> = require "attest.dialog.prelude"
local resume <const> = require "attest.dialog.resume"
local secret <const> = require "attest.dialog.secret"
local steps <const> = require "attest.dialog.steps"
local turn <const> = require "attest.dialog.turn"
local urc <const> = require "attest.urc"

local dialog <const> = {}

--- How long an unanswered command may still be answered, in seconds.
local OWED <const> = 10
--- How long a command may wait for its turn at least, in seconds.
local TURN <const> = 120

local methods <const> = {}
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
end

--- Notes that a command may still be answered.
function methods:owe(command)
  if command.finished or not command.sent then
    return
  end
  self.owed = { form = command.form, text = command.text, till = core.now() + OWED }
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

local function closed_error(self, text)
  return error_object.new {
    code = "closed", command = text, name = self.closed.name,
    message = ("%s: the port is gone: %s"):format(text, self.closed.message),
  }
end

local function timeout_error(command)
  return error_object.new {
    code = "timeout", command = shown(command), lines = command.lines, seconds = command.timeout,
    message = ("%s: no %s within %g s"):format(shown(command),
      #command.lines > 0 and "final answer" or "answer", command.timeout),
  }
end

--- Writes a command, and tells the framer what may come back.
-- @tparam table command
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] attest.error
function methods:send(command)
  local port <const> = self.port
  if not command.bare then
    port:expect_echo(command.text, true)
  end
  port:expect_prompt(command.payload ~= nil)
  port:quoted_crlf(command.quoted_crlf or false)
  local ok <const>, message <const>, name <const> =
    port:write(command.bare and command.text or command.text .. self.terminator)
  if not ok then
    return nil, error_object.from_core(message, name, { message = shown(command) })
  end
  command.sent = true
  return true
end

--- Writes a command and waits for its end; the caller holds the dialog.
-- @tparam table command
-- @treturn[1] table command
-- @treturn[2] nil
-- @treturn[2] attest.error
function methods:converse(command)
  if self.closed then -- while it waited for a silence
    return nil, closed_error(self, shown(command))
  end
  self.pending = command
  command.task = core.current()
  local sent <const>, err <const> = self:send(command)
  if not sent then
    return nil, err
  end
  local deadline <const> = core.now() + command.timeout
  while not command.finished and core.now() < deadline do
    core.wait(deadline - core.now()) -- others may wake this task, too: that is no answer
  end
  if not command.finished then
    self.pending = nil
    self:owe(command)
    self.echo = self.echo == "on" and "assumed" or self.echo
    command.label = "TIMEOUT"
    self:tell("cmd", "TIMEOUT")
    return nil, timeout_error(command)
  end
  if command.error then
    return nil, command.error
  end
  return command
end

--- Takes a link from passthrough to commands, or back.
local function change_mode(self, text, options)
  local form <const> = options.form
  local effects <const> = form and form.effects or {}
  local done, err
  if not self.is_data and effects.leaves_data then
    return escape.idle(self, text, form)
  elseif self.is_data and effects.leaves_data then
    done, err = escape.leave(self, not options.typed)
  elseif self.is_data then
    err = error_object.new {
      code = "invalid", command = text,
      message = ("%s: the link is in passthrough: leave it first"):format(text),
    }
  else
    done, err = resume.run(self, text)
  end
  if not done then
    return nil, err
  end
  self:tell("cmd", "OK")
  return { final = "OK", lines = {} }
end

--- Runs one command.
-- @tparam string text without a line end
-- @tparam table options `form` (of the catalogue), `payload`, `timeout` in
--   seconds, `typed` (wait for later words too), `quoted_crlf`
-- @treturn[1] table `final`, `lines`, `number`, `fields` (of the final's word)
-- @treturn[2] nil
-- @treturn[2] attest.error "timeout", "rejected", "reset", "closed", "invalid"
function methods:run(text, options)
  if self.closed then
    return nil, closed_error(self, text)
  end
  local patience <const> = options.timeout or options.form and options.form.timeout
    or self.profile.timeout
  if not turn.take(self, math.max(patience, TURN)) then
    return nil, error_object.new {
      code = "busy", command = text,
      message = ("%s: another command ran all the time"):format(text),
    }
  end
  local lock <close> = self.lock -- luacheck: ignore 211/lock
  if self.closed then
    return nil, closed_error(self, text)
  end
  local form <const> = options.form
  local effects <const> = form and form.kind == "bare" and form.effects or {}
  if self.is_data or effects.enters_data or effects.leaves_data then
    return change_mode(self, text, options)
  end
  if self.owed or self.wakeup or self.echo == "off" then
    prelude.prepare(self)
  end
  local list <const> = steps.compile(form, options.payload ~= nil, options.typed)
  local timeout <const> = options.timeout or form and form.timeout or self.profile.timeout
  local command <const> = {
    text = text,
    lines = {},
    form = form,
    entry = options.entry,
    payload = options.payload,
    quoted_crlf = options.quoted_crlf,
    bare = form and form.kind == "bare",
    needs_info = options.typed and form and form.info_within,
    timeout = options.typed and timeout + steps.patience(list) or timeout,
    steps = list,
    at = 1,
  }
  secret.begin(self, command)
  local done <const>, err <const> = self:converse(command)
  if command.is_secret then
    secret.finish(self, command)
  end
  return done, err
end

-- for frames, judge and escape -------------------------------------------------

--- Writes bytes in passthrough; see attest.dialog.outlet.
-- @tparam string bytes
-- @tparam[opt] number timeout seconds
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] attest.error "closed", "timeout", "invalid"
function methods:write(bytes, timeout)
  return outlet.write(self, bytes, timeout)
end

--- Takes data that the link forwarded.
function methods:data(bytes)
  self:tell("data", bytes)
  if self.on_data then
    self.on_data(bytes)
  end
end

--- Enters passthrough.
-- @tparam[opt] table guard `before` and `after`, in seconds
function methods:enter_data(guard)
  self.session = {}
  escape.enter(self, guard or self.guard)
end

--- The module takes commands again.
function methods:leave_data()
  self.is_data = false
  self.port:data(false)
end

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

--- Follows the module to the line settings that it was just told.
-- @tparam table form whose effect names the arguments
-- @tparam table values its arguments, as the module takes them
function methods:switch_line(form, values)
  local means <const>, wanted <const> = {}, {}
  for _, arg in ipairs(form.args) do
    means[arg.name] = arg.type.means
  end
  for option, name in pairs(form.effects.line) do
    local map <const> = means[name]
    wanted[option] = map and map[values[name]] or values[name]
  end
  local before <const> = self.port:baud()
  local done <const>, message <const> = self.port:set(wanted)
  if not done then
    self:tell("noise", message)
  elseif wanted.baud and wanted.baud ~= before then
    self:tell("flag", "baud_switched")
  end
end

--- Ends a command: wakes its task.
function methods:finish(command, label)
  self.pending = nil
  command.finished = true
  command.label = label
  self:tell("cmd", label)
  core.wake(command.task)
end

--- Ends everything that waits: the port is gone or was closed.
function methods:shut(err)
  if self.closed then
    return
  end
  self.closed = err
  local command <const> = self.pending
  if command then
    command.error = closed_error(self, shown(command))
    self:finish(command, "CLOSED")
  end
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
    router = urc.new(),
    observers = {},
    secrets = {},
    queue = {},
    busy = false,
  }, mt)
  self.lock = turn.lock(self)
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
