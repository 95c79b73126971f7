-- SPDX-License-Identifier: MIT
--- What older commands still owe: a late answer never satisfies the next.
--
-- Debts stand in the order of their commands, d.owed is the oldest. An answer
-- behind an older one's echo, or with a prefix that is not the new one's, is
-- the older one's up to its final. A bare final may be either's: it is taken
-- for the new command's when silence follows, a refusal when the older one is
-- too old for it, and for the old one's when more comes; where nothing else
-- could tell them apart, or a module may wait for a payload and would take
-- anything for it, prelude settles the debt before the new command is sent. A
-- debt ends when it is paid, or by time; a reboot pays none.

local codec <const> = require "attest.codec"
local core <const> = require "attest.core"
local steps <const> = require "attest.dialog.steps"

local owed <const> = {}

--- Silence after which a doubtful final is the new command's, in seconds.
local GRACE <const> = 0.3

--- How long an unanswered command may still be answered, in seconds.
owed.PATIENCE = 10

--- How long a module may wait for a payload until it gives up, in seconds.
local GIVE_UP <const> = 10

--- Whether the answer to a command would come behind its echo. A module that
-- rebooted echoes as it did at first, one that has said nothing since an older
-- command as it did then.
local function is_echoed(d, command, last)
  return (d.echo == "on" or command.is_reset and d.has_echoed
      or d.echo == "assumed" and last ~= nil and last.has_echo and not command.held)
    and not (command.form and command.form.effects.echo)
end

--- Whether a module may wait for a command's payload; not one that had echoed it
-- before it rebooted.
local function lacks_payload(command)
  return command.payload ~= nil and steps.is_before_payload(command)
    and not (command.is_reset and command.has_echo)
end

--- Gives a debt its time: by now the module may have begun it.
local function allow(debt)
  debt.till = core.now() + owed.PATIENCE + (debt.lacks_payload and GIVE_UP or 0)
end

local function last_of(d)
  local last = d.owed
  while last and last.next do
    last = last.next
  end
  return last
end

local function add(d, command, was_heard)
  local last <const> = last_of(d)
  local debt <const> = {
    form = command.form, text = command.text, steps = command.steps, at = command.at,
    has_echo = is_echoed(d, command, last),
    lacks_payload = lacks_payload(command), was_heard = was_heard,
  }
  allow(debt)
  if last then
    last.next = debt
  else
    d.owed = debt
  end
end

--- An answer to a question that was asked before is the older one's: the new
-- one is owed, behind all others.
local function move_equal(d, command)
  local before, debt = nil, d.owed
  while debt and debt.text ~= command.text do
    before, debt = debt, debt.next
  end
  if not debt or not debt.next then
    return
  elseif before then
    before.next = debt.next
  else
    d.owed = debt.next
  end
  last_of(d).next = debt
  debt.next, debt.begun, debt.was_heard = nil, nil, nil
  debt.has_echo = is_echoed(d, command)
  allow(debt)
end

--- Notes that a command may still be answered: one that was not, one that was
-- sent twice, one that was asked before, or one that a module heard just behind
-- its reboot.
-- @tparam attest.dialog d
-- @tparam table command
function owed.owe(d, command)
  if command.sent and not command.finished or command.is_reset then
    add(d, command, command.has_echo and not command.is_reset)
  end
  if command.was_sent_again then
    add(d, command, false)
  elseif d.owed and command.final then
    move_equal(d, command)
  end
end

--- A reboot pays nothing: what was sent before its word was read may have been
-- heard behind it. A module that rebooted echoes as it did at first.
-- @tparam attest.dialog d
function owed.outlive_boot(d)
  local debt = d.owed
  while debt do
    debt.has_echo = d.has_echoed and not (debt.form and debt.form.effects.echo)
    debt.lacks_payload = debt.lacks_payload and not debt.was_heard
    debt.begun, debt.was_heard = nil, nil
    debt = debt.next
  end
end

--- Forgets what is too old to be answered.
-- @tparam attest.dialog d
-- @treturn boolean whether anything was
function owed.expire(d)
  local first <const> = d.owed
  while d.owed and core.now() >= d.owed.till do
    d.owed = d.owed.next
  end
  return d.owed ~= first
end

--- Whether a final comes before the prompt of an older command: it goes on.
local function is_before_prompt(debt, final)
  return debt.lacks_payload and final == "OK" and steps.take_ok(debt)
end

--- Tells that the oldest of the older commands was answered after all. A module
-- works in order: it has only now begun the next.
-- @tparam attest.dialog d
-- @tparam ?string final of it
function owed.late_reply(d, final)
  if is_before_prompt(d.owed, final) then
    return allow(d.owed)
  end
  d.owed = d.owed.next
  if d.owed then
    allow(d.owed)
  end
  d:tell("flag", "late_reply")
  if d.creditor then
    core.wake(d.creditor)
  end
end

--- Waits until the older commands are answered or too old to be. Nothing else
-- may be asked meanwhile.
-- @tparam attest.dialog d held by the caller
-- @treturn boolean whether all were answered
function owed.collect(d)
  local guard <close> = setmetatable({}, { __close = function() -- luacheck: ignore 211/guard
    d.creditor = nil
  end })
  d.creditor = core.current()
  local is_expired = false
  while d.owed and not d.closed do
    core.wait(math.max(d.owed.till - core.now(), 0))
    is_expired = owed.expire(d) or is_expired
  end
  return not is_expired
end

