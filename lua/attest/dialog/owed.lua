-- SPDX-License-Identifier: MIT
--- What an older command still owes: a late answer never satisfies the next.
--
-- An answer with a foreign prefix is the older one's, up to its final. A bare
-- final may be either's: it is taken for the new command's when silence
-- follows, and for the old one's when more comes.

local codec <const> = require "attest.codec"
local core <const> = require "attest.core"
local steps <const> = require "attest.dialog.steps"

local owed <const> = {}

--- Silence after which a doubtful final is the new command's, in seconds.
local GRACE <const> = 0.3

--- How long an unanswered command may still be answered, in seconds.
local OWED <const> = 10

--- Notes that a command may still be answered.
-- @tparam attest.dialog d
-- @tparam table command
function owed.owe(d, command)
  if not command.finished and command.sent then
    d.owed = {
      form = command.form, text = command.text, steps = command.steps, at = command.at,
      till = core.now() + OWED,
    }
  end
end

--- Tells that an older command was answered after all.
-- @tparam attest.dialog d
function owed.late_reply(d)
  d.owed = nil
  d:tell("flag", "late_reply")
end

local function own_prefix(command, line)
  local head <const> = line:match("^(%+%u+)[:=]")
  return head and command.text:find(head, 1, true) ~= nil, head
end

local function needs_info(form)
  for _, row in ipairs(form and form.info or {}) do
    if not row.repeated and not row.optional then
      return true
    end
  end
  return false
end

--- A final that may be the older command's: accepted when silence follows.
local function doubt(d, command, kind, accept)
  if kind == "OK" and needs_info(command.form) then
    return owed.late_reply(d)
  end
  command.doubt = core.after(GRACE, function()
    command.doubt = nil
    if d.pending == command then
      accept()
    end
  end)
end

--- A result word, such as SEND OK, that only the older command can wait for.
local function is_its_word(d, command, line)
  local name <const> = codec.word(d.module, line)
  return name and not codec.urc(d.module, line) and steps.waits_for(d.owed, name)
    and (not steps.waits_for(command, name) or steps.is_before_payload(command))
end

--- Judges a line while an older command is unanswered.
-- @tparam attest.dialog d
-- @tparam table command
-- @tparam string line
-- @tparam function accept called later when a doubtful final is the command's own
-- @treturn boolean whether the line was the older command's, or is doubtful
function owed.takes(d, command, line, accept)
  local debt <const> = d.owed
  local kind <const> = codec.final(line)
  if command.doubt then
    if not kind and codec.urc(d.module, line) then
      return false -- says nothing of whose final that was
    end
    command.doubt:stop()
    command.doubt = nil
    owed.late_reply(d)
    return false
  end
  if debt.begun then
    if kind then
      owed.late_reply(d)
    end
    return kind ~= nil or codec.urc(d.module, line) == nil
  end
  if kind then
    if #command.lines > 0 or command.has_echo then
      return false
    end
    doubt(d, command, kind, accept)
    return true
  end
  if is_its_word(d, command, line) then
    owed.late_reply(d)
    return true
  end
  local form <const> = command.form
  if form and codec.claims(form, line) or codec.urc(d.module, line) then
    return false
  end
  local own <const>, head <const> = own_prefix(command, line)
  debt.begun = head and not own or debt.form and codec.claims(debt.form, line) or nil
  return debt.begun ~= nil
end

return owed
