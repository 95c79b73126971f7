-- SPDX-License-Identifier: MIT
--- The short way for a command whose answer is as expected: echo, lines, final.
--
-- Which commands may take it is in their plans; the core then does the exchange
-- alone. Whatever else happens comes to left(), which makes the command what it
-- would have been by then, and judge goes on: the short way never decides what
-- the long one would decide otherwise.

local error_object <const> = require "attest.error"
local secret <const> = require "attest.dialog.secret"
local steps <const> = require "attest.dialog.steps"

local quick <const> = {}

local function is_plain(step, kind)
  return step ~= nil and step.kind == kind and not step.later and not step.settle
end

--- The line that says that a payload went well.
local function word_of(module, step)
  for _, row in ipairs(module.words or {}) do
    if step.words[row.name] == "ok" and row.match then
      return row.match[1]
    end
  end
  return nil
end

--- The line that ends a command, and one that may come before its prompt.
local function lines_of(module, list, has_payload)
  if not has_payload then
    local only <const> = #list == 1 and is_plain(list[1], "OK") and not list[1].optional
    return only and "OK" or nil
  end
  local at <const> = is_plain(list[1], "OK") and 1 or 0
  local word <const> = list[at + 3]
  if #list == at + 3 and is_plain(list[at + 1], "prompt") and is_plain(list[at + 2], "payload")
    and is_plain(word, "word") and not word.or_ok then
    return word_of(module, word), at == 1 and "OK" or nil
  end
  return nil
end

local function changes_line(form)
  local effects <const> = form.effects
  return form.kind == "bare" or effects.echo or effects.line or effects.enters_data
    or effects.leaves_data
end

--- Tells which lines a command of this kind may end with on the short way.
-- @tparam table module of the catalogue
-- @tparam ?table form
-- @tparam boolean has_payload
-- @tparam ?boolean typed
-- @treturn[1] string the line that ends it
-- @treturn[1] ?string one that may come before its prompt
-- @treturn[2] nil it must go the long way
function quick.ends(module, form, has_payload, typed)
  if form and (changes_line(form) or secret.concerns(form) or typed and form.info_within) then
    return nil
  end
  return lines_of(module, steps.compile(form, has_payload, typed), has_payload)
end

--- The port would not take it, or was closed.
local function failed(d, plan, message, name)
  d:release()
  return nil, d.closed and d:closed_error(plan.text)
    or error_object.from_core(message, name, { message = plan.text })
end

--- Goes on the long way.
local function go_on(d)
  local lock <close> = d.lock -- luacheck: ignore 211/lock
  local command <const> = d.left
  d.left = nil
  return d:await(command)
end

--- Runs a command the short way, as far as it goes. Nothing stands in its way now.
-- @tparam attest.dialog d
-- @tparam table plan
-- @tparam number timeout in seconds
-- @tparam ?string payload
-- @treturn[1] table as dialog:run
-- @treturn[2] nil
-- @treturn[2] attest.error
function quick.run(d, plan, timeout, payload)
  d.busy, d.flight, d.patience, d.cargo = true, plan, timeout, payload
  local course <const> = plan.course
  local done <const>, lines <const>, sent_at <const>, first_at <const>, final_at <const> =
    d.port:exchange(plan.wire, #plan.text, timeout, course.last, payload, course.before)
  d.flight = nil
  if done then
    if d.queue[1] then d:release() else d.busy = false end
    if course.typed then -- its caller gets the values of the lines alone
      return { final = course.last, lines = lines }
    end
    return {
      final = course.last, lines = lines, latency = final_at - sent_at,
      sent_at = sent_at, first_at = first_at, final_at = final_at,
    }
  elseif done == nil then
    return failed(d, plan, lines, sent_at)
  end
  return go_on(d)
end

--- The core hands a command over.
-- @tparam attest.dialog d
-- @tparam attest.task task that waits for it
-- @tparam number began when it was sent
-- @tparam boolean has_echo
-- @tparam {string,...} lines so far
-- @tparam boolean had_ok the OK before the prompt came
-- @tparam boolean had_prompt the prompt came, and the payload went out
-- @tparam integer since bytes that the port had received before it
function quick.left(d, task, began, has_echo, lines, had_ok, had_prompt, since)
  local command <const> = d:command(d.flight, d.patience, d.cargo)
  d.flight = nil
  command.task, command.sent, command.deadline = task, true, began + d.patience
  command.since, d.is_legible = since, has_echo
  command.echoed, command.has_echo, command.lines = has_echo, has_echo, lines
  if had_ok then
    steps.take_ok(command)
    command.final, command.result = "OK", "OK"
  end
  d.pending, d.left = command, command
  if had_prompt then
    steps.take_prompt(command)
    d:allow_silence(command)
  end
end

return quick
