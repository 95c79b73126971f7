-- SPDX-License-Identifier: MIT
--- Finds, reads and assembles the catalogue of one module.
--
-- Files are loaded as text, in an environment that holds the schema's constructors and nothing
-- else. A directory given by the user is searched before the built-in one: a file there replaces
-- its namesake, and a module file may extend another (or the built-in one of its own name).
-- Pure but for reading files; the result is plain data.

local errors <const> = require "attest.error"
local schema <const> = require "attest.schema"

-- Loaded when there is something to check: the build has checked the built-in modules.
local check, module_check, refuse

local catalogue = {}

--- Names the built-in modules.
catalogue.builtin = { "ct12", "ml302" }

local deepest <const> = 8 -- modules that extend each other
local most_steps <const> = 1000000 -- of the Lua machine in one file; the longest takes 5 000
-- Whole lines, or starts of lines where they end in a sign; $ starts a satellite receiver's.
local finals <const> = {
  "$", "OK", "ERROR", "ERROR=", "EEROR=", "+CME ERROR", "+CME ERROR:", "+CMS ERROR", "+CMS ERROR:",
}

local function load_checker()
  check = require "attest.schema.check"
  module_check = require "attest.schema.module"
  refuse = require "attest.schema.refuse"
end

local function builtin_dir()
  local path <const> = package.searchpath("attest.catalogue", package.path)
  return path and path:match("^(.*)[/\\]init%.lua$")
end

