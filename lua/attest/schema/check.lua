-- SPDX-License-Identifier: MIT
--- Checks one catalogue entry and brings it into the form that all readers rely on.
--
-- Refuses the first fault with family and entry named. The result has named keys throughout:
-- entry.command, form.args[i].name, form.completion[i].kind. Knows no module and no other entry.

local refuse <const> = require "attest.schema.refuse"
local row <const> = require "attest.schema.row"
local schema <const> = require "attest.schema"

local check = {}

local entry_keys <const> = refuse.set [[name wire also bare glue summary section forms urcs effects
  examples notes]]
local form_keys <const> = refuse.set [[kind label summary arity args payload info completion timeout
  effects combinations max_text info_within]]
local arg_keys <const> = refuse.set "1 2 3 name type doc optional default measures secret"
local payload_keys <const> = refuse.set "1 2 name type doc prompt when"
local example_keys <const> = refuse.set "title send answer payload result"
local step_options <const> = refuse.set "optional later settle"
local kinds <const> = refuse.set "exec read set test bare"
local signals <const> = refuse.set "OK prompt payload"
local effect_types <const> = {
  reboots = "boolean", needs_network = "boolean", writes_flash = "boolean",
  dangerous = "boolean", leaves_data = "boolean", echo = "string",
  line = "table or true", enters_data = "table or true",
}

local function default_fits(kind, default)
  if kind.kind == "int" then
    return math.type(default) == "integer"
      and (default >= kind.min and default <= kind.max or kind.values[default] ~= nil)
  elseif kind.kind == "enum" then
    return kind.values[default] ~= nil
  end
  return type(default) == "string"
end

local function check_arg(where, raw)
  refuse.not_table(where, raw)
  refuse.unknown_keys(where, raw, arg_keys)
  local name <const> = refuse.not_name(where, raw.name or raw[1])
  local at <const> = where .. " " .. name
  if name == "confirm" then refuse.at(at, "is reserved for dangerous commands") end
  local kind <const> = row.check_type(at, raw.type or raw[2])
  if kind.kind == "bytes" then refuse.at(at, "bytes belong into a payload") end
  refuse.not_flag(at .. " optional", raw.optional)
  refuse.not_flag(at .. " secret", raw.secret)
  if raw.default ~= nil and not default_fits(kind, raw.default) then
    refuse.at(at, "its default %s does not fit its type", tostring(raw.default))
  end
  return {
    name = name, type = kind, doc = refuse.not_text(at .. " doc", raw.doc or raw[3]),
    optional = raw.optional, default = raw.default, measures = raw.measures, secret = raw.secret,
  }
end

local function check_args(where, raw)
  local args <const>, seen <const> = {}, {}
  for i, each in ipairs(refuse.not_list(where .. " args", raw or {})) do
    local arg <const> = check_arg(("%s argument %d"):format(where, i), each)
    if seen[arg.name] then refuse.at(where, "argument %s stands twice", arg.name) end
    if args[i - 1] and args[i - 1].optional and not arg.optional then
      refuse.at(where, "argument %s cannot follow an optional one", arg.name)
    end
    seen[arg.name] = arg
    args[i] = arg
  end
  return args, seen
end

local function check_payload(where, raw, seen)
  if raw == nil then return nil end
  refuse.not_table(where, raw)
  refuse.unknown_keys(where, raw, payload_keys)
  local kind <const> = row.check_type(where, raw.type or raw[1])
  if kind.kind ~= "bytes" then refuse.at(where, "must be bytes(min, max)") end
  local name <const> = refuse.not_name(where, raw.name or "payload")
  if seen[name] then refuse.at(where, "%s is an argument's name already", name) end
  if refuse.not_string(where .. " prompt", raw.prompt) ~= ">" then
    refuse.at(where, "the prompt must be \">\"")
  end
  if raw.when and not (seen[raw.when] and seen[raw.when].type.kind == "either") then
    refuse.at(where, "when must name an argument that is either text or number")
  end
  return {
    name = name, type = kind, doc = refuse.not_text(where .. " doc", raw.doc or raw[2]),
    prompt = raw.prompt, when = raw.when,
  }
end

local function check_measures(where, args, payload)
  for _, arg in ipairs(args) do
    if arg.measures ~= nil then
      if not payload or arg.measures ~= payload.name then
        refuse.at(where, "%s measures %q, which is no payload", arg.name, tostring(arg.measures))
      end
      if arg.type.kind ~= "int" and arg.type.kind ~= "either" then
        refuse.at(where, "%s measures a payload and is no number", arg.name)
      end
    end
  end
end

