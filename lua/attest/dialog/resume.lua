-- SPDX-License-Identifier: MIT
--- Enters passthrough again: ATO, which has no line end and no answer.
--
-- What follows its echo is data, but for a refusal, which nothing but its
-- words tells from data.

local catches <const> = require "attest.dialog.catch"
local codec <const> = require "attest.codec"
local core <const> = require "attest.core"
local error_object <const> = require "attest.error"
local escape <const> = require "attest.dialog.escape"

local resume <const> = {}

--- How long ATO must stand alone before the module takes it, in seconds.
local ALONE <const> = 0.6
--- How long the echo of a module that is known to echo may take, in seconds.
local ECHO <const> = 2

--- Sends ATO; what follows its echo is data. Returns what came until it must have been taken.
local function send_ato(d, text)
  local is_echoed <const> = d.echo ~= "off"
  local catch <const> = catches.begin(d)
  local over_at = core.now() + (d.echo == "on" and ECHO or ALONE)
  if is_echoed then
    d.port:expect_echo(text, false)
    d.on_echo = function()
      d.port:data(true) -- in the same read
      over_at = core.now() + ALONE
      core.wake(catch.task)
    end
  end
  local sent <const>, message <const>, name <const> = d.port:write(text)
  if not sent then
    d.on_echo, d.catch = nil, nil
    return nil, error_object.from_core(message, name, { message = text })
  end
  if not is_echoed then
    d.port:data(true)
  end
  while not d.closed and not catch:is_flood() and core.now() < over_at do
    core.wait(over_at - core.now()) -- woken by the echo and by data
  end
  d.on_echo = nil
  return catch:all()
end

--- What a module says that has nothing to go on with.
local function refusal(bytes)
  local line <const> = bytes:match("^\r\n([^\r\n]+)\r\n$")
  local kind, number
  if line then
    kind, number = codec.final(line)
  end
  local is_one <const> = line == "NO CARRIER" or kind ~= nil and kind ~= "OK"
  return is_one and line or nil, number
end

--- Tells whether bytes that follow ATO look like its refusal.
-- @tparam string bytes
-- @treturn boolean
function resume.is_refusal(bytes)
  return refusal(bytes) ~= nil
end

local function rejected(text, line, number)
  return error_object.new {
    code = "rejected", command = text, lines = {}, final = line, number = number,
    message = ("%s: refused with %s: there is nothing to go on with"):format(text, line),
  }
end

--- Enters passthrough again with ATO, which has no line end and no answer. What
-- looks like a refusal may be data, unless no passthrough was left before: an
-- escape tells, since only a module in passthrough answers it.
-- @tparam attest.dialog d held by the caller
-- @tparam string text such as "ATO"
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] attest.error "rejected", "timeout", "closed"
function resume.run(d, text)
  local bytes <const>, failed <const> = send_ato(d, text)
  if not bytes or d.closed then
    return nil, d.closed or failed
  end
  local line <const>, number <const> = refusal(bytes)
  if line and not d.session then
    d.catch = nil
    d:leave_data()
    d:tell("cmd", line)
    return nil, rejected(text, line, number)
  end
  escape.enter(d, d.guard)
  if not line then
    d:tell("cmd", "DATA")
    catches.give(d, bytes)
    return true
  end
  d.catch = nil
  local left <const>, was_in <const> = escape.leave(d, false, bytes)
  if not left then
    return nil, was_in
  elseif not was_in then
    d.session = nil
    d:tell("cmd", line)
    return nil, rejected(text, line, number)
  end
  local more <const>, err <const> = send_ato(d, text)
  if not more or d.closed then
    return nil, d.closed or err
  end
  escape.enter(d, d.guard)
  d:tell("cmd", "DATA")
  catches.give(d, more)
  return true
end

return resume
