-- SPDX-License-Identifier: MIT
--
-- Finding and assembling catalogues: the built-in one, users' directories, malformed files.

local catalogue <const> = require "attest.catalogue"
local lfs <const> = require "lfs"
local schema <const> = require "attest.schema"

local dir -- a user's directory, fresh for each test

local function write(relative, text)
  lfs.mkdir(dir .. "/" .. relative:match("^(.*)/"))
  local file <close> = assert(io.open(dir .. "/" .. relative, "wb"))
  file:write(text)
end

local function remove(path)
  if lfs.attributes(path, "mode") == "directory" then
    for name in lfs.dir(path) do
      if name ~= "." and name ~= ".." then remove(path .. "/" .. name) end
    end
    lfs.rmdir(path)
  else
    os.remove(path)
  end
end

local function module_of(families, more)
  return ('return { title = both("Mine", "Mine"), families = { %s }, %s }')
    :format(families, more or "")
end

--- A family file with one good entry and the given text after it.
local function family_of(entry)
  return 'return { title = both("T", "T"), { name = "good", wire = "+GOOD", section = "1", '
    .. 'summary = both("G", "G"), forms = { { kind = "exec" } } }, ' .. entry .. " }"
end

local function entry_of(changes)
  return '{ name = "sick", wire = "+SICK", section = "2", summary = both("S", "S"), '
    .. 'forms = { { kind = "exec" } }, ' .. changes .. " }"
end

local function form_of(form)
  return '{ name = "sick", wire = "+SICK", section = "2", summary = both("S", "S"), forms = { '
    .. form .. " } }"
end

local function load_with(entry, more)
  write("mine/module.lua", module_of('"fam"', more))
  write("mine/fam.lua", family_of(entry))
  return catalogue.load("mine", { dir })
end

before_each(function()
  dir = os.tmpname()
  os.remove(dir)
  assert(lfs.mkdir(dir))
end)
after_each(function() remove(dir) end)

describe("the catalogue of ct12", function()
  local ct12 <const> = assert(catalogue.load("ct12"))

  it("has every command of chapters 6.1 to 6.4, in the manual's order", function()
    local commands <const> = {}
    for i, entry in ipairs(ct12.list) do commands[i] = entry.section .. " " .. entry.command end
    assert.same({
      "6.1.1 AT", "6.1.2 AT+GMR", "6.1.3 AT+GSN", "6.1.4 ATE", "6.1.5 AT+RST", "6.1.6 AT+RESTORE",
      "6.1.7 AT+QCCID", "6.1.8 AT+IPR", "6.1.9 AT+SINGLESIM", "6.1.10 AT+OTA", "6.1.11 AT+GPIO",
      "6.2.1 AT+CREG", "6.2.2 AT+CSQ", "6.2.3 AT+QNTP", "6.2.4 AT+QLTS", "6.2.5 AT+QPING",
      "6.2.6 AT+CPSI", "6.3.1 AT+SYSSLEEP", "6.3.2 AT+CSCLK", "6.4.1 AT+QIOPEN",
      "6.4.2 AT+QISEND", "6.4.3 ATO", "6.4.4 +++", "6.4.5 AT+QICLOSE", "6.4.6 AT+QISTATE",
    }, commands)
  end)

  it("has the error codes of chapter 7 in both languages", function()
    for _, number in ipairs { 101, 102, 103, 104, 201, 202, 203 } do
      assert.is_string(ct12.errors[number].en)
      assert.is_string(ct12.errors[number].zh)
    end
  end)

  it("takes no name from dut", function()
    for name in pairs(ct12.entries) do assert.is_nil(schema.builtins[name]) end
  end)

  it("is plain data: no function anywhere", function()
    local seen <const> = {}
    local function visit(v)
      assert.is_not.equal("function", type(v))
      if type(v) ~= "table" or seen[v] then return end
      seen[v] = true
      for key, each in pairs(v) do visit(key) visit(each) end
    end
    visit(ct12)
  end)

  it("gives the framer its line starts, boot words and counted headers", function()
    assert.same({ "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" }, ct12.vocabulary.boot)
    assert.same({ { prefix = "+QIRD:", field = 2, next_line = true } }, ct12.vocabulary.counted)
    local known <const> = {}
    for _, start in ipairs(ct12.vocabulary.known) do known[start] = true end
    for _, start in ipairs { "OK", "ERROR", "RDY", "+CREG:", "CONNECT,ID:", "SEND OK" } do
      assert.is_true(known[start])
    end
  end)

  it("marks what is dangerous and what restarts, by form", function()
    assert.is_true(ct12.entries.ota.effects.dangerous)
    assert.is_true(ct12.entries.ipr.effects.reboots)
    assert.is_nil(ct12.entries.ipr.forms[1].effects.reboots)
    assert.equal("baudrate", ct12.entries.ipr.forms[2].effects.line.baud)
    assert.same({ mode = 1 }, ct12.entries.qiopen.forms[1].effects.enters_data)
  end)

  it("is loaded anew each time", function()
    assert.is_not.equal(ct12, (catalogue.load("ct12")))
  end)
end)

