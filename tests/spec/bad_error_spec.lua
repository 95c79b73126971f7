-- SPDX-License-Identifier: MIT
--
-- Error objects that cannot be shown, and bugs of ours: one slot's ERROR with
-- teardown and record, never the end of the others.

local core <const> = require "attest.core"
local attempt <const> = require "attest.runner.attempt"
local errors <const> = require "attest.error"
local fake_bench <const> = require "tests.support.fake_bench"
local outcome <const> = require "attest.runner.outcome"

core.virtual()

local TWO <const> = { "one", "two" }

local function plan_that(raises)
  return ([[local attest = require("attest")
    plan:phase("a", function(t)
      t:measure("x", 1):equals(1)
      if t.slot == 1 then %s end
      t:sleep(2)
    end)
    plan:teardown(function(t) t:log("torn down " .. t.slot) end)]]):format(raises)
end

local UNSHOWABLE <const> = 'error(setmetatable({}, { __tostring = function() error("boo") end }))'

describe("a bad error object", function()
  for name, case in pairs {
    ["whose __tostring raises"] = { UNSHOWABLE, "ERROR", "a table that cannot be shown" },
    ["whose message is a number"] = {
      'attest.error.raise { code = "timeout", message = 12 }', "TIMEOUT", "12",
    },
    ["whose code was changed"] = {
      'local e = attest.error.new { code = "timeout", message = "m" } e.code = {} error(e)',
      "ERROR", "m",
    },
    ["whose command is a table"] = {
      'attest.error.raise { code = "timeout", message = "m", command = {} }', "TIMEOUT", "m",
    },
  } do
    it(name .. " is its slot's only", function()
      local bench <close> = fake_bench.new()
      assert.equal(3, bench:run(plan_that(case[1]), { ports = TWO }))
      assert.matches(("slot 1  %s\nslot 2  PASS\n"):format(case[2]), bench.out)
      assert.matches("torn down 1", bench.out)
      assert.matches("torn down 2", bench.out)
      assert.equal(2, #bench.records)
      local failure
      for _, record in ipairs(bench.records) do
        failure = failure or record.first_failure
      end
      assert.equal(case[3], failure.message)
    end)
  end

  it("in a callback is its slot's only", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run(plan_that("require('attest.core').after(1, function() "
      .. UNSHOWABLE .. " end)"), { ports = TWO }))
    assert.matches("slot 1  ERROR\nslot 2  PASS\n", bench.out)
  end)

  it("keeps what was sound of it", function()
    local err <const> = errors.new { code = "rejected", message = "no", command = {}, number = 3 }
    local sound <const> = outcome.as_error(err)
    assert.equal("rejected", sound.code)
    assert.equal(3, sound.number)
    assert.is_string(sound.command)
  end)
end)

describe("a bug of ours in one slot", function()
  local run <const> = attempt.run

  after_each(function()
    attempt.run = run
  end)

  it("is its ERROR with teardown and record; the others end; the exit code is 70", function()
    attempt.run = function(active, phase, number)
      if active.slot == 1 and phase.name == "a" then
        error("a bug")
      end
      return run(active, phase, number)
    end
    local bench <close> = fake_bench.new()
    assert.equal(70, bench:run(plan_that("return"), { ports = TWO }))
    assert.matches("slot 1  ERROR\nslot 2  PASS\n", bench.out)
    assert.matches("torn down 1", bench.out)
    assert.equal(2, #bench.records)
    assert.equal("internal", bench.records[1].first_failure.code)
    assert.matches("internal error: .*a bug", bench.err)
  end)
end)
