-- SPDX-License-Identifier: MIT
--
-- Several slots, Ctrl-C, and what one slot may do to the others: nothing.

local core <const> = require "attest.core"
local fake_bench <const> = require "tests.support.fake_bench"

core.virtual()

local PASSING <const> = 'plan:phase("a", function(t) t:measure("x", 1):equals(1) end)'

local function last(bench)
  return bench.records[#bench.records]
end

describe("an error in a callback", function()
  it("is the ERROR of its slot only", function()
    local bench <close> = fake_bench.new()
    local code <const> = bench:run([[plan:phase("a", function(t)
      if t.slot == 2 then require("attest.core").after(1, function() error("in callback") end) end
      t:sleep(2)
      t:measure("x", 1):equals(1) end)]], { ports = { "one", "two" } })
    assert.equal(3, code)
    assert.matches("slot 1  PASS\nslot 2  ERROR\ntotal", bench.out)
    assert.matches("plan1.lua:%d+: in callback", bench.out)
  end)

  it("in the teardown is not lost", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run(PASSING .. [[ plan:teardown(function(t)
      require("attest.core").after(1, function() error("late") end)
      t:sleep(2) end)]]))
    assert.same({ "a 1 PASS", "teardown 1 ERROR" }, bench:phases())
  end)
end)

describe("slots", function()
  it("run side by side, each with an environment of its own", function()
    local bench <close> = fake_bench.new()
    local began <const> = core.now()
    assert.equal(0, bench:run([[local count = 0
      plan:phase("a", function(t) t:sleep(10) count = count + 1
        t:measure("count", count):equals(1)
        t:measure("port", t.port):equals(({ "one", "two", "three" })[t.slot]) end)]],
      { ports = { "one", "two", "three" } }))
    assert.is_true(core.now() - began < 11)
    assert.matches("slot 1  PASS\nslot 2  PASS\nslot 3  PASS\ntotal  3 run%(s%): 3 PASS", bench.out)
  end)

  it("exit with the worst of them", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run([[plan:phase("a", function(t)
      if t.slot == 3 then t.dut:silent(1) end
      t:measure("slot", t.slot):equals(1) end)]], { ports = { "one", "two", "three" } }))
    assert.matches("slot 1  PASS\nslot 2  FAIL\nslot 3  TIMEOUT\n"
      .. "total  3 run%(s%): 1 PASS, 1 FAIL, 1 TIMEOUT", bench.out)
  end)

  it("do not run at all when a port cannot be opened", function()
    local bench <close> = fake_bench.new()
    bench.refuse.two = { code = "busy", message = "minicom (pid 7) has it" }
    assert.equal(2, bench:run(PASSING, { ports = { "one", "two" } }))
    assert.equal("slot 2: cannot open two: minicom (pid 7) has it\n", bench.err)
    assert.equal("", bench.out)
    assert.equal(0, #bench.records)
    assert.equal(1, bench.duts[1].closed)
  end)

  it("are ERROR one by one when a missing port is allowed", function()
    local bench <close> = fake_bench.new()
    bench.refuse.two = { code = "not_found", message = "no such port" }
    assert.equal(3, bench:run(PASSING, { ports = { "one", "two" }, allow_missing = true }))
    assert.matches("slot 1  PASS\nslot 2  ERROR\n", bench.out)
    assert.equal(2, #bench.records)
  end)

  it("repeat their runs, each on a fresh port and a fresh script", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, bench:run([[local count = 0
      plan:phase("a", function(t) count = count + 1 t:measure("n", count):equals(1) end)]],
      { ["repeat"] = 3 }))
    assert.equal(3, #bench.records)
    assert.equal(3, #bench.duts)
    assert.not_equal(bench.records[1].run_id, bench.records[2].run_id)
    assert.matches("slot 1  PASS\ntotal  3 run%(s%): 3 PASS", bench.out)
  end)

  it("run several scripts one after the other", function()
    local bench <close> = fake_bench.new()
    local text <const> = [[local plan = require("attest.plan").new { name = %q }
      plan:phase("a", function(t) t:measure("x", 1):equals(1) end) return plan]]
    assert.equal(0, bench:run { text:format("first"), text:format("second") })
    assert.same({ "first", "second" },
      { bench.records[1].plan.name, bench.records[2].plan.name })
  end)
end)

describe("Ctrl-C", function()
  local LONG <const> = [[
    plan:phase("a", function(t) t:measure("x", 1):equals(1) end)
    plan:phase("b", function(t) t:sleep(100) end)
    plan:phase("c", function(t) t:measure("y", 1):equals(1) end)
    plan:teardown(function(t) t:sleep(2) t:measure("off", true):is_true() end)]]

  it("stops every slot, tears down, stores, and exits 130", function()
    local bench <close> = fake_bench.new()
    bench:press_after(5)
    assert.equal(130, bench:run(LONG, { ports = { "one", "two" }, ["repeat"] = 9 }))
    assert.equal(2, #bench.records)
    assert.same({ "a 1 PASS", "b 1 ABORTED", "c 1 SKIPPED", "teardown 1 PASS" }, bench:phases())
    assert.equal("ABORTED", last(bench).outcome)
    assert.equal("b", last(bench).first_failure.phase)
    assert.equal("aborted", last(bench).first_failure.code)
    assert.matches("slot 1  ABORTED\nslot 2  ABORTED\n", bench.out)
    assert.matches("teardown runs", bench.err)
  end)

  it("leaves a teardown under way alone", function()
    local bench <close> = fake_bench.new()
    bench:press_after(101)
    assert.equal(130, bench:run(LONG))
    assert.equal("PASS", last(bench).outcome)
  end)

  it("ends an endless loop", function()
    local bench <close> = fake_bench.new()
    bench:press_after(35)
    assert.equal(130, bench:run([[plan:phase("a", function(t) t:sleep(10)
      t:measure("x", 1):equals(1) end)]], { loop = true }))
    assert.equal(4, #bench.records)
    assert.equal("ABORTED", last(bench).outcome)
  end)

  it("does not wait out a retry's delay", function()
    local bench <close> = fake_bench.new()
    bench:press_after(5)
    local began <const> = core.now()
    assert.equal(130, bench:run [[plan:phase("a", { retry = { limit = 1, delay = 1000 } },
      function(t) t:measure("x", 1):equals(2) end)]])
    assert.is_true(core.now() - began < 10)
    assert.equal("ABORTED", last(bench).outcome)
  end)
end)

describe("a script that never waits", function()
  it("is stopped by the watchdog at its line, and the teardown runs", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run([[plan:phase("a", function(t)
      while true do end
    end)
    plan:teardown(function(t) t:measure("off", true):is_true() end)]], { watchdog = 0.2 }))
    assert.same({ "a 1 ERROR", "teardown 1 PASS" }, bench:phases())
    assert.equal("watchdog", last(bench).first_failure.code)
    assert.matches("plan1.lua:2: ran for 0.2 s without waiting", last(bench).first_failure.message)
  end)

  it("is stopped while it loads, too", function()
    local bench <close> = fake_bench.new()
    assert.equal(2, bench:run({ "while true do end" }, { watchdog = 0.2 }))
    assert.matches("plan1.lua:1: ran for", bench.err)
  end)
end)