describe("a user's directory", function()
  it("adds a module of its own", function()
    local module <const> = assert(load_with(entry_of('notes = both("N", "N")')))
    assert.equal("AT+SICK", module.entries.sick.command)
    assert.equal("fam", module.entries.sick.family)
  end)

  it("shares families of another module, and changes and removes entries", function()
    write("mine/module.lua", [[return {
      extends = "ct12", title = both("Mine", "Mine"), families = { "fam" }, remove = { "ota" },
      override = { csq = { section = "9.9" } }, errors = { [104] = both("what?", "what?") },
      profile = { baud = 9600, identity = { entry = "gmr", field = "version", match = "^X" } },
    }]])
    write("mine/fam.lua", family_of(
      '{ name = "gmr", wire = "+GMR", section = "1.1", summary = both("New", "New"), '
      .. 'forms = { { kind = "exec" } } }'))
    local module <const> = assert(catalogue.load("mine", { dir }))
    assert.equal("New", module.entries.gmr.summary.en)
    assert.equal("9.9", module.entries.csq.section)
    assert.is_nil(module.entries.ota)
    assert.is_nil(module.wires["+OTA"])
    assert.is_table(module.entries.good)
    assert.equal("what?", module.errors[104].en)
    assert.equal(9600, module.profile.baud)
    assert.equal("RDY", module.profile.boot_word)
  end)

  it("lists another module's family by its path", function()
    write("mine/module.lua", module_of('"ct12/power"'))
    local module <const> = assert(catalogue.load("mine", { dir }))
    assert.same({ "syssleep", "csclk" }, { module.list[1].name, module.list[2].name })
  end)

  it("replaces a family file of the built-in module", function()
    write("ct12/power.lua", family_of(entry_of("")))
    local module <const> = assert(catalogue.load("ct12", { dir }))
    assert.is_nil(module.entries.csclk)
    assert.is_table(module.entries.sick)
    assert.is_table(module.entries.gmr)
  end)

  it("extends the built-in module under its own name", function()
    write("ct12/module.lua", 'return { extends = "ct12", families = { "more" } }')
    write("ct12/more.lua", family_of(entry_of("")))
    local module <const> = assert(catalogue.load("ct12", { dir }))
    assert.is_table(module.entries.csclk)
    assert.is_table(module.entries.sick)
    assert.equal("DX-CT12-B&C 4G module", module.title.en)
  end)

  it("replaces a URC by its name", function()
    write("ct12/module.lua", [[return { extends = "ct12", urcs = {
      { name = "+QIRD", prefix = "+RX:", doc = both("D", "D"), payload = { length = "length" },
        fields = { { "link_num", int(3, 20) }, { "more", word {} }, { "length", int(1, 9) } } } } }]])
    local module <const> = assert(catalogue.load("ct12", { dir }))
    assert.same({ { prefix = "+RX:", field = 3 } }, module.vocabulary.counted)
  end)
end)

