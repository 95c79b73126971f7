-- SPDX-License-Identifier: MIT
--- Decides what a line is: the end of the command, a URC, its answer, or what
-- an older command still owed.
--
-- Order: NMEA sentence (always a URC), final, claimed info, word that the
-- command waits for, URC, untagged info. Lines before the command's own echo
-- wait until the echo proves that they are foreign, or silence proves that
-- nothing is echoed.

local codec <const> = require "attest.codec"
local core <const> = require "attest.core"
local error_object <const> = require "attest.error"
local owed <const> = require "attest.dialog.owed"
local steps <const> = require "attest.dialog.steps"

local judge <const> = {}

--- Silence after which an answer without echo counts, in seconds.
local GRACE <const> = 0.3

--- Lines of an answer, or before an echo, that are kept; a module may send any number.
local MOST_LINES <const> = 1024

local DOLLAR <const> = ("$"):byte()

local final_of <const> = codec.final

local function label_of(kind, number)
  return number and kind .. " " .. tostring(number) or kind
end

-- the end of a command --------------------------------------------------------

local function rejected(d, command, line, number)
  local known <const> = math.type(number) == "integer" and d.module.errors[number]
  local meaning <const> = known and (" (%s)"):format(known.en) or ""
  return error_object.new {
    code = "rejected",
    command = command.shown or command.text,
    lines = command.lines,
    final = line,
    number = number,
    meaning = known or nil,
    message = ("%s: refused with %s%s"):format(command.shown or command.text, line, meaning),
  }
end

--- What an accepted command changes on the line between host and module.
local function apply_effects(d, command)
  local effects <const> = command.form.effects
  if not (effects.echo or effects.line or effects.enters_data) then
    return
  end
  local parsed <const> = codec.parse(d.module, command.text)
  local values <const> = parsed and parsed.args or {}
  if effects.echo then
    d.echo = values[effects.echo] == 0 and "off" or "assumed"
  end
  if effects.line then
    d:switch_line(command.form, values)
  end
  for name, value in pairs(type(effects.enters_data) == "table" and effects.enters_data or {}) do
    if values[name] == value then
      d:enter_data() -- at once: data may follow in the same read
    end
  end
end

local function accept(d, command, final, label, fields)
  command.final = final
  command.fields = fields
  d:finish(command, label)
  if command.form then
    apply_effects(d, command)
  end
end

local function refuse(d, command, line, label, number)
  command.final = line
  command.error = rejected(d, command, line, number)
  d:finish(command, label)
end

local settle