local function check_arity(where, arity, args)
  if arity == nil then return nil end
  local last = 0
  for _, n in ipairs(refuse.not_list(where, arity, true)) do
    if math.type(n) ~= "integer" or n <= last or n > #args then
      refuse.at(where, "must rise within 1..%d", #args)
    end
    last = n
  end
  return arity
end

local function check_combination(where, raw, seen)
  for name, value in pairs(refuse.not_table(where, raw)) do
    if not seen[name] then refuse.at(where, "names no argument %q", tostring(name)) end
    if type(value) == "table" then refuse.not_list(where .. " " .. name, value, true) end
  end
  return raw
end

--- Lists which values go together: name -> value, or name -> list of values.
local function check_combinations(where, raw, seen)
  if raw == nil then return nil end
  for i, each in ipairs(refuse.not_list(where, raw, true)) do
    check_combination(("%s %d"):format(where, i), each, seen)
  end
  return raw
end

local function check_within(where, seconds, info)
  if seconds == nil then return nil end
  if #info == 0 then refuse.at(where, "waits for a line and has no info") end
  return refuse.not_seconds(where, seconds)
end

local function check_max_text(where, size, args)
  if size == nil then return nil end
  if math.type(size) ~= "integer" or size < 1 then refuse.at(where, "must be a number of bytes") end
  if #args == 0 then refuse.at(where, "limits arguments, and there are none") end
  return size
end

local function check_words(where, raw)
  local words <const>, count = {}, 0
  for word, outcome in pairs(raw) do
    if not step_options[word] then
      refuse.not_string(where, word)
      refuse.not_name(where .. " " .. word, outcome)
      words[word], count = outcome, count + 1
    end
  end
  if count == 0 then refuse.at(where, "waits for nothing") end
  return words
end

local function check_step(where, raw)
  if type(raw) == "string" then raw = { raw } end
  refuse.not_table(where, raw)
  local step <const> = { optional = raw.optional, later = raw.later, settle = raw.settle }
  refuse.not_flag(where .. " optional", step.optional)
  if step.later ~= nil then refuse.not_seconds(where .. " later", step.later) end
  if step.settle ~= nil then refuse.not_seconds(where .. " settle", step.settle) end
  if raw[1] == nil then
    step.kind, step.words = "word", check_words(where, raw)
    return step
  end
  refuse.unknown_keys(where, raw, refuse.set "1 optional later settle")
  if not signals[raw[1]] then refuse.at(where, "waits for the unknown %q", tostring(raw[1])) end
  step.kind = raw[1]
  return step
end

local function check_completion(where, raw, payload)
  local steps <const>, at <const> = {}, {}
  for i, each in ipairs(refuse.not_list(where, raw)) do
    steps[i] = check_step(("%s step %d"):format(where, i), each)
    at[steps[i].kind] = i
  end
  if (payload ~= nil) ~= (at.payload ~= nil) then
    refuse.at(where, "a payload and its step go together")
  end
  if at.payload and (at.prompt or at.payload) ~= at.payload - 1 then
    refuse.at(where, "the payload follows its prompt at once")
  end
  if at.prompt and not at.payload then refuse.at(where, "a prompt needs a payload") end
  return steps
end

local function check_effects(where, raw, seen)
  if raw == nil then return {} end
  refuse.not_table(where, raw)
  for key, value in pairs(raw) do
    local expected <const> = effect_types[key]
    if not expected then refuse.at(where, "unknown key %q", tostring(key)) end
    local fits <const> = type(value) == expected
      or expected == "table or true" and (value == true or type(value) == "table")
    if not fits then refuse.at(where, "%s must be a %s", key, expected) end
  end
  if raw.echo and not seen[raw.echo] then refuse.at(where, "echo names no argument") end
  for option, name in pairs(type(raw.line) == "table" and raw.line or {}) do
    if not seen[name] then refuse.at(where, "line.%s names no argument", tostring(option)) end
  end
  for name in pairs(type(raw.enters_data) == "table" and raw.enters_data or {}) do
    if not seen[name] then refuse.at(where, "enters_data names no argument %q", tostring(name)) end
  end
  return raw
end

local function merge(...)
  local merged <const> = {}
  for _, t in ipairs { ... } do
    for key, value in pairs(t) do merged[key] = value end
  end
  return merged
end

local function check_form(where, raw, shared)
  refuse.not_table(where, raw)
  refuse.unknown_keys(where, raw, form_keys)
  if not kinds[raw.kind] then refuse.at(where, "unknown kind %q", tostring(raw.kind)) end
  where = ("%s (%s)"):format(where, raw.label or raw.kind)
  if raw.label ~= nil then refuse.not_name(where .. " label", raw.label) end
  if raw.summary ~= nil then refuse.not_text(where .. " summary", raw.summary) end
  local args <const>, seen <const> = check_args(where, raw.args)
  if raw.kind ~= "set" and #args > 0 then refuse.at(where, "only a set form has arguments") end
  local payload <const> = check_payload(where .. " payload", raw.payload, seen)
  check_measures(where, args, payload)
  local info <const> = {}
  for i, each in ipairs(refuse.not_list(where .. " info", raw.info or {})) do
    info[i] = row.check(("%s info %d"):format(where, i), each)
  end
  return {
    kind = raw.kind, label = raw.label, summary = raw.summary, args = args, payload = payload,
    arity = check_arity(where .. " arity", raw.arity, args), info = info,
    info_within = check_within(where .. " info_within", raw.info_within, info),
    combinations = check_combinations(where .. " combinations", raw.combinations, seen),
    max_text = check_max_text(where .. " max_text", raw.max_text, args),
    completion = check_completion(where .. " completion", raw.completion or { "OK" }, payload),
    timeout = raw.timeout and refuse.not_seconds(where .. " timeout", raw.timeout),
    effects = merge(shared, check_effects(where .. " effects", raw.effects, seen)),
  }
end

local function check_forms(where, raw)
  local shared <const> = check_effects(where .. " effects", raw.effects, {})
  local forms <const>, seen <const> = {}, {}
  for i, each in ipairs(refuse.not_list(where .. " forms", raw.forms, true)) do
    local form <const> = check_form(("%s form %d"):format(where, i), each, shared)
    local key <const> = form.kind == "set" and (form.label or "set") or form.kind
    if seen[key] then refuse.at(where, "has two forms %q", key) end
    seen[key] = true
    forms[i] = form
  end
  return forms
end

local function check_example(where, raw)
  refuse.not_table(where, raw)
  refuse.unknown_keys(where, raw, example_keys)
  refuse.not_string(where .. " send", raw.send)
  if raw.title ~= nil then refuse.not_text(where .. " title", raw.title) end
  if raw.payload ~= nil then refuse.not_string(where .. " payload", raw.payload) end
  for _, key in ipairs { "answer", "result" } do
    for _, line in ipairs(refuse.not_list(where .. " " .. key, raw[key] or {})) do
      refuse.not_string(where .. " " .. key, line)
    end
  end
end

local function check_wire(where, raw)
  if type(raw.wire) ~= "string" or raw.wire:find("[%c%s%z\128-\255,=?\"]") then
    refuse.at(where, "wire must be what follows AT, in visible ASCII without =, ? or comma")
  end
  if raw.wire:find("%l") then refuse.at(where, "wire %q must be in upper case", raw.wire) end
  refuse.not_flag(where .. " bare", raw.bare)
  if raw.bare and raw.wire == "" then refuse.at(where, "a bare command needs a wire") end
  for _, wire in ipairs(refuse.not_list(where .. " also", raw.also or {})) do
    check_wire(where .. " also", { wire = wire })
  end
end

local function check_name(family, raw)
  local where <const> = "family " .. family .. ", entry " .. tostring(raw.name or raw.wire or "?")
  refuse.unknown_keys(where, raw, entry_keys)
  refuse.not_name(where .. " name", raw.name)
  if schema.builtins[raw.name] then
    refuse.at(where, "its name is a built-in of dut; choose another")
  end
  return where
end

local function union_of_effects(forms)
  local all <const> = {}
  for _, form in ipairs(forms) do
    for key, value in pairs(form.effects) do all[key] = value end
  end
  return all
end

--- Checks one entry.
-- @string family the file's name, for messages and entry.family
-- @tparam table raw as written in the catalogue
-- @treturn table the normal form
-- @raise attest.error "invalid" with family and entry named
function check.entry(family, raw)
  refuse.not_table("family " .. family, raw)
  local where <const> = check_name(family, raw)
  check_wire(where, raw)
  refuse.not_text(where .. " summary", raw.summary)
  refuse.not_string(where .. " section", raw.section)
  if raw.notes ~= nil then refuse.not_text(where .. " notes", raw.notes) end
  if raw.glue ~= nil and raw.glue ~= "" and raw.glue ~= "=" then
    refuse.at(where, "glue is \"=\" or \"\"")
  end
  for i, each in ipairs(refuse.not_list(where .. " examples", raw.examples or {})) do
    check_example(("%s example %d"):format(where, i), each)
  end
  for _, name in ipairs(refuse.not_list(where .. " urcs", raw.urcs or {})) do
    refuse.not_string(where .. " urcs", name)
  end
  local forms <const> = check_forms(where, raw)
  return {
    name = raw.name, wire = raw.wire, also = raw.also or {}, bare = raw.bare, family = family,
    command = raw.bare and raw.wire or "AT" .. raw.wire, where = where,
    glue = raw.glue or (raw.wire:sub(1, 1) == "+" and "=" or ""),
    summary = raw.summary, section = raw.section, forms = forms, urcs = raw.urcs or {},
    effects = union_of_effects(forms), examples = raw.examples or {}, notes = raw.notes,
  }
end

return check