--- Those before a debt that is paid will not be any more. Its echo tells that
-- the module has only now begun it.
local function begin(d, debt, line)
  if debt.text == line then
    allow(debt)
  end
  d.owed = debt
  debt.begun = true
end

--- Whether its answer may begin without an echo: none comes, or it has come.
local function is_open(debt)
  return debt.begun or debt.was_heard or not debt.has_echo
end

--- Finds the older command whose echo or answer a line is.
local function find(d, line, is_it)
  local debt = d.owed
  while debt and not is_it(debt, line) do
    debt = debt.next
  end
  return debt
end

local function is_echo(debt, line)
  return debt.text == line
end

local function is_beginning(debt, text)
  return #debt.text < #text and text:sub(1, #debt.text) == debt.text
end

local function is_answer(debt, line)
  return debt.form ~= nil and codec.claims(debt.form, line)
end

--- Judges a line behind the beginning of an older one's answer: all is that
-- one's up to its final, but for URCs.
local function goes_on(d, line, kind)
  if kind then
    owed.late_reply(d, kind)
  end
  return kind ~= nil or codec.urc(d.module, line) == nil
end

--- Judges a line that came before the new command's echo.
-- @tparam attest.dialog d
-- @tparam table command
-- @tparam string line
-- @treturn boolean whether it is an older command's
-- @treturn boolean whether it is the echo of one, which proves that the module echoes
function owed.precedes(d, command, line)
  if d.owed.begun or d.owed.was_heard then
    return goes_on(d, line, codec.final(line)), false
  end
  local echoed <const> = find(d, line, is_echo) or line:find("^AT") and d.owed -- damaged
  local is_anyones <const> = command.form and codec.claims(command.form, line)
    or codec.urc(d.module, line)
  local debt <const> = echoed or not is_anyones and find(d, line, is_answer)
  if debt then
    begin(d, debt, line)
  end
  return debt and true or false, echoed ~= nil
end

local function has_row(form, is_it)
  for _, row in ipairs(form and form.info or {}) do
    if not row.repeated and not row.optional and is_it(row) then
      return true
    end
  end
  return false
end

local function needs_info(form)
  return has_row(form, function() return true end)
end

--- Whether an answer says by a prefix whose it is.
local function is_tagged(form)
  return has_row(form, function(row) return not row.untagged end)
end

--- Judges a line that came while no command runs.
-- @tparam attest.dialog d
-- @tparam string line
-- @tparam ?string final that the line is
-- @treturn boolean whether it is an older command's
function owed.idle(d, line, final)
  if final then
    owed.late_reply(d, final)
    return true
  end
  local debt <const> = find(d, line, is_echo) or is_open(d.owed) and d.owed
    or find(d, line, is_answer)
  if debt then
    begin(d, debt, line)
  end
  return debt ~= nil
end

--- Tells whether the echo tells a new command's answer from the older ones'.
-- @tparam attest.dialog d
-- @treturn boolean
function owed.has_echo(d)
  return d.echo ~= "off" and d.owed ~= nil and d.owed.has_echo
end

--- Tells whether an older command's echo would look like the beginning of a
-- new one's.
-- @tparam attest.dialog d
-- @tparam string text of the new command
-- @treturn boolean
function owed.begins(d, text)
  return find(d, text, is_beginning) ~= nil
end

--- Tells whether a late answer could not be told from that to a new command
-- without an echo, which a late ATE0 ends for those behind it. The late answer
-- to the same question is an answer.
local function is_ambiguous(d, command)
  local has_echo <const> = owed.has_echo(d)
  local is_lost <const> = not has_echo and not is_tagged(command.form)
  local debt = d.owed
  while debt do
    local is_equal <const> = debt.text == command.text and not command.payload
    local is_alike <const> = debt.form == command.form and not (has_echo and debt.has_echo)
    if not is_equal and (is_alike or is_lost) then
      return true
    end
    debt = debt.next
  end
  return false
end

local function awaits_payload(debt)
  return debt.lacks_payload
end

--- Tells whether a new command must wait for the older ones' answers: it could
-- not tell them from its own, or a module may wait for a payload and would take
-- it for that.
-- @tparam attest.dialog d
-- @tparam table command
-- @treturn boolean
function owed.comes_first(d, command)
  return find(d, nil, awaits_payload) ~= nil or is_ambiguous(d, command)
end

--- Whether a line that the new command's form does not know cannot be its answer.
local function is_foreign(command, line)
  local head <const> = line:match("^(%+%u+)[:=]")
  if head then
    return not command.text:find(head, 1, true)
  end
  return not command.has_echo and #command.lines == 0 and is_tagged(command.form)
end

--- A final that may be the older command's: accepted when silence follows. A
-- refusal may be anyone's, until the older command is too old for it.
local function doubt(d, command, kind, accept)
  if kind == "OK" and needs_info(command.form) then
    return owed.late_reply(d, kind)
  end
  local is_anyones <const> = kind ~= "OK" and d.owed.text ~= command.text
  local silence <const> = is_anyones and d.owed.till - core.now() or GRACE
  command.doubt = core.after(math.max(silence, GRACE), function()
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
    return d.owed ~= nil and owed.takes(d, command, line, accept)
  end
  if debt.begun then
    return goes_on(d, line, kind)
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
  local theirs <const> = find(d, line, is_echo) or find(d, line, is_answer)
    or is_open(debt) and is_foreign(command, line) and debt
  if theirs then
    begin(d, theirs, line)
  end
  return theirs and true or false
end

return owed
