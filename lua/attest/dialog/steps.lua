-- SPDX-License-Identifier: MIT
--- What a command still waits for: its form's completion as a list of steps.
--
-- Pure. A raw call ends at the command's own final; a typed one waits for the
-- words that come later, too. A step that is optional may be skipped.

local steps <const> = {}

local ok <const> = { kind = "OK" }

--- A command that ends with OK.
steps.plain = { ok }

--- An unknown command with a payload: what any module may answer.
local anything <const> = {
  { kind = "OK", optional = true },
  { kind = "prompt" },
  { kind = "payload" },
  { kind = "word", words = { ["SEND OK"] = "ok", ["SEND FAIL"] = "send_failed" }, or_ok = true },
}

local cache <const> = setmetatable({}, { __mode = "k" })

local function keep(step, has_payload, typed)
  if step.kind == "prompt" or step.kind == "payload" then
    return has_payload
  end
  return typed or not step.later
end

local function build(form, has_payload, typed)
  local list <const> = {}
  for _, step in ipairs(form.completion) do
    if step.kind == "prompt" and not has_payload then
      break
    elseif keep(step, has_payload, typed) then
      list[#list + 1] = step
    end
  end
  if #list == 0 and #form.completion > 0 then
    list[1] = ok
  end
  return list
end

--- Lists the steps of a call.
-- @tparam ?table form of the catalogue; nil for a command that it does not know
-- @tparam boolean has_payload the call brings one
-- @tparam ?boolean typed wait for the later words too
-- @treturn table list of steps
function steps.compile(form, has_payload, typed)
  if not form then
    return has_payload and anything or steps.plain
  end
  local known = cache[form]
  if not known then
    known = {}
    cache[form] = known
  end
  local key <const> = (has_payload and 1 or 0) + (typed and 2 or 0)
  local list = known[key]
  if not list then
    list = build(form, has_payload, typed)
    known[key] = list
  end
  return list
end

--- Advances over the first step that fits, skipping optional ones.
-- @tparam table command
-- @tparam function fits called with a step
-- @treturn ?table the step
local function advance(command, fits)
  local list <const> = command.steps
  for i = command.at, #list do
    local step <const> = list[i]
    if fits(step) then
      command.at = i + 1
      return step
    elseif not step.optional then
      return nil
    end
  end
  return nil
end

local function is_ok(step)
  return step.kind == "OK" or step.or_ok
end

--- Takes an OK.
-- @tparam table command
-- @treturn boolean whether the command was waiting for one
function steps.take_ok(command)
  local step <const> = advance(command, is_ok)
  command.had_ok = command.had_ok or step ~= nil
  return step ~= nil
end

--- Takes a word.
-- @tparam table command
-- @tparam string name
-- @treturn ?string outcome, "ok" or a reason
-- @treturn ?table the step
function steps.take_word(command, name)
  local step <const> = advance(command, function(each)
    return each.kind == "word" and each.words[name]
  end)
  return step and step.words[name], step
end

--- Tells whether the command waits for a word, now or later.
-- @tparam table command
-- @tparam string name
-- @treturn boolean
function steps.waits_for(command, name)
  for i = command.at, #command.steps do
    local step <const> = command.steps[i]
    if step.kind == "word" and step.words[name] then
      return true
    end
  end
  return false
end

--- The prompt came: what stood before it is done, OK or not.
-- @tparam table command
function steps.take_prompt(command)
  for i = command.at, #command.steps do
    if command.steps[i].kind == "payload" then
      command.at = i + 1
      return
    end
  end
end

--- Tells whether the payload is still to be sent.
-- @tparam table command
-- @treturn boolean
function steps.is_before_payload(command)
  for i = command.at, #command.steps do
    if command.steps[i].kind == "payload" then
      return true
    end
  end
  return false
end

--- Tells whether nothing is left that must come.
-- @tparam table command
-- @treturn boolean
-- @treturn ?number seconds in which an optional step may still come
function steps.is_complete(command)
  local later
  for i = command.at, #command.steps do
    local step <const> = command.steps[i]
    if not step.optional then
      return false
    elseif not (command.had_ok and step.kind == "OK") then -- one OK is enough
      later = step.later or step.settle or later
    end
  end
  return true, later
end

--- Tells how long a command whose every step is optional waits for them: what
-- the manual shows no answer for ends in silence, after an early OK, too.
-- @tparam table command
-- @treturn ?number seconds; nil while something must come
function steps.silence(command)
  local seconds
  for i = command.at, #command.steps do
    local step <const> = command.steps[i]
    if not step.optional then
      return nil
    end
    seconds = step.later or step.settle or seconds
  end
  return seconds
end

--- How much longer than its timeout a typed call may last, for later words.
-- @tparam table list of steps
-- @treturn number seconds
function steps.patience(list)
  local seconds = 0
  for _, step in ipairs(list) do
    seconds = seconds + (step.later or 0)
  end
  return seconds
end

return steps
