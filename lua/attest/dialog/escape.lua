-- SPDX-License-Identifier: MIT
--- Leaves passthrough: `+++` with silence around it, and the proof that it was
-- understood.
--
-- What comes between the pluses and the module's OK is data, what follows the
-- OK are lines. Only AT proves that the OK was no data: its echo comes when
-- the module takes commands again. Works on a dialog that the caller holds.

local catches <const> = require "attest.dialog.catch"
local codec <const> = require "attest.codec"
local core <const> = require "attest.core"
local error_object <const> = require "attest.error"
local outlet <const> = require "attest.dialog.outlet"
local steps <const> = require "attest.dialog.steps"

local escape <const> = {}

local PLUSES <const> = "+++"
local ANSWER <const> = "\r\nOK\r\n"
--- How much longer than the module asks the host is silent, in seconds: what
-- stalls the last byte shortens the silence.
escape.margin = 0.05
--- How much longer than the silence the module may take to answer, in seconds.
local PATIENCE <const> = 0.7
local CONFIRM <const> = 2
local CONFIRMS <const> = 3

-- answers ------------------------------------------------------------------------

--- Whether this may be all that a module says after an answer: known lines.
local function is_lines(d, bytes)
  local line <const> = bytes:match("^\r\n([^\r\n]+)\r\n")
  return bytes == "" or line ~= nil and codec.urc(d.module, line) ~= nil
end

local function any_lines(_, bytes)
  return bytes == "" or bytes:find("^\r\n[^\r\n]+\r\n") ~= nil and bytes:sub(-2) == "\r\n"
end

