-- SPDX-License-Identifier: MIT
--
-- Which values hold against which limits, and what is written down of it.

local measure <const> = require "attest.measure"

local nan <const> = 0 / 0

-- Each row: value, comparator, arguments, outcome, pattern of the reason.
local CASES <const> = {
  { -95, "at_least", { -95 }, "PASS" },
  { -97, "at_least", { -95 }, "FAIL", "^%-97 dBm < %-95 dBm %(lower%)$" },
  { 30, "at_most", { 30 }, "PASS" },
  { 30.5, "at_most", { 30 }, "FAIL", "^30.5 dBm > 30 dBm %(upper%)$" },
  { 0, "between", { 0, 7 }, "PASS" },
  { 7, "between", { 0, 7 }, "PASS" },
  { 8, "between", { 0, 7 }, "FAIL", "upper" },
  { -1, "between", { 0, 7 }, "FAIL", "lower" },
  { math.huge, "between", { 0, 7 }, "FAIL", "upper" },
  { nan, "at_least", { -95 }, "FAIL", "NaN" },
  { nan, "between", { 0, 7 }, "FAIL", "NaN" },
  { nan, "equals", { 1 }, "FAIL" },
  { nan, "one_of", { { 1, 2 } }, "FAIL" },
  { "-60", "at_least", { -95 }, "FAIL", '"%-60", a string; the limit needs a number' },
  { true, "at_least", { 0 }, "FAIL", "boolean" },
  { "V1.0", "equals", { "V1.0" }, "PASS" },
  { "V1.1", "equals", { "V1.0" }, "FAIL", '"V1.1" dBm, expected "V1.0" dBm' },
  { 1, "equals", { 1.0 }, "PASS" },
  { "1", "equals", { 1 }, "FAIL", "needs a number" },
  { false, "equals", { false }, "PASS" },
  { 99, "one_of", { { 0, 1, 99 } }, "PASS" },
  { 8, "one_of", { { 0, 1, 99 } }, "FAIL", "8 dBm is none of 0, 1, 99" },
  { "99", "one_of", { { 0, 1, 99 } }, "FAIL" },
  { "89860A", "matches", { "^%x+$" }, "PASS" },
  { "x", "matches", { "^%d+$" }, "FAIL", "does not match" },
  { 12, "matches", { "^%d+$" }, "FAIL", "needs a string" },
  { "860720087453595", "luhn", {}, "PASS" },
  { "860720087453594", "luhn", {}, "FAIL", "Luhn" },
  { "86072008745359a", "luhn", {}, "FAIL", "digits" },
  { "", "luhn", {}, "FAIL", "digits" },
  { 860720087453595, "luhn", {}, "FAIL", "needs a string" },
  { true, "is_true", {}, "PASS" },
  { false, "is_true", {}, "FAIL", "is false" },
  { 1, "is_true", {}, "FAIL", "needs a boolean" },
}

describe("comparator", function()
  for _, case in ipairs(CASES) do
    local value <const>, name <const>, arguments <const>, outcome <const>, reason <const> =
      table.unpack(case, 1, 5)
    it(("%s %s is %s for %s"):format(name, tostring(arguments[1]), outcome, tostring(value)),
      function()
        local m <const> = measure.new("x", value, "dBm")
        assert.equal(m, m[name](m, table.unpack(arguments)))
        local got <const>, why <const> = m:outcome()
        assert.equal(outcome, got)
        if reason then
          assert.matches(reason, why)
        end
      end)
  end

  for _, name in ipairs { "luhn", "is_true" } do
    it(name .. " leaves nil UNSET", function()
      local m <const> = measure.new("x", nil)
      m[name](m)
      assert.equal("UNSET", (m:outcome()))
    end)
  end

  it("never passes nil, whatever the limit", function()
    assert.equal("UNSET", (measure.new("x", nil):at_least(-95):outcome()))
    assert.equal("UNSET", (measure.new("x", nil):one_of { 1 }:outcome()))
    assert.equal("UNSET", (measure.new("x", nil):matches(""):outcome()))
    assert.equal("UNSET", (measure.new("x", nil):outcome()))
  end)

  it("refuses limits that are none", function()
    local m <const> = measure.new("x", 1)
    for name, arguments in pairs {
      at_least = { "1" }, at_most = { nan }, between = { 2, 1 }, equals = {}, one_of = { {} },
      matches = { "[" }, marginal = { { low = 1 } },
    } do
      assert.is_false(pcall(m[name], m, table.unpack(arguments)), name)
    end
  end)

  it("that does not exist raises with its name", function()
    assert.has_error(function() measure.new("x", 1):at_lest(2) end,
      'a measurement has no comparator "at_lest"')
  end)
end)

