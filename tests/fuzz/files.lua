-- SPDX-License-Identifier: MIT
--
-- Files that the program reads, and texts that it writes for other programs:
-- the first byte says which. Whatever is in a file, it is taken or refused
-- with its name in one line; what is written can be read, by others too.

local catalogue <const> = require "attest.catalogue"
local cjson <const> = require "cjson"
local errors <const> = require "attest.error"
local flash <const> = require "attest.sim.flash"
local fuzz_input <const> = require "tests.support.fuzz_input"
local json <const> = require "attest.json"
local lfs <const> = require "lfs"
local text <const> = require "attest.text"
local uv <const> = require "luv"
local vector_file <const> = require "tests.support.vector_file"
local xml <const> = require "attest.report.xml"

local same <const> = fuzz_input.same

-- In memory where there is a file system for it; its files are made anew for
-- each input, and go with the process.
local parent <const> = lfs.attributes("/dev/shm", "mode") == "directory" and "/dev/shm" or "/tmp"
local folder <const> = assert(uv.fs_mkdtemp(parent .. "/attest-fuzz-XXXXXX"))
local PATH <const> = folder .. "/file"
local MODULE <const> = folder .. "/door"

local function write(path, bytes)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(bytes))
end

local function remove(folder_or_self)
  local path <const> = type(folder_or_self) == "string" and folder_or_self or folder
  for name in lfs.dir(path) do
    local each <const> = path .. "/" .. name
    if name ~= "." and name ~= ".." and not os.remove(each) then
      remove(each)
    end
  end
  lfs.rmdir(path)
end

-- Collected at the end of the state.
local keeper <const> = setmetatable({}, { __gc = remove })

local function check_refusal(err, code, name)
  assert(errors.is(err, code), ("refused with %s"):format(tostring(err)))
  assert(err.message:find(name, 1, true), ("%q does not name %s"):format(err.message, name))
  assert(not err.message:find("\n", 1, true), ("%q is more than a line"):format(err.message))
end

local kinds <const> = { keeper = keeper }

-- JSON: nothing is lost on the way out and back.
kinds[1] = function(bytes)
  local value <const>, why <const> = json.decode(bytes)
  if value == nil then
    assert(why == nil or not why:find("\n", 1, true), "the reason is more than a line")
    return
  elseif bytes:find("null", 1, true) then
    return -- Lua has no null: a list with one is none any more
  end
  local out <const> = json.encode(value)
  assert(same(value, json.decode(out)), "JSON changes what it holds")
  assert(same(value, json.decode(json.encode(value, { indent = "  " }))), "so does indented JSON")
  assert(pcall(cjson.decode, out), "others cannot read it")
end

-- JSON: any bytes are a string that others read as well.
kinds[2] = function(bytes)
  local out <const> = json.encode { bytes }
  assert(json.decode(out)[1] == bytes, "JSON changes a string")
  assert(not out:find("[^\x20-\x7e\x80-\xff]"), "there are control bytes in it")
  assert(utf8.len(cjson.decode(out)[1]), "there are bytes in it that are no UTF-8")
end

-- XML and terminals: valid whatever the bytes are.
kinds[3] = function(bytes)
  for _, out in ipairs { xml.text(bytes), xml.attribute(bytes), text.printable(bytes) } do
    assert(utf8.len(out), "it is no UTF-8")
    assert(not out:find("[\0-\8\11-\31\127]"), "there are control bytes in it")
    assert(not out:find("\xC2[\x80-\x9F]"), "there are control characters in it")
  end
  assert(not xml.text(bytes):find("[<>]"), "there are tags in it")
  local plain <const> = xml.text(bytes):gsub("&%l+;", ""):gsub("&#x%x+;", "")
  assert(not plain:find("&", 1, true), "there is a bare ampersand in it")
  assert(not xml.attribute(bytes):find('[<>"\n\t]'), "an attribute ends in it")
  local shown <const> = text.printable(bytes)
  assert(text.width(text.fit(shown, 20)) <= 20, "it is wider than it may be")
  assert(text.cut(shown, 1000) == shown or text.width(shown) > 1000, "it is cut without need")
end

-- The flash of a simulated module: what was taken is written, and read again.
kinds[4] = function(bytes)
  local factory <const> = { echo = 1, imei = "860720087453595", links = {} }
  write(PATH, bytes)
  local state <const>, err <const> = flash.open {
    path = PATH, module = "ct12", factory = factory,
  }
  if not state then
    return check_refusal(err, "io", PATH)
  end
  assert(same(state.values,
    assert(flash.open { path = PATH, module = "ct12", factory = factory }).values),
    "the flash changes")
end

-- A module of one's own: its file, or a family's.
local function read_module(module, family)
  lfs.mkdir(MODULE)
  write(MODULE .. "/module.lua", module)
  write(MODULE .. "/door.lua", family)
  local loaded <const>, err <const> = catalogue.load("door", { folder })
  if not loaded then
    assert(errors.is(err), ("refused with %s"):format(tostring(err)))
    assert(err.code == "invalid" or err.code == "not_found", err.code)
  end
end

kinds[5] = function(bytes)
  read_module(bytes, "return { title = both('Door', 'Door') }")
end

kinds[6] = function(bytes)
  read_module("return { extends = 'ct12', families = { 'door' } }", bytes)
end

-- Vectors: one JSON object a line.
kinds[7] = function(bytes)
  write(PATH, bytes)
  local list <const>, why <const> = vector_file.read(PATH)
  assert(list or why:find(PATH, 1, true), "the refusal does not name the file")
end

return function(bytes)
  local input <const> = fuzz_input.new(bytes)
  kinds[input:number(1, #kinds)](input:rest())
end
