-- SPDX-License-Identifier: MIT
--- Keeps passwords out of transcripts and error texts.
--
-- The catalogue says which arguments and fields are secret. What is sent is
-- masked before it goes out; an answer that may hold a secret is kept from the
-- transcript until its lines were read.

local codec <const> = require "attest.codec"

local secret <const> = {}

local MASK <const> = "***"

--- Whether a form has a secret argument, or a secret field in its answer.
local cache <const> = setmetatable({}, { __mode = "k" })

local function has_secret(list)
  for _, each in ipairs(list or {}) do
    if each.secret then
      return true
    end
  end
  return false
end

local function kind_of(form)
  local kind = cache[form]
  if not kind then
    kind = { args = has_secret(form.args), fields = false }
    for _, row in ipairs(form.info) do
      kind.fields = kind.fields or has_secret(row.fields)
    end
    cache[form] = kind
  end
  return kind
end

--- Tells whether a form has anything to keep secret.
-- @tparam table form of the catalogue
-- @treturn boolean
function secret.concerns(form)
  local kind <const> = kind_of(form)
  return kind.args or kind.fields
end

local function hide(text, list)
  for _, each in ipairs(list) do
    local from, to = text:find(each, 1, true)
    while from do
      text = text:sub(1, from - 1) .. MASK .. text:sub(to + 1)
      from, to = text:find(each, from + #MASK, true)
    end
  end
  return text
end

--- Masks the bytes in the transcript from now on.
local function mask(d, list)
  for _, each in ipairs(list) do
    if not d.secrets[each] then
      d.secrets[each] = true
      if d.transcript then
        d.transcript:mask(each)
      end
    end
  end
end

--- Gives a dialog its transcript; what is known to be secret is masked there.
-- @tparam attest.dialog d
-- @tparam ?attest.trace trace
function secret.transcribe(d, trace)
  d.transcript = trace
  for each in pairs(trace and d.secrets or {}) do
    trace:mask(each)
  end
end

--- Prepares a command: what may be shown of it, and the transcript.
-- @tparam attest.dialog d
-- @tparam table command
function secret.begin(d, command)
  local kind <const> = command.form and kind_of(command.form)
  if kind and kind.args then
    local list <const> = codec.secrets(d.module, command.text)
    mask(d, list)
    command.shown = hide(command.text, list)
  end
  if kind and kind.fields then
    command.is_secret = true
    d.port:hold_trace(true)
  end
end

--- Ends a command whose answer may hold a secret.
-- @tparam attest.dialog d
-- @tparam table command
function secret.finish(d, command)
  local list <const> = {}
  for _, line in ipairs(command.lines) do
    for _, each in ipairs(codec.secrets_of_answer(command.form, line)) do
      list[#list + 1] = each
    end
  end
  mask(d, list)
  if command.error then
    for i, line in ipairs(command.lines) do
      command.lines[i] = hide(line, list)
    end
  end
  if not d.port:is_closed() then
    -- the end of an answer that did not end was never read
    d.port:hold_trace(false, command.final == nil)
  end
end

return secret
