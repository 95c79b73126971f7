-- SPDX-License-Identifier: MIT
--
-- Compares a catalogue with the facts that somebody else typed from the
-- manual: command by command, field by field and in both directions.
--
-- Where the manual contradicts itself or says nothing, the catalogue had to
-- choose: each such place is in a list, key -> what the catalogue holds now
-- and why. A line there that differs no more, or differs otherwise, fails.
-- A place where only a name differs is in another list: the name in the
-- manual's facts -> the catalogue's and why.

local assert <const> = require "luassert"
local codec <const> = require "attest.codec"
local manual <const> = require "tests.support.facts.manual"
local of_catalogue <const> = require "tests.support.facts.catalogue"

local compare = {}

--- Copies a table of names.
function compare.copy(t)
  local out <const> = {}
  for key, value in pairs(t) do
    out[key] = value
  end
  return out
end

local function all_keys(a, b)
  local keys <const> = {}
  for _, t in ipairs { a, b } do
    for key in pairs(t) do
      keys[key] = true
    end
  end
  return keys
end

local function full_key(record, key)
  return ("%s %s %s"):format(record.command, record.form, key)
end

-- ------------------------------------------------- what one cell says twice

-- The forms of a command share a cell of explanations: what a value means is
-- typed once in the facts and holds for argument and field of that name.
local function collect_meanings(records)
  local meanings <const> = {}
  for _, record in ipairs(records) do
    local known <const> = meanings[record.command] or {}
    meanings[record.command] = known
    for key, text in pairs(manual.of(record)) do
      local name <const>, value <const> = key:match("^%a+ (%S+) means (.+)$")
      if name then
        known[#known + 1] = { name = name, value = value, text = text }
      end
    end
  end
  return meanings
end

local function has_word(list, word)
  return (" " .. (list or "") .. " "):find(" " .. word .. " ", 1, true) ~= nil
end

local function share_meanings(meanings, expected)
  for _, each in ipairs(meanings) do
    for list, what in pairs { args = "arg", fields = "field" } do
      if has_word(expected[list], each.name) then
        expected[("%s %s means %s"):format(what, each.name, each.value)] = each.text
      end
    end
  end
end

-- Gives a field the name that it has in the catalogue.
local function rename(expected, old, new)
  local out <const> = {}
  for key, value in pairs(expected) do
    local rest <const> = key:match("^field " .. old .. " (.*)$")
    out[rest and ("field %s %s"):format(new, rest) or key] = value
  end
  out.fields = out.fields and (" " .. out.fields .. " "):gsub(" " .. old .. " ", " " .. new .. " ")
    :match("^ (.*) $")
  return out
end

local function expected_of(self, record)
  local expected = manual.of(record)
  share_meanings(self.meanings[record.command], expected)
  local head <const> = expected["head in the table"]
  if head and not expected["head in the example"] then
    expected["head in the example"] = head:gsub("%s+$", "") -- no example: as its table says
  end
  for name in (expected.fields or ""):gmatch("%S+") do
    local renamed <const> = self.renamed[full_key(record, name)]
    if renamed then
      expected = rename(expected, name, renamed[1])
    end
  end
  return expected
end

-- --------------------------------------------------------------- comparison

local function both_of(self, record)
  local expected <const> = expected_of(self, record)
  local entry <const> = self.by_command[record.command]
  return expected, entry and of_catalogue.of(self.module, entry, record.form, expected)
end

local function disagreements(self, record)
  local expected <const>, actual <const> = both_of(self, record)
  local out <const> = {}
  for key in pairs(all_keys(expected, actual)) do
    local full <const> = full_key(record, key)
    local choice <const> = self.chosen[full]
    local wanted = expected[key]
    if choice then
      wanted = choice[1]
    end
    if actual[key] ~= wanted then
      out[#out + 1] = ("%s: the manual says %s, the catalogue %s"):format(full,
        tostring(expected[key]), tostring(actual[key]))
    end
  end
  table.sort(out)
  return table.concat(out, "\n")
end

local function check_choices(self)
  local open <const> = compare.copy(self.chosen)
  for _, record in ipairs(self.records) do
    local expected <const>, actual <const> = both_of(self, record)
    for key in pairs(all_keys(expected, actual or {})) do
      local full <const> = full_key(record, key)
      if open[full] then
        assert.not_equals(expected[key], (actual or {})[key], full .. " differs no more")
        open[full] = nil
      end
    end
  end
  assert.same({}, open)
end

local function check_forms(self)
  local known <const> = {}
  for _, record in ipairs(self.records) do
    known[record.command .. " " .. record.form] = true
  end
  for _, entry in ipairs(self.entries) do
    for _, form in ipairs(entry.forms) do
      local name <const> = entry.command .. " " .. form.kind
      assert.truthy(known[name] or self.unprinted[name], name .. " is in no record")
      assert.falsy(known[name] and self.unprinted[name], name .. " is in a record")
    end
  end
end

local function check_record(self, record)
  local entry <const> = self.by_command[record.command]
  assert.truthy(entry, "the catalogue has no such command")
  assert.equals(record.section, entry.section)
  local _, actual <const> = both_of(self, record)
  assert.truthy(actual, "the catalogue has no such form")
  assert.equals("", disagreements(self, record))
end

--- Declares the tests of the commands.
-- @tparam function it busted's
-- @tparam table options `module` catalogue; `entries` those that the records
--   describe; `records`; `chosen`; optional `renamed`, and `unprinted`: forms
--   that the manual does not print, with the reason
function compare.declare(it, options)
  local self <const> = compare.copy(options)
  self.renamed, self.unprinted = options.renamed or {}, options.unprinted or {}
  self.meanings = collect_meanings(options.records)
  self.by_command = {}
  for _, entry in ipairs(options.entries) do
    self.by_command[entry.command] = entry
  end
  for _, record in ipairs(options.records) do
    it(("%s %s as in %s"):format(record.command, record.form, record.section), function()
      check_record(self, record)
    end)
  end
  it("every form of the catalogue has a record", function()
    check_forms(self)
  end)
  it("every choice is still one", function()
    check_choices(self)
  end)
  it("every choice has a reason", function()
    for _, list in ipairs { self.chosen, self.renamed } do
      for key, choice in pairs(list) do
        assert.truthy(type(choice[2]) == "string" and #choice[2] > 10, key)
      end
    end
  end)
end

--- Declares the tests of error numbers and of how errors are printed.
-- @tparam function it busted's
-- @tparam table module catalogue
-- @tparam table facts
function compare.declare_errors(it, module, facts)
  it("the numbers and their Chinese texts", function()
    local texts <const> = {}
    for number, text in pairs(module.errors) do
      texts[number] = text.zh
    end
    for _, number in ipairs(facts.errors_unsupported or {}) do
      texts[number] = texts[number]:gsub("（暂未支持）$", "")
    end
    assert.same(facts.errors, texts)
  end)

  it("every printed form ends a command", function()
    for _, form in ipairs(facts.error_forms) do
      local line <const> = form:gsub("<%a*>", "104")
      local kind <const>, number <const> = codec.final(line)
      assert.truthy(kind and kind ~= "OK", line)
      assert.equals(line:find("104", 1, true) and 104 or nil, number, line)
    end
  end)
end

return compare
