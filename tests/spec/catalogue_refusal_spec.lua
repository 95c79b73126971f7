-- SPDX-License-Identifier: MIT
--
-- Malformed entries: each is refused at load, with family and entry named.
--
-- A case is a pattern of the message and a piece of a catalogue file: $D stands for a text,
-- $I, $W and $B for types, $A for a prefix, $F and $O for fields, $P and $S for a payload and the
-- steps it needs.

local catalogue <const> = require "attest.catalogue"
local lfs <const> = require "lfs"

local abbreviations <const> = {
  D = 'both("D", "D")', I = "int(0, 1)", W = "word {}", B = "bytes(1, 9)", A = 'prefix = "+A:"',
  P = 'payload = { bytes(1, 9), both("D", "D"), prompt = ">" }',
  O = '{ "a", word {}, optional = true }', F = 'fields = { { "a", word {} } }',
  S = 'completion = { "prompt", "payload", "OK" }',
}

local head <const> = '{ name = "sick", wire = "+SICK", section = "2", summary = $D, '

local function entry_of(changes)
  return head .. 'forms = { { kind = "exec" } }, ' .. changes .. " }"
end

local function form_of(form)
  return head .. "forms = { " .. form .. " } }"
end

local function exec_of(text)
  return form_of('{ kind = "exec", ' .. text .. " }")
end

local function set_of(text)
  return form_of('{ kind = "set", ' .. text .. " }")
end

local function arg_of(arg)
  return set_of("args = { " .. arg .. " }")
end

local function info_of(row)
  return exec_of("info = { " .. row .. " }")
end

local function urc_of(text)
  return '{ name = "+U", ' .. text .. " }"
end

