-- SPDX-License-Identifier: MIT
--- A dialog in passthrough: every byte is data, in both directions; and the
-- commands that lead there and back.

local error_object <const> = require "attest.error"
local escape <const> = require "attest.dialog.escape"
local goodbye <const> = require "attest.dialog.goodbye"
local outlet <const> = require "attest.dialog.outlet"
local resume <const> = require "attest.dialog.resume"

local forward <const> = { start = goodbye.start, write = outlet.write }

local function hand_on(d, bytes, is_goodbye)
  d:tell("data", bytes)
  if is_goodbye then
    d:tell("flag", "maybe_closed")
  end
  if d.on_data then
    d.on_data(bytes, is_goodbye)
  end
end

--- Takes data that the link forwarded; a goodbye in it is data, too.
-- @tparam attest.dialog d
-- @tparam string bytes
function forward.data(d, bytes)
  local text <const> = d.tail .. bytes
  local done = #d.tail
  local last = goodbye.find(text, done)
  while last do
    hand_on(d, text:sub(done + 1, last), true)
    done, last = last, goodbye.find(text, last)
  end
  if done < #text then
    hand_on(d, text:sub(done + 1), false)
  end
  d.tail = goodbye.tail(text)
end

--- Enters passthrough.
-- @tparam attest.dialog d
-- @tparam[opt] table guard `before` and `after`, in seconds
function forward.enter(d, guard)
  d.session = {}
  escape.enter(d, guard or d.guard)
end

--- The module takes commands again.
-- @tparam attest.dialog d
function forward.leave(d)
  d.is_data = false
  d.tail = goodbye.start
  d.port:data(false)
end

--- Runs a command that takes a link from passthrough to commands, or back;
-- refuses any other while passthrough lasts.
-- @tparam attest.dialog d held by the caller
-- @tparam table plan
-- @treturn[1] table `final`, `lines`
-- @treturn[2] nil
-- @treturn[2] attest.error "invalid", "rejected", "timeout", "closed"
function forward.change(d, plan)
  local form <const>, text <const> = plan.course.form, plan.text
  local leaves <const> = form and form.effects.leaves_data
  local done, err
  if leaves and not d.is_data then
    return escape.idle(d, text, form)
  elseif leaves then
    done, err = escape.leave(d, not plan.course.typed)
    if done then
      d:tell("cmd", "OK")
    end
  elseif d.is_data then
    err = error_object.new {
      code = "invalid", command = text,
      message = ("%s: the link is in passthrough: leave it first"):format(text),
    }
  else
    done, err = resume.run(d, text)
  end
  if not done then
    return nil, err
  end
  return { final = "OK", lines = {} }
end

return forward
