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
    for _, entry in ipairs(ct12.list) do
      if entry.section:find("^6%.[1-4]%.") then
        commands[#commands + 1] = entry.section .. " " .. entry.command
      end
    end
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
    assert.same({ prefix = "+QIRD:", field = 2, next_line = true }, ct12.vocabulary.counted[1])
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

describe("the catalogue of ml302", function()
  local ml302 <const> = assert(catalogue.load("ml302"))

  it("has the common basic commands and every command of the MQTT manual", function()
    local commands <const> = {}
    for i, entry in ipairs(ml302.list) do commands[i] = entry.command end
    assert.same({
      "AT", "ATE", "ATI", "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CGSN", "AT+CIMI", "AT+CREG",
      "AT+CPIN", "AT+CSQ", "AT+MQTTCFG", "AT+MQTTOPEN", "AT+MQTTSTAT", "AT+MQTTSUB",
      "AT+MQTTUNSUB", "AT+MQTTPUB", "AT+MQTTDISC", "AT+MQTTPING", "AT+MQTTREC", "AT+MQTTTO",
      "AT+MQTTDEL",
    }, commands)
  end)

  it("has the error codes 600 to 620 in both languages", function()
    for number = 600, 620 do
      assert.is_string(ml302.errors[number].en)
      assert.is_string(ml302.errors[number].zh)
    end
    assert.is_nil(ml302.errors[621])
  end)

  it("marks as invented what its manual leaves to another one", function()
    local invented <const> = {}
    for _, urc in ipairs(ml302.urcs) do invented[urc.name] = urc.invented end
    assert.same({ RDY = true, ["+CPIN"] = true }, invented)
    for _, key in ipairs(ml302.profile.invented) do assert.is_not_nil(ml302.profile[key]) end
  end)

  it("marks its password as secret, in the command and in the answer", function()
    local forms <const> = ml302.entries.mqttcfg.forms
    assert.is_true(forms[2].args[6].secret)
    assert.is_true(forms[1].info[2].fields[6].secret)
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
        fields = { { "link_num", int(3, 20) }, { "more", word {} }, { "length", int(1, 9) } } },
    } }]])
    local module <const> = assert(catalogue.load("ct12", { dir }))
    assert.same({ prefix = "+RX:", field = 3 }, module.vocabulary.counted[1])
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
    write("mine/module.lua", module_of("", "profile = { mqtt = { topics = 50 } }"))
    refused('profile mqtt: unknown key "topics"', catalogue.load("mine", { dir }))
    write("mine/module.lua", module_of("", "profile = { mqtt = { subscriptions = true } }"))
    refused("profile mqtt: subscriptions must be a number", catalogue.load("mine", { dir }))
    write("mine/module.lua", module_of("", 'profile = { mqtt = { lost = "GONE" } }'))
    refused('profile mqtt: names the unknown URC "GONE"', catalogue.load("mine", { dir }))
    write("mine/module.lua", module_of("", 'profile = { invented = { "boot" } }'))
    refused('invented names no setting "boot"', catalogue.load("mine", { dir }))
    write("mine/module.lua", module_of("", 'remove = { "x" }'))
    refused('remove: no entry "x"', catalogue.load("mine", { dir }))
    write("mine/module.lua", module_of("", "override = { x = {} }"))
    refused('override: no entry "x"', catalogue.load("mine", { dir }))
  end)
end)