local function save(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write((text:gsub("%$(%u)", abbreviations)))
end

--- Loads a module "mine" with family "fam": a good entry, and what is given.
local function load_with(entry, urc)
  local dir <const> = os.tmpname()
  os.remove(dir)
  assert(lfs.mkdir(dir) and lfs.mkdir(dir .. "/mine"))
  local module_path <const>, path <const> = dir .. "/mine/module.lua", dir .. "/mine/fam.lua"
  save(module_path, 'return { title = $D, families = { "fam" }, urcs = { ' .. (urc or "") .. " } }")
  save(path, 'return { title = $D, { name = "good", wire = "+GOOD", section = "1", summary = $D, '
    .. 'forms = { { kind = "exec" } } }, ' .. (entry or "") .. " }")
  local module <const>, err <const> = catalogue.load("mine", { dir })
  os.remove(module_path)
  os.remove(path)
  lfs.rmdir(dir .. "/mine")
  lfs.rmdir(dir)
  return module, err
end

describe("a malformed entry", function()
  it("is what the cases have: without a fault they load", function()
    assert(load_with(entry_of("")))
    assert(load_with(set_of("args = { { 'n', $I, $D } }, $P, $S")))
    assert(load_with(info_of('{ $A, $F }')))
    assert(load_with(nil, urc_of("$A, doc = $D")))
  end)

  local cases <const> = {
    { "unknown key \"formes\"", entry_of("formes = 1") },
    { "name: must be a string", '{ wire = "+SICK" }' },
    { "is no name", entry_of('name = "Sick"') },
    { "is no name", entry_of('name = "sick-er"') },
    { "built%-in of dut", entry_of('name = "socket"') },
    { "built%-in of dut", entry_of('name = "at"') },
    { "stands twice", entry_of('name = "good"') },
    { "its wire \"%+GOOD\" is good's already", entry_of('wire = "+GOOD"') },
    { "its wire \"%+GOOD\" is good's already", entry_of('also = { "+GOOD" }') },
    { "wire must be", entry_of("wire = 7") },
    { "wire must be", entry_of('wire = "+SICK="') },
    { "wire must be", entry_of('wire = "+SI CK"') },
    { "upper case", entry_of('wire = "+sick"') },
    { "summary: must be a table", entry_of('summary = "S"') },
    { "summary: lacks its zh text", entry_of('summary = { en = "S" }') },
    { "summary: lacks its en text", entry_of('summary = both("", "S")') },
    { "section: must be a string", entry_of("section = 6.1") },
    { "forms: must not be empty", entry_of("forms = {}") },
    { "forms: must be a table", entry_of("forms = 1") },
    { "forms: must be a list", entry_of('forms = { exec = { kind = "exec" } }') },
    { "names the unknown URC \"NONE\"", entry_of('urcs = { "NONE" }') },
    { "effects: unknown key \"reboot\"", entry_of("effects = { reboot = true }") },
    { "reboots must be a boolean", entry_of("effects = { reboots = 1 }") },
    { "echo names no argument", entry_of('effects = { echo = "mode" }') },
    { "example 1: unknown key", entry_of('examples = { { sent = "AT" } }') },
    { "example 1 send: must be a string", entry_of("examples = { {} }") },
    { "glue", entry_of('glue = ":"') },
    { "unknown kind", form_of('{ kind = "get" }') },
    { "unknown key \"arguments\"", exec_of('arguments = {}') },
    { "two forms \"exec\"", form_of('{ kind = "exec" }, { kind = "exec" }') },
    { "only a set form has arguments", exec_of('args = { { "n", $I, $D } }') },
    { "timeout: must be seconds", exec_of('timeout = 0') },
    { "timeout: must be seconds", exec_of('timeout = "5"') },
    { "arity: must rise", set_of('args = { { "n", $I, $D } }, arity = { 2 }') },
    { "has no type", arg_of('{ "n", 7, $D }') },
    { "is no range", arg_of('{ "n", int(2, 1), $D }') },
    { "is no range", arg_of('{ "n", int("0", 1), $D }') },
    { "special value 1", arg_of('{ "n", int(0, 1, { [1] = $D }), $D }') },
    { "enum needs a table", arg_of('{ "n", enum {}, $D }') },
    { "enum mixes", arg_of('{ "n", enum { [0] = $D, A = $D }, $D }') },
    { "needs a text in en and zh", arg_of('{ "n", enum { [0] = "off" }, $D }') },
    { "str has no option \"maximum\"", arg_of('{ "n", str { maximum = 3 }, $D }') },
    { "str: sizes 4..3", arg_of('{ "n", str { min = 4, max = 3 }, $D }') },
    { "str takes a table", arg_of('{ "n", str(3), $D }') },
    { "has no type", arg_of('{ "n", str, $D }') },
    { "bytes belong into a payload", arg_of('{ "n", bytes(0, 1), $D }') },
    { "doc: must be a table", arg_of('{ "n", $I }') },
    { "default 2 does not fit", arg_of('{ "n", $I, $D, default = 2 }') },
    { "is reserved", arg_of('{ "confirm", $I, $D }') },
    { "n stands twice", arg_of('{ "n", $I, $D }, { "n", $I, $D }') },
    { "cannot follow an optional", arg_of('{ "a", $I, $D, optional = true }, { "b", $I, $D }') },
    { "optional: must be true or false", arg_of('{ "n", $I, $D, optional = 1 }') },
    { "is no payload", arg_of('{ "n", $I, $D, measures = "payload" }') },
    { "a payload and its step go together", set_of('$P') },
    { "a payload and its step go together", set_of('$S') },
    { "follows its prompt at once", set_of('completion = { "prompt", "OK", "payload" }, $P') },
    { "follows its prompt at once", set_of('completion = { "payload" }, $P') },
    { "the prompt must be", set_of('$S, payload = { $B, $D, prompt = "@" }') },
    { "must be bytes", set_of('$S, payload = { str {}, $D, prompt = ">" }') },
    { "waits for the unknown \"FINE\"", exec_of('completion = { "FINE" }') },
    { "unknown word \"FINE\"", exec_of('completion = { { FINE = "ok" } }') },
    { "waits for nothing", exec_of('completion = { { later = 3 } }') },
    { "later: must be seconds", exec_of('completion = { { RDY = "ok", later = -1 } }') },
    { "info 1 prefix: must be a string", info_of("{}") },
    { "info 1: unknown key \"repeat\"", info_of('{ $A, ["repeat"] = true }') },
    { "is untagged and has a prefix", info_of('{ $A, untagged = true }') },
    { "stands twice", info_of('{ $A, fields = { { "a", $W }, { "a", $W } } }') },
    { "cannot follow an optional one", info_of('{ $A, fields = { $O, { "b", $W } } }') },
    { "takes the rest", info_of('{ $A, fields = { { "a", $W, rest = true }, { "b", $W } } }') },
    { "orders an unknown field \"b\"", info_of('{ $A, $F, table = { order = { "b" } } }') },
    { "comes from an unknown", info_of('{ $A, derived = { { "x", from = "b", match = "x" } } }') },
    { "needs exactly one of", info_of('{ $A, $F, derived = { { "x", from = "a" } } }') },
    { "a literal and fields", info_of('{ $A, literal = "X", fields = {} }') },
    { "a header and can only", info_of("{ $A, header = true, $F }") },
    { "a header and can only", info_of("{ $A, header = true, repeated = true }") },
    { "header: must be true or false", info_of("{ $A, header = 1 }") },
    { "bares an unknown field \"b\"", info_of('{ $A, $F, table = { bare = { "b" } } }') },
    { "table bare: must be a table", info_of('{ $A, $F, table = { bare = "a" } }') },
    { "constants: must be a table", info_of("{ $A, constants = true }") },
    { "either escaped or bare", arg_of('{ "n", str { escape = true, bare = true }, $D }') },
    { "bare must be a boolean", arg_of('{ "n", str { bare = 1 }, $D }') },
    { "names no argument \"m\"",
      set_of('args = { { "n", $I, $D } }, combinations = { { m = 1 } }') },
    { "combinations: must not be empty", set_of("combinations = {}") },
    { "combinations 1: must be a table", set_of("combinations = { 1 }") },
    { "combinations 1 n: must not be empty",
      set_of('args = { { "n", $I, $D } }, combinations = { { n = {} } }') },
    { "max_text: must be a number of bytes", set_of('args = { { "n", $I, $D } }, max_text = 0') },
    { "limits arguments, and there are none", set_of("max_text = 60") },
    { "waits for a line and has no info", set_of("info_within = 10") },
    { "info_within: must be seconds", exec_of("info = { { $A } }, info_within = 0") },
    { "must be a table, is a string", '"sick"' },
  }
  for i, case in ipairs(cases) do
    it(("is refused, case %d: %s"):format(i, case[1]), function()
      local module <const>, err <const> = load_with(case[2])
      assert.is_nil(module)
      assert.matches(case[1], err.message)
      assert.equal("invalid", err.code)
      assert.matches("^family fam", err.message)
      if case[2]:find("name = ", 1, true) then
        assert.matches("^family fam, entry ", err.message)
      end
    end)
  end
end)

describe("a malformed URC", function()
  local cases <const> = {
    { "+U: needs either match or prefix", "doc = $D" },
    { "+U: needs either match or prefix", '$A, match = { "+U" }, doc = $D' },
    { "+U match: must not be empty", "match = {}, doc = $D" },
    { "+U doc: must be a table", "$A" },
    { "+U: unknown key \"prefixes\"", "$A, prefixes = {}, doc = $D" },
    { "+U payload: length names no field", '$A, payload = { length = "n" }, doc = $D' },
    { "+U payload: unknown key", '$A, payload = { len = "n" }, doc = $D' },
    { "+U: has a literal and fields", '$A, literal = "OK", $F, doc = $D' },
    { "+U literal: must be a string", "$A, literal = 7, doc = $D" },
    { "+U: unknown key", "$A, header = true, doc = $D" },
    { "+U: matches whole lines", 'match = { "+U" }, literal = "OK", doc = $D' },
    { "+U field 1 a: has no type", '$A, fields = { { "a" } }, doc = $D' },
  }
  for i, case in ipairs(cases) do
    it(("is refused, case %d: %s"):format(i, case[1]), function()
      local module <const>, err <const> = load_with(nil, urc_of(case[2]))
      assert.is_nil(module)
      assert.is_truthy(err.message:find("module mine urcs " .. case[1], 1, true), err.message)
    end)
  end

  it("is refused without a name", function()
    local _, err <const> = load_with(nil, "{ match = { 'A' } }")
    assert.matches("module mine urcs name: ", err.message)
  end)
end)