--- Finds the last `word` that only lines follow.
local function last_word(d, bytes, word, are_lines)
  local found <const> = {}
  local at = bytes:find(word, 1, true)
  while at do
    found[#found + 1] = at
    at = bytes:find(word, at + 1, true)
  end
  for i = #found, 1, -1 do
    if are_lines(d, bytes:sub(found[i] + #word)) then
      return found[i]
    end
  end
  return nil
end

-- the pluses --------------------------------------------------------------------

--- Keeps the silence, then writes the pluses and collects from there on. Returns
-- what was collected before, too.
local function send_pluses(d, side)
  local empty <const>, stuck <const> = outlet.settle(d)
  if not empty then
    return nil, stuck
  end
  side:left(d.port:written())
  repeat
    core.sleep((side:wait() or 0) + escape.margin)
    if d.closed then
      return nil, d.closed
    end
  until side:take()
  local earlier <const> = d.catch and d.catch:all() or ""
  local catch <const> = catches.begin(d)
  local sent <const>, message <const>, name <const> = d.port:write(PLUSES)
  if not sent then
    catch:take(earlier)
    return nil, error_object.from_core(message, name, { message = PLUSES })
  end
  return catch, earlier
end

--- Waits for the answer to the pluses. Before the second silence is over the
-- module cannot have answered; an OK that came earlier is its answer only when
-- no other comes.
local function await_answer(d, catch)
  local from <const> = core.now() + d.guard.after
  return catch:await(from, PATIENCE, function(is_over)
    if catch.at < from and not is_over then
      return nil
    end
    return last_word(d, catch:all(), ANSWER, is_lines)
  end)
end

-- the proof ---------------------------------------------------------------------

--- Finds the echo of AT and its answer, with lines at most between and behind
-- them. Returns where they begin and the lines.
local function confirmation(d, bytes)
  local at, rest
  if d.echo ~= "off" then
    local from = bytes:find("AT\r", 1, true)
    while from do -- the last one: earlier ones were not answered
      at, from = from, bytes:find("AT\r", from + 1, true)
    end
    rest = at and bytes:match("^AT\r\n?(.*)$", at)
    rest = rest and (rest:gsub("^[\r\n]*OK\r\n", ANSWER))
  end
  if not at and d.echo ~= "on" then
    at, rest = 1, bytes
  end
  local ok <const> = rest and last_word(d, rest, ANSWER, is_lines)
  local between <const> = ok and rest:sub(1, ok - 1)
  if not between or not is_lines(d, between) then
    return nil
  end
  return at, between .. rest:sub(ok + #ANSWER)
end

--- Sends AT until its echo and OK end what comes. Returns what came before them, and the lines.
local function confirm(d, catch)
  local sent_at <const> = #catch:all()
  for attempt = 1, CONFIRMS do
    d.port:write("AT" .. d.terminator)
    catch.at = core.now()
    local lines
    local at <const>, is_flood <const> = catch:await(core.now(), CONFIRM, function()
      local found
      found, lines = confirmation(d, catch:all():sub(sent_at + 1))
      return found
    end)
    if at then
      local before = catch:all():sub(1, sent_at + at - 1)
      for _ = 2, attempt do -- the late answer to an earlier one
        before = before:gsub("AT\r[\r\n]*OK\r\n$", "")
      end
      return before, lines
    elseif d.closed then
      return nil, d.closed
    elseif is_flood then
      break
    end
  end
  return nil, error_object.new {
    code = "timeout", command = PLUSES,
    message = ("+++: the module did not leave passthrough (AT unanswered %d times)")
      :format(CONFIRMS),
  }
end

-- the end -----------------------------------------------------------------------

--- Splits what came into data and lines. Without an answer the pluses may have
-- been echoed: the module took commands already.
local function split(d, bytes, is_proved)
  local at = last_word(d, bytes, ANSWER, is_lines)
    or is_proved and last_word(d, bytes, ANSWER, any_lines)
  if at then
    return bytes:sub(1, at - 1), bytes:sub(at + #ANSWER), true
  end
  at = is_proved and last_word(d, bytes, PLUSES, any_lines)
  if at then
    return bytes:sub(1, at - 1), bytes:sub(at + #PLUSES), false
  end
  return bytes, "", false
end

--- Commands again: data to whom it belongs, lines to the framer.
local function finish(d, data, lines)
  d:leave_data()
  catches.give(d, data)
  if lines ~= "" then
    core.after(0, function()
      if not d.closed then
        d.port:feed(lines)
      end
    end)
  end
end

local function not_left(catch)
  return error_object.new {
    code = "timeout", command = PLUSES,
    message = ("+++: the module did not leave passthrough: it sent %d bytes without a pause")
      :format(#catch:all()),
  }
end

local hold_mt <const> = {}

--- However it ends: what was collected before the pluses is data unless it was
-- settled, and writes may go on.
function hold_mt.__close(hold)
  hold.side:finish()
  if hold.earlier ~= "" then
    hold.dialog:data(hold.earlier)
  end
  outlet.wake(hold.dialog)
end

--- Hands over everything as data: the module forwards still.
local function stay(hold, catch)
  local earlier <const> = hold.earlier
  hold.earlier = ""
  catches.give(hold.dialog, earlier .. catch:all())
end

--- Leaves passthrough.
-- @tparam attest.dialog d in passthrough, held by the caller
-- @tparam boolean is_raw without the proof by AT, if the module says OK
-- @tparam[opt=""] string doubtful what came last, data only if the module was in
--   passthrough indeed
-- @treturn[1] boolean true
-- @treturn[1] boolean whether it was
-- @treturn[2] nil
-- @treturn[2] attest.error "timeout", "closed"
function escape.leave(d, is_raw, doubtful)
  local hold <close> = setmetatable({ side = d.escape, dialog = d, earlier = "" }, hold_mt)
  hold.side:begin()
  if doubtful then
    catches.begin(d):take(doubtful)
  end
  local catch <const>, earlier <const> = send_pluses(d, hold.side)
  if not catch then
    return nil, d.closed or earlier -- the turn's end hands over what was collected
  end
  hold.earlier = earlier
  local answer <const>, is_flood <const> = await_answer(d, catch)
  local before, lines = catch:all(), ""
  if is_flood or d.closed then
    stay(hold, catch)
    return nil, d.closed or not_left(catch)
  elseif not (is_raw and answer) then
    local err
    before, err = confirm(d, catch)
    if not before then
      stay(hold, catch)
      return nil, err
    end
    lines = err
  end
  local data <const>, more <const>, was_in <const> = split(d, before, not (is_raw and answer))
  hold.earlier = ""
  if doubtful and not was_in then
    finish(d, data, earlier:sub(#doubtful + 1) .. more .. lines)
  else
    finish(d, earlier .. data, more .. lines)
  end
  return true, was_in
end

--- Enters passthrough: from the next byte on everything is data.
-- @tparam attest.dialog d
-- @tparam[opt] table guard `before` and `after`, in seconds
function escape.enter(d, guard)
  local seconds <const> = d.profile.guard or 1
  d.guard = guard or { before = seconds, after = seconds }
  d.escape = core.escape { side = "host", before = d.guard.before, after = d.guard.after }
  d.is_data, d.is_plain = true, false
  d.port:data(true)
  outlet.open(d)
end

-- +++ in command mode -------------------------------------------------------------

--- Sends `+++` to a module that takes commands: it echoes them at most, and
-- would find them before the next command but for a line end. One that was in
-- passthrough after all answers OK.
-- @tparam attest.dialog d held by the caller
-- @tparam string text
-- @tparam table form of the catalogue
-- @treturn[1] table command; its `final` is "" when nothing was answered
-- @treturn[2] nil
-- @treturn[2] attest.error "closed"
function escape.idle(d, text, form)
  local command <const> = {
    text = text, form = form, bare = true, lines = {}, steps = steps.compile(form, false), at = 1,
    timeout = d.profile.timeout,
  }
  local function end_it()
    if d.pending == command then
      command.final = ""
      d:finish(command, "OK")
    end
  end
  d.on_echo = function() -- an answer may follow in the same read
    core.after(catches.SETTLE, end_it)
  end
  local timer <const> = core.after((d.profile.guard or 1) + PATIENCE, end_it)
  local done <const>, err <const> = d:converse(command)
  timer:stop()
  d.on_echo = nil
  if done and command.final == "" and not d.closed then
    d.port:forget_echo()
    d.port:write(d.terminator)
    core.sleep(catches.SETTLE)
  end
  return done, err
end

return escape
