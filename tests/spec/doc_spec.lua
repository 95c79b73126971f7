-- SPDX-License-Identifier: MIT
--
-- The reference that is printed from the catalogue: nothing of an entry is left out, in either
-- language, and no line is wider than a terminal.

local catalogue <const> = require "attest.catalogue"
local doc <const> = require "attest.doc"
local layout <const> = require "attest.doc.layout"
local phrases <const> = require "attest.doc.phrases"
local text <const> = require "attest.text"

local ct12 <const> = assert(catalogue.load("ct12"))
local languages <const> = { "en", "zh" }

local function page(name, lang)
  return doc.render(ct12.entries[name], { lang = lang, module = ct12 })
end

--- Line breaks and indentation are layout, not content.
local function flat(s)
  return (s:gsub("%s+", ""))
end

local function says(s, part)
  return flat(s):find(flat(part), 1, true) ~= nil
end

describe("the reference of a command", function()
  for _, entry in ipairs(ct12.list) do
    for _, lang in ipairs(languages) do
      local shown <const> = page(entry.name, lang)

      it(("%s in %s fits into 100 columns"):format(entry.command, lang), function()
        for line in shown:gmatch("[^\n]+") do
          assert.is_true(text.width(line) <= 100, line)
          assert.is_nil(line:find("%s$"), line)
        end
      end)

      it(("%s in %s tells everything that the entry says"):format(entry.command, lang), function()
        assert.is_true(says(shown, entry.command))
        assert.is_true(says(shown, entry.section))
        assert.is_true(says(shown, entry.summary[lang]))
        assert.is_true(not entry.notes or says(shown, entry.notes[lang]))
        for _, urc in ipairs(entry.urcs) do assert.is_true(says(shown, urc)) end
        for _, form in ipairs(entry.forms) do
          for _, arg in ipairs(form.args) do
            assert.is_true(says(shown, arg.name))
            assert.is_true(says(shown, arg.doc[lang]))
            for _, key in ipairs(arg.type.order or {}) do
              assert.is_true(says(shown, tostring(key)))
              assert.is_true(says(shown, arg.type.values[key][lang]))
            end
          end
          for _, row in ipairs(form.info) do
            assert.is_true(says(shown, row.prefix or "<" .. row.fields[1].name .. ">"))
            for _, field in ipairs(row.fields) do assert.is_true(says(shown, field.name)) end
            for _, derived in ipairs(row.derived) do assert.is_true(says(shown, derived.name)) end
          end
          for _, step in ipairs(form.completion) do
            for word in pairs(step.words or {}) do assert.is_true(says(shown, word)) end
          end
        end
        for _, example in ipairs(entry.examples) do
          for _, line in ipairs { example.send, table.unpack(example.answer) } do
            assert.is_true(says(shown, line), line)
          end
        end
      end)
    end
  end

  it("of AT+QISEND shows form, ranges, payload, completion and its failure", function()
    local shown <const> = page("qisend", "en")
    for _, part in ipairs { "AT+QISEND=<link_num>[,<length>]", "3 to 20", "1 to 1024 bytes",
                            "default: the size of payload", "after the prompt >",
                            "OK, then the prompt >, then the data, then SEND OK or SEND FAIL: ",
                            "timeout 10 s", "needs the network" } do
      assert.is_true(says(shown, part), part)
    end
  end)

  it("of AT+OTA warns", function()
    assert.is_true(says(page("ota", "en"), "confirm = true"))
    assert.is_true(says(page("ota", "zh"), "confirm = true"))
  end)

  it("of every command of ml302 can be printed; brackets stand where a command may end", function()
    local ml302 <const> = assert(catalogue.load("ml302"))
    for _, entry in ipairs(ml302.list) do
      for _, lang in ipairs(languages) do
        local shown <const> = doc.render(entry, { lang = lang, module = ml302 })
        assert.is_true(says(shown, entry.summary[lang]))
      end
    end
    assert.is_true(says(doc.render(ml302.entries.mqttcfg), "<clean>[,<version>,<encrypt>]"))
  end)

  it("of what modules have in common shows the ranges of 27.007", function()
    local ml302 <const> = assert(catalogue.load("ml302"))
    for name, parts in pairs {
      cimi = { "imsi 14 to 15 digits" }, cgsn = { "imei 15 digits" },
      csq = { "rssi 0 to 31, 99", "ber 0 to 7, 99", "absent for 99, dBm" },
      creg = { "n 0, 1, 2 kind", "stat 0, 1, 2, 3, 4, 5 registration", "stat is 1 or 5" },
    } do
      local shown <const> = doc.render(ml302.entries[name], { module = ml302 })
      for _, part in ipairs(parts) do assert.is_true(says(shown, part), part) end
    end
  end)

  it("explains unsolicited lines when the module is given", function()
    assert.is_true(says(page("creg", "en"), "The registration changed"))
    assert.is_string(doc.render(ct12.entries.creg))
  end)

  it("refuses a language that is none", function()
    assert.has_error(function() doc.render(ct12.entries.creg, { lang = "fr" }) end,
      'unknown language "fr"')
  end)
end)

describe("the index", function()
  it("lists every command with its summary, in both languages", function()
    for _, lang in ipairs(languages) do
      local shown <const> = doc.index(ct12, { lang = lang })
      for _, entry in ipairs(ct12.list) do
        assert.is_true(says(shown, entry.command .. entry.section .. entry.summary[lang]))
      end
    end
  end)
end)

describe("the phrases", function()
  it("exist in both languages, with the same placeholders", function()
    local function placeholders(s)
      return table.concat({ s:gsub("[^%%]*(%%?%a?)[^%%]*", "%1") }, " ", 1, 1)
    end
    for key, phrase in pairs(phrases.en) do
      assert.is_string(phrases.zh[key], key)
      assert.equal(placeholders(phrase), placeholders(phrases.zh[key]), key)
    end
    for key in pairs(phrases.zh) do assert.is_string(phrases.en[key], key) end
  end)
end)

describe("wrapping", function()
  it("breaks at blanks and between wide characters, never within a word", function()
    local long <const> = ("word "):rep(40) .. ("x"):rep(120) .. " 中文" .. ("字"):rep(80)
    local lines <const> = layout.wrap(long, 4)
    for _, line in ipairs(lines) do
      assert.is_true(text.width(line) <= 100 or line:find(("x"):rep(120), 1, true) ~= nil)
      assert.equal("    ", line:sub(1, 4))
    end
    assert.equal(flat(long), flat(table.concat(lines)))
  end)

  it("of a wide command goes on after a comma", function()
    local lines <const> = {}
    local syntax <const> = "AT+X=<a>" .. (",<argument>"):rep(20)
    layout.syntax(lines, syntax, 2)
    for i, line in ipairs(lines) do
      assert.is_true(text.width(line) <= 100)
      assert.equal(i < #lines, line:sub(-1) == ",")
    end
    assert.equal(flat(syntax), flat(table.concat(lines)))
  end)

  it("of nothing is nothing", function()
    assert.same({}, layout.wrap("", 4))
  end)
end)