describe("a catalogue that cannot be loaded", function()
  local function refused(pattern, module, err)
    assert.is_nil(module)
    assert.matches(pattern, err.message)
    return err
  end

  it("is an unknown module", function()
    local err <const> = refused("module nosuch: not found", catalogue.load("nosuch"))
    assert.equal("not_found", err.code)
  end)

  it("has a name that is none", function()
    for _, name in ipairs { "../ct12", "ct12/basic", "", "a b" } do
      assert.equal("invalid", refused("is no name", catalogue.load(name)).code)
    end
  end)

  it("lists a family that is not there", function()
    write("mine/module.lua", module_of('"nosuch"'))
    refused("module mine, family nosuch: not found", catalogue.load("mine", { dir }))
  end)

  it("extends itself without an end", function()
    write("a/module.lua", 'return { extends = "b" }')
    write("b/module.lua", 'return { extends = "a" }')
    refused("extends itself", catalogue.load("a", { dir }))
  end)

  it("has a syntax error: file and line are named", function()
    write("mine/module.lua", module_of('"fam"'))
    write("mine/fam.lua", "return {\n title = both('T', 'T'),\n { name == }\n}")
    refused("family fam: .*fam.lua:3:", catalogue.load("mine", { dir }))
  end)

  it("uses a word that is none: file and line are named", function()
    for _, word in ipairs { "itn(1, 2)", "require 'os'", "print", "os.exit()", "io", "_G" } do
      write("mine/module.lua", module_of('"fam"'))
      write("mine/fam.lua", "return {\n x = " .. word .. "\n}")
      refused("family fam: .*fam.lua:2: unknown word", catalogue.load("mine", { dir }))
    end
  end)

  it("sets a global, is binary, or is no table", function()
    write("mine/module.lua", "x = 1")
    refused("sets no globals", catalogue.load("mine", { dir }))
    write("mine/module.lua", string.dump(function() end))
    refused("module mine: ", catalogue.load("mine", { dir }))
    write("mine/module.lua", "return 7")
    refused("must be a table", catalogue.load("mine", { dir }))
  end)

  it("has an unknown module key or profile key", function()
    write("mine/module.lua", module_of("", "colour = 1"))
    refused('module mine: unknown key "colour"', catalogue.load("mine", { dir }))
    write("mine/module.lua", module_of("", "profile = { bauds = 1 }"))
    refused('module mine profile: unknown key "bauds"', catalogue.load("mine", { dir }))
    write("mine/module.lua", module_of("", 'profile = { baud = "1" }'))
    refused("baud must be a number", catalogue.load("mine", { dir }))
    write("mine/module.lua", module_of("", 'profile = { boot_word = "RDY" }'))
    refused('profile: names the unknown URC "RDY"', catalogue.load("mine", { dir }))
    write("mine/module.lua", module_of("", 'remove = { "x" }'))
    refused('remove: no entry "x"', catalogue.load("mine", { dir }))
    write("mine/module.lua", module_of("", "override = { x = {} }"))
    refused('override: no entry "x"', catalogue.load("mine", { dir }))
  end)

  local function arg_of(arg)
    return form_of("{ kind = 'set', args = { " .. arg .. " } }")
  end
  local function info_of(row)
    return form_of("{ kind = 'exec', info = { " .. row .. " } }")
  end
  local doc <const> = 'both("D", "D")'
  local payload <const> = 'payload = { bytes(1, 9), ' .. doc .. ', prompt = ">" }'
  local sent <const> = 'completion = { "prompt", "payload", "OK" }'

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
    { "unknown key \"arguments\"", form_of('{ kind = "exec", arguments = {} }') },
    { "two forms \"exec\"", form_of('{ kind = "exec" }, { kind = "exec" }') },
    { "only a set form has arguments", form_of('{ kind = "exec", args = { { "n", int(0, 1), ' .. doc .. " } } }") },
    { "timeout: must be seconds", form_of('{ kind = "exec", timeout = 0 }') },
    { "timeout: must be seconds", form_of('{ kind = "exec", timeout = "5" }') },
    { "arity: must rise", form_of('{ kind = "set", args = { { "n", int(0, 1), ' .. doc .. ' } }, arity = { 2 } }') },
    { "has no type", arg_of('{ "n", 7, ' .. doc .. " }") },
    { "is no range", arg_of('{ "n", int(2, 1), ' .. doc .. " }") },
    { "is no range", arg_of('{ "n", int("0", 1), ' .. doc .. " }") },
    { "special value 1", arg_of('{ "n", int(0, 1, { [1] = ' .. doc .. " }), " .. doc .. " }") },
    { "enum needs a table", arg_of('{ "n", enum {}, ' .. doc .. " }") },
    { "enum mixes", arg_of('{ "n", enum { [0] = ' .. doc .. ", A = " .. doc .. " }, " .. doc .. " }") },
    { "needs a text in en and zh", arg_of('{ "n", enum { [0] = "off" }, ' .. doc .. " }") },
    { "str has no option \"maximum\"", arg_of('{ "n", str { maximum = 3 }, ' .. doc .. " }") },
    { "str: sizes 4..3", arg_of('{ "n", str { min = 4, max = 3 }, ' .. doc .. " }") },
    { "str takes a table", arg_of('{ "n", str(3), ' .. doc .. " }") },
    { "has no type", arg_of('{ "n", str, ' .. doc .. " }") },
    { "bytes belong into a payload", arg_of('{ "n", bytes(0, 1), ' .. doc .. " }") },
    { "doc: must be a table", arg_of('{ "n", int(0, 1) }') },
    { "default 2 does not fit", arg_of('{ "n", int(0, 1), ' .. doc .. ", default = 2 }") },
    { "is reserved", arg_of('{ "confirm", int(0, 1), ' .. doc .. " }") },
    { "n stands twice", arg_of(('{ "n", int(0, 1), %s }, { "n", int(0, 1), %s }'):format(doc, doc)) },
    { "cannot follow an optional", arg_of(('{ "a", int(0, 1), %s, optional = true }, { "b", int(0, 1), %s }'):format(doc, doc)) },
    { "optional: must be true or false", arg_of('{ "n", int(0, 1), ' .. doc .. ", optional = 1 }") },
    { "is no payload", arg_of('{ "n", int(0, 1), ' .. doc .. ', measures = "payload" }') },
    { "a payload and its step go together", form_of('{ kind = "set", ' .. payload .. " }") },
    { "a payload and its step go together", form_of('{ kind = "set", ' .. sent .. " }") },
    { "follows its prompt at once", form_of('{ kind = "set", completion = { "prompt", "OK", "payload" }, ' .. payload .. " }") },
    { "follows its prompt at once", form_of('{ kind = "set", completion = { "payload" }, ' .. payload .. " }") },
    { "the prompt must be", form_of('{ kind = "set", ' .. sent .. ', payload = { bytes(1, 2), ' .. doc .. ', prompt = "@" } }') },
    { "must be bytes", form_of('{ kind = "set", ' .. sent .. ', payload = { str {}, ' .. doc .. ', prompt = ">" } }') },
    { "waits for the unknown \"FINE\"", form_of('{ kind = "exec", completion = { "FINE" } }') },
    { "unknown word \"FINE\"", form_of('{ kind = "exec", completion = { { FINE = "ok" } } }') },
    { "waits for nothing", form_of('{ kind = "exec", completion = { { later = 3 } } }') },
    { "later: must be seconds", form_of('{ kind = "exec", completion = { { RDY = "ok", later = -1 } } }') },
    { "info 1 prefix: must be a string", info_of("{}") },
    { "info 1: unknown key \"repeat\"", info_of('{ prefix = "+A:", ["repeat"] = true }') },
    { "is untagged and has a prefix", info_of('{ prefix = "+A:", untagged = true }') },
    { "stands twice", info_of('{ prefix = "+A:", fields = { { "a", word {} }, { "a", word {} } } }') },
    { "cannot follow an optional one", info_of('{ prefix = "+A:", fields = { { "a", word {}, optional = true }, { "b", word {} } } }') },
    { "takes the rest", info_of('{ prefix = "+A:", fields = { { "a", word {}, rest = true }, { "b", word {} } } }') },
    { "orders an unknown field \"b\"", info_of('{ prefix = "+A:", fields = { { "a", word {} } }, table = { order = { "b" } } }') },
    { "comes from an unknown field", info_of('{ prefix = "+A:", derived = { { "x", from = "b", among = { 1 } } } }') },
    { "needs exactly one of", info_of('{ prefix = "+A:", fields = { { "a", word {} } }, derived = { { "x", from = "a" } } }') },
    { "a literal and fields", info_of('{ prefix = "+A:", literal = "X", fields = {} }') },
    { "must be a table, is a string", '"sick"' },
  }
  for i, case in ipairs(cases) do
    it(("is refused, case %d: %s"):format(i, case[1]), function()
      local err <const> = refused(case[1], load_with(case[2]))
      assert.equal("invalid", err.code)
      assert.matches("^family fam", err.message)
      if case[2]:find('name = "sick"', 1, true) then assert.matches("entry ", err.message) end
    end)
  end
end)