describe("measurement", function()
  it("refuses a bad name, value or unit", function()
    assert.is_false(pcall(measure.new, ""))
    assert.is_false(pcall(measure.new, "a\27b", 1))
    assert.is_false(pcall(measure.new, 1, 1))
    assert.is_false(pcall(measure.new, "x", {}))
    assert.is_false(pcall(measure.new, "x", 1, 7))
  end)

  it("records comparator, limits, unit and outcome", function()
    local entry = measure.describe(measure.new("rssi", -71, "dBm"):at_least(-95))
    assert.same({
      name = "rssi", value = -71, type = "number", unit = "dBm", comparator = "GE", lower = -95,
      outcome = "PASS", marginal = false,
    }, entry)
    entry = measure.describe(measure.new("t", 31, "s"):at_most(30))
    assert.equal("LE", entry.comparator)
    assert.equal(30, entry.upper)
    assert.is_nil(entry.lower)
    assert.equal("t 31 s > 30 s (upper)", entry.message)
  end)

  it("makes one range of at_least and at_most, in either order", function()
    local entry <const> = measure.describe(measure.new("v", 3):at_least(1):at_most(2))
    assert.equal("GELE", entry.comparator)
    assert.equal(1, entry.lower)
    assert.equal(2, entry.upper)
    assert.equal("FAIL", entry.outcome)
    assert.equal("GELE", measure.describe(measure.new("v", 3):at_most(2):at_least(1)).comparator)
  end)

  it("fails when any of its comparators fails", function()
    local m <const> = measure.new("imei", "860720087453594"):matches("^86"):luhn()
    local entry <const> = measure.describe(m)
    assert.equal("MATCH+LUHN", entry.comparator)
    assert.equal("FAIL", entry.outcome)
    assert.equal("FAIL", (measure.new("x", 5):at_least(10):equals(5):outcome()))
    assert.equal("FAIL", (measure.new("x", 5):at_least(10):at_most(20):outcome()))
  end)

  it("cannot be changed by hand", function()
    local m <const> = measure.new("x", 1)
    assert.has_error(function() m.value = print end, "a measurement's value cannot be set")
    for key, value in pairs { value = print, name = "\27", checks = {}, outcome = print } do
      rawset(m, key, value)
    end
    local entry <const> = measure.describe(m)
    assert.equal("x", entry.name)
    assert.equal(1, entry.value)
    assert.equal("PASS", entry.outcome)
  end)

  it("takes no limit once it was told", function()
    local m <const> = measure.new("x", 1)
    measure.describe(m)
    assert.is_false(pcall(m.at_least, m, 2))
  end)

  it("without a limit is a LOG", function()
    local entry <const> = measure.describe(measure.new("note", "x"))
    assert.equal("LOG", entry.comparator)
    assert.equal("PASS", entry.outcome)
  end)

  it("without a value says so", function()
    local entry <const> = measure.describe(measure.new("rssi"):at_least(-95))
    assert.equal("UNSET", entry.outcome)
    assert.equal("rssi has no value", entry.message)
    assert.equal(-95, entry.lower)
  end)

  it("escapes bytes in its message", function()
    local entry <const> = measure.describe(measure.new("x", "\27[2J\0\xFF"):equals("ok"))
    assert.is_nil(entry.message:find("[%c\x80-\xff]"))
    assert.matches("\\x1B", entry.message)
  end)

  it("shortens a long value in its message only", function()
    local entry <const> = measure.describe(measure.new("echo", ("U"):rep(1024)):equals("u"))
    assert.equal(1024, #entry.value)
    assert.is_true(#entry.message < 200)
    assert.matches("1024 bytes", entry.message)
  end)

  it("is marginal when it passes outside its comfortable range", function()
    local function is_marginal(value)
      local m <const> = measure.new("rssi", value):at_least(-95):marginal { lower = -90 }
      return measure.describe(m).marginal
    end
    assert.is_true(is_marginal(-92))
    assert.is_false(is_marginal(-90))
    assert.is_false(is_marginal(-97))
    assert.is_false(is_marginal(nil))
  end)

  it("is judged by a limit that came with the plan", function()
    assert.equal("FAIL", (measure.new("x", 1):within({ lower = 2 }):outcome()))
    assert.equal("FAIL", (measure.new("x", 3):within({ upper = 2 }):outcome()))
    assert.equal("PASS", (measure.new("x", 2):within({ lower = 2, upper = 2 }):outcome()))
    assert.equal("PASS", (measure.new("x", false):within({ expected = false }):outcome()))
  end)
end)