local function info(d, command, line)
  d:tell("info", line)
  if #command.lines < MOST_LINES then
    command.lines[#command.lines + 1] = line
  elseif not command.is_flooded then
    command.is_flooded = true
    d:tell("flag", "lines_dropped")
  end
  if command.linger and command.needs_info then
    settle(d, command)
  end
end

--- Ends a command whose steps were taken, at once or, where an optional step
-- may follow, when its time is over.
settle = function(d, command)
  local complete, later = steps.is_complete(command)
  if complete and command.needs_info and #command.lines == 0 then
    complete, later = nil, command.needs_info
  end
  if command.linger then
    command.linger:stop()
    command.linger = nil
  end
  local function finish()
    if d.pending == command then
      accept(d, command, command.final, command.result, command.fields)
    end
  end
  if complete and not later then
    finish()
  elseif later then
    command.linger = core.after(later, finish)
  end
end

local function ok(d, command, line)
  if not steps.take_ok(command) then
    return d:tell("info", line) -- an OK that is not the end: the word is to come
  end
  command.final = command.final or "OK"
  command.result = "OK"
  local complete <const>, later <const> = steps.is_complete(command)
  if not complete or later then
    d:tell("info", line)
  end
  settle(d, command)
end

local function ended(d, command, line, kind, number)
  if kind == "OK" then
    return ok(d, command, line)
  end
  refuse(d, command, line, label_of(kind, number), number)
end

local function word_label(row, fields)
  local first <const> = row and row.fields and row.fields[1]
  local value <const> = first and fields[first.name]
  return value ~= nil and row.name .. " " .. tostring(value) or nil
end

--- A word that may be the command's result. Returns whether it was taken.
local function word(d, command, line, name, fields)
  local outcome <const>, step <const> = steps.take_word(command, name)
  if not outcome then
    return false
  end
  local row <const> = codec.urc(d.module, line)
  if step.later and row then
    judge.urc(d, line, row, fields, true) -- others may wait for it too
  end
  if outcome ~= "ok" then
    refuse(d, command, line, name)
    return true
  end
  command.final, command.fields = name, fields
  command.result = step.settle and command.result or word_label(row, fields) or name
  if step.settle then
    d:tell("info", line) -- OK may follow and is the result
  end
  settle(d, command)
  return true
end

-- unasked lines ---------------------------------------------------------------

--- A module that had not started when the first command was sent: it may have
-- kept the command, and echoes it now, or never heard it. One with a payload is
-- not sent again: the second could be the payload of the first.
local function outlast_boot(d, command)
  command.outlasts = true
  command.again = not command.payload and core.after(GRACE, function()
    if d.pending == command and not command.echoed then
      command.was_sent_again = true
      d:send(command)
    end
  end) or nil
end

local function reboot(d, command)
  local is_first <const> = not d.has_echoed and d.echo ~= "off"
  d.echo, d.is_plain = "assumed", false
  owed.outlive_boot(d)
  if not command then
    return
  elseif is_first and not command.outlasts then
    return outlast_boot(d, command)
  end
  command.is_reset = true
  command.error = error_object.new {
    code = "reset", command = command.shown or command.text, lines = command.lines,
    message = ("%s: the module rebooted before it answered"):format(
      command.shown or command.text),
  }
  d:finish(command, "REBOOT")
end

--- Hands a URC on.
-- @tparam attest.dialog d
-- @tparam string line
-- @tparam ?table row of the catalogue; nil for an unknown line
-- @tparam ?table fields
-- @tparam ?boolean awaited the pending command was waiting for it
function judge.urc(d, line, row, fields, awaited)
  d:tell("urc", line)
  local event <const> = { line = line }
  for key, value in pairs(fields or {}) do
    event[key] = value
  end
  d:deliver(row and row.name or line, event)
  if row and row.name == d.profile.boot_word then
    reboot(d, not awaited and d.pending)
  end
end

-- lines -----------------------------------------------------------------------

--- A line that came after the command's echo, or without any.
local function answer(d, command, line)
  local kind <const>, number <const> = final_of(line)
  if d.owed and owed.takes(d, command, line, function()
    ended(d, command, line, kind, number)
  end) then
    return
  end
  if kind then
    return ended(d, command, line, kind, number)
  end
  local form <const> = command.form
  if form and codec.claims(form, line) then
    return info(d, command, line)
  end
  local name <const>, fields <const> = codec.word(d.module, line)
  if name and word(d, command, line, name, fields) then
    return
  end
  local row <const> = name and codec.urc(d.module, line)
  if row then
    return judge.urc(d, line, row, fields)
  end
  info(d, command, line)
end

--- Takes the held lines for the answer: nothing is echoed here.
local function release(d, command)
  local held <const> = command.held
  command.held = nil
  command.echoed = true
  d.echo = d.echo == "on" and "assumed" or "off"
  for _, line in ipairs(held) do
    if d.pending == command then
      answer(d, command, line)
    else
      judge.line(d, line)
    end
  end
end

local function is_result(d, command, line)
  if final_of(line) then
    return true
  end
  local name <const> = codec.word(d.module, line)
  return name ~= nil and steps.waits_for(command, name)
end

local function stop_grace(command)
  if command.grace then
    command.grace:stop()
    command.grace = nil
  end
end

--- The module echoes: nothing counts without our own echo.
local function prove_echo(d, command)
  d.echo = "on"
  stop_grace(command)
end

--- A line that came before the command's echo.
local function hold(d, command, line)
  if d.owed then
    local is_older <const>, has_echo <const> = owed.precedes(d, command, line)
    if has_echo then
      prove_echo(d, command)
    end
    if is_older then
      command.held = nil -- modules answer in order: that was older still
      return stop_grace(command)
    end
  end
  local result <const> = is_result(d, command, line)
  if not result and not (command.form and codec.claims(command.form, line)) then
    local row <const>, fields <const> = codec.urc(d.module, line)
    if row then
      return judge.urc(d, line, row, fields)
    end
  end
  command.held = command.held or {}
  if #command.held >= MOST_LINES then
    return judge.urc(d, line) -- so many lines before an echo are no answer
  end
  command.held[#command.held + 1] = line
  if result and not command.grace and not owed.has_echo(d) then
    command.grace = core.after(GRACE, function()
      if d.pending == command and not command.echoed then
        release(d, command)
      end
    end)
  end
end

--- A line while no command runs.
local function idle(d, line)
  local row <const>, fields <const> = codec.urc(d.module, line)
  if row then
    return judge.urc(d, line, row, fields)
  end
  local kind <const>, number <const> = final_of(line)
  local final <const> = kind or codec.word(d.module, line)
  if d.owed and owed.idle(d, line, final) then
    return
  elseif final and not number and kind ~= "CME" and kind ~= "CMS" then
    d:tell("flag", "stray_final")
  else
    judge.urc(d, line)
  end
end

local function is_before_echo(d, command)
  return not command.echoed and d.echo ~= "off" and not command.probe and not command.bare
end

--- A sentence of a satellite receiver on the same line is nobody's answer.
local function sentence_of(line)
  return line:byte(1) == DOLLAR and line:match("^(%$%w+),.*%*%x%x$") or nil
end

--- Judges a line.
-- @tparam attest.dialog d
-- @tparam string line
function judge.line(d, line)
  local sentence <const> = sentence_of(line)
  if sentence then
    return judge.urc(d, line, { name = sentence })
  end
  local command <const> = d.pending
  if not command then
    idle(d, line)
  elseif is_before_echo(d, command) then
    hold(d, command, line)
  else
    answer(d, command, line)
  end
end

--- Our own bytes came back: what came before them was not our answer.
-- @tparam attest.dialog d
function judge.echo(d)
  local command <const> = d.pending
  if command and not command.echoed then
    command.echoed, command.has_echo = true, true
    stop_grace(command)
    local held <const> = command.held or {}
    command.held = nil
    for _, line in ipairs(held) do
      d.pending = nil -- as if nothing had been asked yet
      idle(d, line)
    end
    d.pending = command
  end
  d.echo = "on"
  d.has_echoed = true
  d:tell("echo")
end

return judge