local function search_path(dirs)
  local path <const> = {}
  for i, dir in ipairs(dirs or {}) do path[i] = dir end
  path[#path + 1] = builtin_dir()
  return path
end

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a")
end

--- Looks for `relative` in the search path, from index `from` on.
local function find(search, relative, from)
  for i = from or 1, #search do
    local path <const> = search[i] .. "/" .. relative
    local text <const> = read(path)
    if text then return text, path, i end
  end
  return nil
end

local function stop()
  error("it runs on and on; a catalogue file is data", 0)
end

--- Runs a file's chunk, in a coroutine since a hook is one coroutine's: a loop in it ends.
local function run(chunk)
  local thread <const> = coroutine.create(chunk)
  debug.sethook(thread, stop, "", most_steps)
  return coroutine.resume(thread)
end

local function evaluate(where, text, path)
  local chunk <const>, message <const> = load(text, "@" .. path, "t", schema.environment())
  if not chunk then refuse.at(where, "%s", message) end
  local fine <const>, result <const> = run(chunk)
  if not fine then refuse.at(where, "%s", tostring(result)) end
  return refuse.not_table(where .. " (" .. path .. ")", result)
end

local function not_found(where, search)
  errors.raise {
    code = "not_found",
    message = ("%s: not found in %s; built in are %s"):format(where, table.concat(search, ", "),
      table.concat(catalogue.builtin, ", ")),
  }
end

local function check_file_name(where, name)
  if type(name) ~= "string" or not name:find("^[%w_%-]+$") then
    refuse.at(where, "%q is no name: letters, digits, _ and -", tostring(name))
  end
end

--- Reads one family; "ct12/socket" is another module's.
local function read_family(search, module_name, name)
  local owner, base = name:match("^([^/]*)/([^/]*)$")
  owner, base = owner or module_name, base or name
  check_file_name("module " .. module_name .. " families", owner)
  check_file_name("module " .. module_name .. " families", base)
  local where <const> = "family " .. base
  local text <const>, path <const> = find(search, owner .. "/" .. base .. ".lua")
  if not text then not_found(("module %s, %s"):format(module_name, where), search) end
  local raw <const> = evaluate(where, text, path)
  refuse.not_text(where .. " title", raw.title)
  local family <const> = { name = base, title = raw.title, raw = {} }
  for i = 1, #raw do family.raw[i] = raw[i] end
  raw.title = nil
  refuse.not_list(where, raw, true)
  return family
end

local read_module

--- Starts a draft: empty, or that of the module which is extended.
local function base_of(search, name, raw, index, depth)
  if not raw.extends then
    return {
      lineage = {}, families = {}, errors = {}, urcs = {}, words = {}, boot = {}, profile = {},
    }
  end
  local from <const> = raw.extends == name and index + 1 or 1
  return read_module(search, raw.extends, from, depth + 1)
end

local function copy_into(to, from)
  for key, value in pairs(from) do to[key] = value end
end

--- Adds rows; one with a name that is there already takes its place.
local function merge_rows(to, from)
  local at <const> = {}
  for i, row in ipairs(to) do at[row.name] = i end
  for _, row in ipairs(from) do
    local i <const> = at[row.name] or #to + 1
    to[i], at[row.name] = row, i
  end
end

local function find_raw(families, name)
  if not name then return nil end
  for _, family in ipairs(families) do
    for i, raw in ipairs(family.raw) do
      if type(raw) == "table" and raw.name == name then return family, i end
    end
  end
  return nil
end

--- Adds a family; its entries replace those of the same name that are there already.
local function add_family(draft, family)
  local fresh <const> = { name = family.name, title = family.title, raw = {} }
  for _, raw in ipairs(family.raw) do
    local old <const>, i <const> = find_raw(draft.families, type(raw) == "table" and raw.name)
    if old then old.raw[i] = raw else fresh.raw[#fresh.raw + 1] = raw end
  end
  if #fresh.raw > 0 then draft.families[#draft.families + 1] = fresh end
end

--- Changes an entry; its forms are changed together, never one of them alone.
local function changed_entry(raw, changes)
  local changed <const> = {}
  copy_into(changed, raw)
  copy_into(changed, changes)
  changed.timeout = nil
  if changes.timeout ~= nil and type(changed.forms) == "table" then
    local forms <const> = {}
    for i, form in ipairs(changed.forms) do
      forms[i] = {}
      copy_into(forms[i], form)
      forms[i].timeout = changes.timeout
    end
    changed.forms = forms
  end
  return changed
end

local function change_entries(draft, name, raw)
  for _, removed in ipairs(raw.remove) do
    local family <const>, i <const> = find_raw(draft.families, removed)
    if not family then refuse.at("module " .. name .. " remove", "no entry %q", removed) end
    table.remove(family.raw, i)
  end
  for entry, changes in pairs(raw.override) do
    local family <const>, i <const> = find_raw(draft.families, entry)
    if not family then refuse.at("module " .. name .. " override", "no entry %q", entry) end
    family.raw[i] = changed_entry(family.raw[i], changes)
  end
end

local function check_no_twins(where, family)
  local seen <const> = {}
  for _, raw in ipairs(family.raw) do
    local name <const> = type(raw) == "table" and raw.name or nil
    if name ~= nil then
      if seen[name] then refuse.at(where .. ", entry " .. tostring(name), "stands twice") end
      seen[name] = true
    end
  end
end

read_module = function(search, name, from, depth)
  check_file_name("module", name)
  if depth > deepest then refuse.at("module " .. name, "extends itself without an end") end
  local text <const>, path <const>, index <const> = find(search, name .. "/module.lua", from)
  if not text then not_found("module " .. name, search) end
  local raw <const> = module_check.check(name, evaluate("module " .. name, text, path))
  local draft <const> = base_of(search, name, raw, index, depth)
  draft.name, draft.title = name, raw.title or draft.title
  if draft.lineage[1] ~= name then table.insert(draft.lineage, 1, name) end
  for _, family_name in ipairs(raw.families) do
    local family <const> = read_family(search, name, family_name)
    check_no_twins("family " .. family.name, family)
    add_family(draft, family)
  end
  change_entries(draft, name, raw)
  copy_into(draft.errors, raw.errors)
  copy_into(draft.profile, raw.profile)
  merge_rows(draft.urcs, raw.urcs)
  merge_rows(draft.words, raw.words)
  if #raw.boot > 0 then draft.boot = raw.boot end
  return draft
end

--- What a line of this URC or word starts with; without a sign at its end it is a whole line.
local function start_of(row, prefix)
  local head <const> = prefix:gsub("%s+$", "")
  return row.literal and not head:find("[:=,]$") and prefix .. row.literal or head
end

--- Lists each spelling that can start a line of this URC or word.
local function heads(row)
  local list <const> = {}
  for _, text in ipairs(row.match or {}) do list[#list + 1] = start_of(row, text) end
  for _, text in ipairs { row.prefix, table.unpack(row.also) } do
    list[#list + 1] = start_of(row, text)
  end
  for _, dialect in ipairs { "table", "field" } do
    local prefix <const> = row[dialect] and row[dialect].prefix
    if prefix then list[#list + 1] = start_of(row, prefix) end
  end
  return list
end

local function add_headers(counted, row, starts)
  for i, field in ipairs(row.fields) do
    if field.name == row.payload.length then
      for _, prefix in ipairs(starts) do
        counted[#counted + 1] = { prefix = prefix, field = i, next_line = row.payload.next_line }
      end
    end
  end
end

--- Derives what the framer must know: line starts, boot words, headers of counted payloads.
local function vocabulary(module)
  local known <const>, counted <const> = {}, {}
  table.move(finals, 1, #finals, 1, known)
  for _, rows in ipairs { module.urcs, module.words } do
    for _, row in ipairs(rows) do
      local starts <const> = heads(row)
      table.move(starts, 1, #starts, #known + 1, known)
      if row.payload then add_headers(counted, row, starts) end
    end
  end
  return { known = known, boot = module.boot, counted = counted }
end

local function add_wire(module, wire, entry)
  local owner <const> = module.wires[wire]
  if owner then refuse.at(entry.where, "its wire %q is %s's already", wire, owner.name) end
  module.wires[wire] = entry
  module.longest_wire = math.max(module.longest_wire, #wire)
end

local function add_entry(module, family, raw)
  local entry <const> = check.entry(family.name, raw)
  local owner <const> = module.entries[entry.name]
  if owner then refuse.at(entry.where, "family %s has this name already", owner.family) end
  module.entries[entry.name] = entry
  add_wire(module, entry.wire, entry)
  for _, wire in ipairs(entry.also) do add_wire(module, wire, entry) end
  module.list[#module.list + 1] = entry
  family.entries[#family.entries + 1] = entry
end

local function assemble(draft)
  local module <const> = {
    name = draft.name, title = draft.title, lineage = draft.lineage,
    families = {}, list = {}, entries = {}, wires = {}, errors = draft.errors, urcs = draft.urcs,
    words = draft.words, boot = draft.boot, profile = draft.profile, longest_wire = 0,
  }
  for i, family in ipairs(draft.families) do
    module.families[i] = { name = family.name, title = family.title, entries = {} }
    for _, raw in ipairs(family.raw) do add_entry(module, module.families[i], raw) end
  end
  module_check.check_references(module)
  module.vocabulary = vocabulary(module)
  return module
end

--- A built-in module as the build read, checked and assembled it; nil without an image, or when
-- one of the files has changed since (core/image.h).
local function assembled(name)
  for _, known in ipairs(catalogue.builtin) do
    if known == name then
      local found <const>, build <const> = pcall(require, "attest.catalogue.assembled." .. name)
      return found and build(schema.as_type) or nil
    end
  end
  return nil
end

--- Loads a module's catalogue. Each call makes it anew.
-- @string name module, such as "ct12"
-- @tparam[opt] {string,...} dirs users' directories, searched before the built-in one
-- @treturn[1] table module; its `lineage` names it and the modules it extends, nearest first
-- @treturn[2] nil
-- @treturn[2] attest.error "not_found", or "invalid" with family and entry named
-- @usage local ct12 = assert(catalogue.load("ct12"))
function catalogue.load(name, dirs)
  local fine <const>, result <const> = pcall(function()
    local built <const> = #(dirs or {}) == 0 and assembled(name)
    if built then return built end
    load_checker()
    return assemble(read_module(search_path(dirs), name, 1, 1))
  end)
  if fine then return result end
  if errors.is(result) then return nil, result end
  return error(result, 0)
end

local loaded <const> = {}

--- Loads a module's catalogue once for each name and list of directories: every DUT and every
-- simulated module of a process reads the same table.
-- @string name module
-- @tparam[opt] {string,...} dirs as for `load`
-- @treturn as `load`
function catalogue.get(name, dirs)
  local key <const> = name .. "\0" .. table.concat(dirs or {}, "\0")
  if loaded[key] then return loaded[key] end
  local module <const>, err <const> = catalogue.load(name, dirs)
  loaded[key] = module
  return module, err
end

return catalogue
