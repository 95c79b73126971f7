-- SPDX-License-Identifier: MIT
--- Checks what a module says about itself: texts, error codes, URCs, result words, profile.
--
-- A module is a device type: families of entries and the lines that no single command owns.
-- Knows no file; attest.catalogue finds and reads them.

local refuse <const> = require "attest.schema.refuse"
local row <const> = require "attest.schema.row"

local module = {}

local keys <const> = refuse.set [[title extends families remove override errors urcs words boot
  profile]]

--- What a profile may say, and the type of it.
local profile_types <const> = {
  echo = "boolean",             -- echo after a reboot
  terminator = "string",        -- ends each command
  baud = "number", data_bits = "number", parity = "string", stop_bits = "number",
  timeout = "number",           -- seconds for a form without one
  boot_word = "string", boot_timeout = "number",
  sim_word = "string", network_word = "string", network_timeout = "number",
  guard = "number",             -- seconds of silence before and after +++
  quiet = "number",             -- seconds of silence after a final
  wakeup = "boolean",           -- a sacrificial AT before each command
  first_link = "number",        -- the lowest link identifier
  received = "string",          -- the URC that carries received data
  identity = "table",           -- { entry, field, match }: does the firmware answer like this type
  imei = "table", registration = "table",   -- { entry, field }
  mqtt = "table",               -- see mqtt_types
  invented = "table",           -- names of settings for which the manual has no value
}

--- What the profile says for an MQTT session; the first three name URCs.
local mqtt_types <const> = {
  connected = "string", lost = "string", received = "string",
  commands = "string",          -- which set of commands it speaks: "qmt" or "mqtt"
  subscriptions = "number",     -- most topics at a time
}

local function check_settings(where, raw, types)
  for key, value in pairs(refuse.not_table(where, raw)) do
    local expected <const> = types[key]
    if not expected then refuse.at(where, "unknown key %q", tostring(key)) end
    if type(value) ~= expected then refuse.at(where, "%s must be a %s", key, expected) end
  end
  return raw
end

local function check_profile(where, raw)
  check_settings(where, raw, profile_types)
  check_settings(where .. " mqtt", raw.mqtt or {}, mqtt_types)
  for _, name in ipairs(refuse.not_list(where .. " invented", raw.invented or {})) do
    if not profile_types[name] then
      refuse.at(where, "invented names no setting %q", tostring(name))
    end
  end
  return raw
end

local function check_errors(where, raw)
  for number, text in pairs(refuse.not_table(where, raw)) do
    if math.type(number) ~= "integer" then refuse.at(where, "keys are the module's numbers") end
    refuse.not_text(("%s %d"):format(where, number), text)
  end
  return raw
end

local function check_rows(where, raw)
  local rows <const> = {}
  for i, each in ipairs(refuse.not_list(where, raw)) do rows[i] = row.check_urc(where, each) end
  return rows
end

local function strings(where, raw)
  for _, each in ipairs(refuse.not_list(where, raw or {})) do refuse.not_string(where, each) end
  return raw or {}
end

local function overrides(where, raw)
  for name, changes in pairs(refuse.not_table(where, raw or {})) do
    refuse.not_string(where, name)
    refuse.not_table(where .. " " .. name, changes)
    if changes.name ~= nil then refuse.at(where .. " " .. name, "an override keeps the name") end
  end
  return raw or {}
end

--- Checks a module file.
-- @string name the module's name
-- @tparam table raw as written
-- @treturn table the same with every part present
function module.check(name, raw)
  local where <const> = "module " .. name
  refuse.not_table(where, raw)
  refuse.unknown_keys(where, raw, keys)
  if raw.extends ~= nil then refuse.not_string(where .. " extends", raw.extends) end
  if raw.title ~= nil or not raw.extends then refuse.not_text(where .. " title", raw.title) end
  return {
    title = raw.title, extends = raw.extends,
    families = strings(where .. " families", raw.families),
    remove = strings(where .. " remove", raw.remove), boot = strings(where .. " boot", raw.boot),
    override = overrides(where .. " override", raw.override),
    errors = check_errors(where .. " errors", raw.errors or {}),
    urcs = check_rows(where .. " urcs", raw.urcs or {}),
    words = check_rows(where .. " words", raw.words or {}),
    profile = check_profile(where .. " profile", raw.profile or {}),
  }
end

local function check_known(where, names, known, what)
  for name in pairs(names) do
    if not known[name] then refuse.at(where, "names the unknown %s %q", what, name) end
  end
end

local function set_of(list)
  local set <const> = {}
  for _, each in ipairs(list) do set[each.name or each] = true end
  return set
end

--- Checks what only the whole can tell: every word that an entry waits for or causes exists.
-- @tparam table whole the assembled module
function module.check_references(whole)
  local urcs <const>, words <const> = set_of(whole.urcs), set_of(whole.urcs)
  for _, word in ipairs(whole.words) do words[word.name] = true end
  for _, entry in ipairs(whole.list) do
    check_known(entry.where, set_of(entry.urcs), urcs, "URC")
    for _, form in ipairs(entry.forms) do
      for _, step in ipairs(form.completion) do
        check_known(entry.where .. " completion", step.words or {}, words, "word")
      end
    end
  end
  local where <const>, profile <const> = "module " .. whole.name, whole.profile
  check_known(where .. " boot", set_of(whole.boot), urcs, "URC")
  for _, key in ipairs { "boot_word", "sim_word", "network_word", "received" } do
    check_known(where .. " profile", set_of { profile[key] }, urcs, "URC")
  end
  local mqtt <const> = profile.mqtt or {}
  for _, key in ipairs { "connected", "lost", "received" } do
    check_known(where .. " profile mqtt", set_of { mqtt[key] }, urcs, "URC")
  end
  for _, key in ipairs { "identity", "imei", "registration" } do
    local name <const> = profile[key] and profile[key].entry
    check_known(where .. " profile " .. key, set_of { name }, whole.entries, "entry")
  end
end

return module
