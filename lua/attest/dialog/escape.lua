-- SPDX-License-Identifier: MIT
--- Leaves passthrough: `+++` with silence around it, and the proof that it was
-- understood.
--
-- What arrives while the escape is under way is data, but for the answer OK at
-- its end. AT proves it: its echo comes when the module takes commands again.
-- Works on a dialog that the caller holds. Waits.

local core <const> = require "attest.core"
local error_object <const> = require "attest.error"

local escape <const> = {}

local ANSWER <const> = "\r\nOK\r\n"
--- How much longer than the silence the module may take to answer, in seconds.
local PATIENCE <const> = 0.7
--- Silence after which an OK is the end of what was sent, in seconds.
local SETTLE <const> = 0.05
local CONFIRM <const> = 2
local CONFIRMS <const> = 3

--- Collects what comes; woken by each chunk.
local function collect(d)
  local catch <const> = { bytes = "", task = core.current() }
  d.catch = catch
  return catch
end

--- Waits until `is_end(bytes)` holds through a silence, or until the deadline.
local function await_end(catch, deadline, is_end)
  while true do
    local left <const> = deadline - core.now()
    local ended <const> = is_end(catch.bytes)
    if not ended and left <= 0 then
      return nil
    end
    if not core.wait(ended and SETTLE or left) and ended then
      return ended
    end
  end
end

local function answer_at(bytes)
  local at <const> = #bytes - #ANSWER + 1
  return at >= 1 and bytes:sub(at) == ANSWER and at or nil
end

--- Where the echo of AT and its answer begin, at the end of the bytes.
local function confirmation_at(bytes)
  local at <const> = bytes:find("AT\r[\r\n]*OK\r\n$") or bytes:find("\r\nOK\r\n$")
  return at
end

--- The data in what was collected; the module's answer is cut off.
local function give_data(d, bytes, upto)
  d.catch = nil
  local data <const> = bytes:sub(1, upto - 1)
  if data ~= "" then
    d:data(data)
  end
end

local function send_pluses(d, side)
  side:begin()
  while not side:take() do
    core.sleep(side:wait())
  end
  return d.port:write("+++")
end

--- Writes `+++` and takes the data before its answer.
local function send_escape(d, side)
  local catch <const> = collect(d)
  local sent <const>, message <const>, name <const> = send_pluses(d, side)
  if not sent then
    d.catch = nil
    return nil, error_object.from_core(message, name, { message = "+++" })
  end
  local deadline <const> = core.now() + d.guard.after + PATIENCE
  local at <const> = await_end(catch, deadline, answer_at)
  local rest <const> = d.guard.after - (core.now() - d.port:written())
  if rest > 0 and not at then
    core.sleep(rest)
  end
  give_data(d, catch.bytes, at or #catch.bytes + 1)
  return true, at ~= nil
end

--- Sends AT until its echo and OK end what comes.
local function confirm(d)
  for _ = 1, CONFIRMS do
    local catch <const> = collect(d)
    d.port:write("AT" .. d.terminator)
    local at <const> = await_end(catch, core.now() + CONFIRM, confirmation_at)
    give_data(d, catch.bytes, at or #catch.bytes + 1)
    if at then
      return true
    elseif d.closed then
      break
    end
  end
  return nil, error_object.new {
    code = "timeout", command = "+++",
    message = ("+++: the module did not leave passthrough (AT unanswered %d times)")
      :format(CONFIRMS),
  }
end

--- Leaves passthrough.
-- @tparam attest.dialog d in passthrough, held by the caller
-- @tparam boolean is_raw without the proof by AT
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] attest.error "timeout", "closed"
function escape.leave(d, is_raw)
  local side <const> = d.escape
  local sent, err = send_escape(d, side)
  side:finish()
  if sent and not is_raw then
    sent, err = confirm(d)
  end
  if not sent then
    return nil, d.closed or err
  end
  d:leave_data()
  return true
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
end

--- How long ATO must stand alone before the module takes it, in seconds.
local ALONE <const> = 0.6

--- Enters passthrough again with ATO, which has no line end and no answer.
-- @tparam attest.dialog d held by the caller
-- @tparam string text such as "ATO"
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] attest.error "closed"
function escape.resume(d, text)
  local function forward()
    d.resumes = nil
    d.port:data(true)
    d:tell("cmd", "DATA")
  end
  if d.echo ~= "off" then
    d.resumes = forward
    d.port:expect_echo(text, false)
  end
  local sent <const>, message <const>, name <const> = d.port:write(text)
  if not sent then
    d.resumes = nil
    return nil, error_object.from_core(message, name, { message = text })
  end
  if not d.resumes then
    forward()
  end
  core.sleep(ALONE)
  if d.resumes then
    forward() -- the echo did not come
  end
  escape.enter(d, d.guard)
  return true
end

--- Takes a link from passthrough to commands, or back, by a command that does
-- so; refuses any other while it lasts.
-- @tparam attest.dialog d held by the caller
-- @tparam table plan
-- @treturn[1] table `final`, `lines`
-- @treturn[2] nil
-- @treturn[2] attest.error
function escape.change(d, plan)
  local form <const> = plan.options.form
  local done, err
  if d.is_data and form and form.effects.leaves_data then
    done, err = escape.leave(d, not plan.options.typed)
    if done then
      d:tell("cmd", "OK")
    end
  elseif d.is_data then
    err = error_object.new {
      code = "invalid", command = plan.text,
      message = ("%s: the link is in passthrough: leave it first"):format(plan.text),
    }
  else
    done, err = escape.resume(d, plan.text)
  end
  if not done then
    return nil, err
  end
  return { final = "OK", lines = {} }
end

return escape
