-- SPDX-License-Identifier: MIT
--
-- Writes the image (core/image.h): the Lua half compiled, and each built-in
-- module's catalogue as attest.catalogue has read, checked and assembled it.
-- The build runs it; an entry that the catalogue refuses ends the build.
--
--     attest lua scripts/image.lua LUA OUTPUT

local catalogue <const> = require "attest.catalogue"
local lfs <const> = require "lfs"

local folder <const>, output <const> = arg[1], arg[2]

-- What is not ours and takes long to compile all the same.
local FOREIGN <const> = { "argparse" }

local KEYWORDS <const> = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch("%a+") do
  KEYWORDS[word] = true
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

-- Paths of Lua files below the folder, relative to it, sorted.
local function find_files(below, found)
  for name in lfs.dir(folder .. "/" .. below) do
    local path <const> = below .. "/" .. name
    if name:sub(1, 1) ~= "." and lfs.attributes(folder .. "/" .. path, "mode") == "directory" then
      find_files(path, found)
    elseif name:find("%.lua$") then
      found[#found + 1] = path
    end
  end
  table.sort(found)
  return found
end

-- ------------------------------------------------------------ plain data as Lua

--- Lists the tables of a value, parts before wholes, and counts how often each is referred to.
local function survey(value, references, order)
  if references[value] then
    references[value] = references[value] + 1
    return
  end
  references[value] = 1
  for key, part in pairs(value) do
    assert(type(key) ~= "table", "a table as a key")
    if type(part) == "table" then
      survey(part, references, order)
    end
  end
  order[#order + 1] = value
end

local function key_text(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") and not KEYWORDS[key] then
    return key
  end
  return ("[%q]"):format(key)
end

local function by_text(a, b)
  return tostring(a) < tostring(b)
end

local function sorted_keys(value)
  local keys <const> = {}
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > #value then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, by_text)
  return keys
end

--- Writes a graph of tables as a module: a function that makes it anew. What several tables share
-- is shared again; a table with a metatable is a type and is made by the function's argument.
local function module_of(root)
  local references <const>, order <const>, names <const> = {}, {}, {}
  survey(root, references, order)

  local function text_of(value)
    if type(value) ~= "table" then
      assert(type(value) ~= "function", "a function in plain data")
      return ("%q"):format(value)
    elseif names[value] then
      return names[value]
    end
    local parts <const> = {}
    for i = 1, #value do
      parts[i] = text_of(value[i])
    end
    for _, key in ipairs(sorted_keys(value)) do
      parts[#parts + 1] = key_text(key) .. "=" .. text_of(value[key])
    end
    return (getmetatable(value) and "t{" or "{") .. table.concat(parts, ",") .. "}"
  end

  local lines <const> = { "return function(t) local s={}" }
  for _, each in ipairs(order) do
    if references[each] > 1 then
      local name <const> = ("s[%d]"):format(#lines)
      lines[#lines + 1] = name .. "=" .. text_of(each)
      names[each] = name
    end
  end
  lines[#lines + 1] = "return " .. text_of(root) .. " end"
  return table.concat(lines, "\n")
end

-- ------------------------------------------------------------------- the image

local sources <const>, pieces <const> = {}, {}

-- A file this young may be edited again without getting another age.
local YOUNG <const> = 2 -- seconds

local function add_source(name, path)
  local modified <const> = lfs.attributes(path, "modification")
  sources[#sources + 1] = {
    name = name, bytes = read(path), age = os.time() - modified > YOUNG and modified or 0,
  }
  return #sources - 1
end

local function add_piece(name, bytes, first, last)
  pieces[#pieces + 1] = { name = name, bytes = bytes, first = first, last = last }
end

--- Adds a module as it stands; line numbers stay, for messages and tracebacks.
local function add_module(name, at)
  local source <const> = sources[at + 1]
  add_piece(name, string.dump(assert(load(source.bytes, "@" .. source.name, "t"))), at, at)
end

-- What decides what a catalogue is: its data, and who reads and checks it.
local function decides_catalogue(path)
  return path:find("^attest/catalogue/") or path:find("^attest/schema[/.]")
end

-- In the order given; first what decides the catalogue, so that it is one range.
local function add_sources(files)
  local last
  for _, is_wanted in ipairs { true, false } do
    for _, path in ipairs(files) do
      if (decides_catalogue(path) ~= nil) == is_wanted then
        local at <const> = add_source(path, folder .. "/" .. path)
        last = is_wanted and at or last
      end
    end
  end
  return last
end

local function write()
  local temporary <const> = output .. ".new"
  local file <close> = assert(io.open(temporary, "wb"))
  file:write("attest image 1\0")
  for _, source in ipairs(sources) do
    file:write(("S%d %d %s\0"):format(#source.bytes, source.age, source.name))
  end
  for _, piece in ipairs(pieces) do
    file:write(("C%d %d %d %s\0"):format(#piece.bytes, piece.first, piece.last, piece.name))
  end
  file:write("\0")
  for _, list in ipairs { sources, pieces } do
    for _, each in ipairs(list) do
      file:write(each.bytes)
    end
  end
  assert(file:close())
  assert(os.rename(temporary, output))
end

local last <const> = add_sources(find_files("attest", {}))
for at = 0, #sources - 1 do
  local path <const> = sources[at + 1].name
  if not path:find("/catalogue/[^/]+/") then
    add_module(path:gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."), at)
  end
end
for _, name in ipairs(FOREIGN) do
  local path <const> = assert(package.searchpath(name, package.path))
  add_module(name, add_source(path, path))
end
for _, name in ipairs(catalogue.builtin) do
  local text <const> = module_of(assert(catalogue.load(name)))
  local code <const> = string.dump(assert(load(text, "=" .. name)), true)
  add_piece("attest.catalogue.assembled." .. name, code, 0, last)
end
write()
