-- SPDX-License-Identifier: MIT
--
-- What becomes of a run: outcomes, attempts, teardown, guards. Fake DUTs, a
-- store in memory, virtual time.

local core <const> = require "attest.core"
local fake_bench <const> = require "tests.support.fake_bench"
local outcome <const> = require "attest.runner.outcome"

core.virtual()

local PASSING <const> = 'plan:phase("a", function(t) t:measure("x", 1):equals(1) end)'

local function tally(changes)
  local all <const> = { runs = 1, worst = "PASS", unstored = 0, unexported = 0 }
  for key, value in pairs(changes) do
    all[key] = value
  end
  return all
end

describe("the exit status", function()
  it("tells the worst: a signal, a bug, a record that is missing, the verdicts", function()
    for _, case in ipairs {
      { 0, {} }, { 1, { worst = "FAIL" } }, { 3, { worst = "ABORTED" } }, { 4, { runs = 0 } },
      { 5, { worst = "ERROR", unexported = 1 } }, { 5, { runs = 0, unstored = 1 } },
      { 70, { broken = true, unstored = 1 } }, { 130, { signal = 130, broken = true } },
    } do
      assert.equal(case[1], outcome.exit_code(tally(case[2])))
    end
  end)
end)

local function last(bench)
  return bench.records[#bench.records]
end

local function assert_ends(bench, wanted)
  local got <const> = bench.out:match("(slot 1  %u+.*)$")
  assert.equal(wanted, (got:gsub("  %d+%.%d s\n$", "\n")))
end

describe("a run", function()
  it("that passes exits 0 and ends with its slot and the total", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, bench:run(PASSING))
    assert_ends(bench, "slot 1  PASS\ntotal  1 run(s): 1 PASS\n")
    assert.equal("PASS", last(bench).outcome)
    assert.is_nil(last(bench).first_failure)
    assert.equal(1, bench.duts[1].closed)
    assert.is_true(bench.store_closed)
  end)

  it("shows its verdict after the record is stored, not before", function()
    local bench <close> = fake_bench.new()
    bench:run(PASSING)
    assert.same({ "close one", "stored", "shown" },
      { bench.events[1], bench.events[2], bench.events[3] })
  end)

  it("is FAIL by a limit, and exits 1", function()
    local bench <close> = fake_bench.new()
    local code <const> = bench:run [[
      plan:phase("signal", function(t) t:measure("rssi", -97, "dBm"):at_least(-95) end)
      plan:phase("later", function(t) t:measure("x", 1):equals(1) end)]]
    assert.equal(1, code)
    assert.same({ "signal 1 FAIL", "later 1 SKIPPED" }, bench:phases())
    assert.same({
      phase = "signal", attempt = 1, measurement = "rssi", code = "limit",
      message = "rssi -97 dBm < -95 dBm (lower)",
    }, last(bench).first_failure)
    assert_ends(bench, "slot 1  FAIL\ntotal  1 run(s): 1 FAIL\n")
    assert.matches("slot 1  signal  FAIL  0.0 s  rssi %-97 dBm < %-95 dBm %(lower%)", bench.out)
  end)

  it("goes on in the phase after a failed measurement", function()
    local bench <close> = fake_bench.new()
    bench:run [[plan:phase("a", function(t)
      t:measure("x", 1):equals(2)
      t:measure("y", 1):equals(1)
    end)]]
    assert.equal(2, #last(bench).phases[1].measurements)
  end)

  it("counts a limit that a measurement gets later in its phase", function()
    local bench <close> = fake_bench.new()
    assert.equal(1, bench:run [[plan:phase("a", function(t)
      local x = t:measure("x", 1)
      t:measure("y", 1):equals(1)
      x:at_least(2)
    end)]])
    assert.equal("x", last(bench).first_failure.measurement)
  end)

  it("goes on after a failed phase when the plan says so", function()
    local bench <close> = fake_bench.new()
    bench:run { [[
      local plan = require("attest.plan").new { name = "p", continue_on_fail = true }
      plan:phase("a", function(t) t:measure("x", 1):equals(2) end)
      plan:phase("b", function(t) error("oops") end)
      plan:phase("c", function(t) t:measure("x", 1):equals(1) end)
      return plan]] }
    assert.same({ "a 1 FAIL", "b 1 ERROR", "c 1 PASS" }, bench:phases())
    assert.equal("ERROR", last(bench).outcome)
    assert.equal("a", last(bench).first_failure.phase)
    assert.equal(2, #last(bench).outcome_details)
  end)

  it("is ERROR when a script raises, with its line, and exits 3", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run 'plan:phase("a", function(t)\n local x = nil\n x.y = 1 end)')
    local failure <const> = last(bench).first_failure
    assert.equal("script", failure.code)
    assert.matches("plan1.lua:3: attempt to index a nil value", failure.message)
    assert.matches("plan1.lua:3", last(bench).phases[1].error.traceback)
  end)

  it("is TIMEOUT when a command is, naming it and its seconds", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run 'plan:phase("a", function(t) t.dut:silent(5) end)')
    assert.equal("TIMEOUT", last(bench).outcome)
    assert.equal("AT+CSQ: no answer within 5 s", last(bench).first_failure.message)
    assert.matches("slot 1  TIMEOUT\n", bench.out)
  end)

  it("is ERROR with the reason when its port closes", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run { [[
      local plan = require("attest.plan").new { name = "p", continue_on_fail = true }
      plan:phase("a", { retry = { limit = 3 } }, function(t) t.dut:broken("closed") end)
      plan:phase("b", function(t) t:measure("x", 1) end)
      return plan]] })
    assert.same({ "a 1 ERROR", "b 1 SKIPPED" }, bench:phases())
    assert.equal("closed", last(bench).first_failure.code)
  end)

  it("that measured nothing cannot PASS", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run 'plan:phase("a", function() end)')
    assert.equal("ERROR", last(bench).outcome)
    assert.equal("no_evidence", last(bench).first_failure.code)
    assert.matches("slot 1  ERROR\n", bench.out)
    assert.matches("the plan measured nothing", bench.out)
  end)

  it("cannot PASS with a required measurement that was never set", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run [[plan:phase("a", { measures = { "imei" } }, function(t)
      t:measure("x", 1):equals(1) end)]])
    assert.same({ "imei", "unset" }, {
      last(bench).first_failure.measurement, last(bench).first_failure.code,
    })
    assert.equal("UNSET", last(bench).phases[1].measurements[2].outcome)
  end)

  it("cannot PASS with a measurement whose value is nil", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run [[plan:phase("a", function(t)
      t:measure("x", 1):equals(1)
      t:measure("rssi", nil, "dBm"):at_least(-95) end)]])
    assert.equal("rssi has no value", last(bench).first_failure.message)
  end)

  it("refuses the same measurement twice in an attempt", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run [[plan:phase("a", function(t)
      t:measure("x", 1):equals(1)
      t:measure("x", 1):equals(1) end)]])
    assert.matches('measurement "x" was already made', last(bench).first_failure.message)
  end)

  it("judges by the plan's own limits", function()
    local bench <close> = fake_bench.new()
    assert.equal(1, bench:run { [[
      local plan = require("attest.plan").new { name = "p", limits = { rssi = { lower = -95 } } }
      plan:phase("a", function(t) t:measure("rssi", -97, "dBm") end)
      return plan]] })
  end)

  it("knows a marginal PASS", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, bench:run [[plan:phase("a", function(t)
      t:measure("rssi", -92):at_least(-95):marginal { lower = -90 } end)]])
    assert.is_true(last(bench).marginal)
  end)
end)

describe("a phase", function()
  it("may cancel a task that it started: that fails nothing", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, bench:run [[plan:phase("a", function(t)
      local core = require "attest.core"
      t:measure("x", 1):equals(1)
      local task = core.spawn(core.sleep, 1e6)
      t:sleep(1)
      task:cancel("enough")
      t:sleep(1)
    end)]])
  end)

  it("is interrupted by its timeout wherever it waits", function()
    local bench <close> = fake_bench.new()
    local began <const> = core.now()
    assert.equal(3, bench:run [[plan:phase("a", { timeout = 10 }, function(t)
      t:sleep(1e6) end)]])
    assert.is_true(core.now() - began < 12)
    assert.equal("TIMEOUT", last(bench).outcome)
    assert.equal('phase "a" timed out after 10 s', last(bench).first_failure.message)
  end)

  it("cannot swallow its timeout", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run [[plan:phase("a", { timeout = 10 }, function(t)
      pcall(t.sleep, t, 1e6)
      pcall(t.sleep, t, 1e6)
      t:measure("x", 1):equals(1)
    end)]])
    assert.same({ "a 1 TIMEOUT" }, bench:phases())
  end)

  it("is tried again, and no attempt is forgotten", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, bench:run [[plan:phase("a", { retry = { limit = 2, delay = 4 } }, function(t)
      t:measure("x", t.attempt):at_least(3) end)]])
    assert.same({ "a 1 FAIL", "a 2 FAIL", "a 3 PASS" }, bench:phases())
    assert.equal("PASS", last(bench).outcome)
    assert.is_nil(last(bench).first_failure)
    assert.equal(4000, last(bench).phases[2].t_ms - last(bench).phases[1].t_ms)
    assert.matches("slot 1  a  PASS  0.0 s  %(attempt 3%)", bench.out)
  end)

  it("that fails every attempt is told by its last", function()
    local bench <close> = fake_bench.new()
    assert.equal(1, bench:run [[plan:phase("a", { retry = { limit = 1 } }, function(t)
      t:measure("x", t.attempt):at_least(3) end)]])
    assert.equal(2, last(bench).first_failure.attempt)
    assert.equal(1, #last(bench).outcome_details)
  end)

  it("is not tried again after an error in the script", function()
    local bench <close> = fake_bench.new()
    bench:run 'plan:phase("a", { retry = { limit = 5 } }, function() error("bug") end)'
    assert.same({ "a 1 ERROR" }, bench:phases())
  end)

  it("is tried again after the module refused or was silent", function()
    for _, code in ipairs { "rejected", "timeout", "reset" } do
      local bench <close> = fake_bench.new()
      assert.equal(0, bench:run(([[plan:phase("a", { retry = { limit = 1 } }, function(t)
        if t.attempt == 1 then t.dut:broken(%q) end
        t:measure("x", 1):equals(1) end)]]):format(code)))
    end
  end)

  it("cannot be measured once it is over", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run [[local kept
      plan:phase("a", function(t) kept = t t:measure("x", 1):equals(1) end)
      plan:phase("b", function() kept:measure("y", 1) end)]])
    assert.matches('phase "a" is over', last(bench).first_failure.message)
  end)
end)

describe("setup and teardown", function()
  it("surround the phases", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, bench:run([[plan:setup(function() end) plan:teardown(function() end) ]]
      .. PASSING))
    assert.same({ "setup 1 PASS", "a 1 PASS", "teardown 1 PASS" }, bench:phases())
    assert.equal("teardown", last(bench).phases[3].group)
  end)

  it("skip the phases when the setup fails, and still tear down", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run([[plan:setup(function(t) t.dut:silent(5) end)
      plan:teardown(function() end) ]] .. PASSING))
    assert.same({ "setup 1 TIMEOUT", "a 1 SKIPPED", "teardown 1 PASS" }, bench:phases())
    assert.equal("TIMEOUT", last(bench).outcome)
  end)

  it("run the teardown after a timeout as ordinary code", function()
    local bench <close> = fake_bench.new()
    bench:run [[plan:phase("a", { timeout = 3 }, function(t) t:sleep(1e6) end)
      plan:teardown(function(t) t:sleep(2) t:measure("off", true):is_true() end)]]
    assert.same({ "a 1 TIMEOUT", "teardown 1 PASS" }, bench:phases())
  end)

  it("bound the teardown by its own timeout", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run(PASSING
      .. " plan:teardown({ timeout = 2 }, function(t) t:sleep(1e6) end)"))
    assert.same({ "a 1 PASS", "teardown 1 TIMEOUT" }, bench:phases())
    assert.equal("teardown", last(bench).first_failure.phase)
  end)

  it("make an error of the teardown the run's", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run(PASSING .. " plan:teardown(function() error('stuck') end)"))
    assert.equal("ERROR", last(bench).outcome)
  end)
end)

describe("a guard", function()
  local GUARD <const> = 'plan:guard { urc = "RDY", code = "E-RESET" } '

  it("ends a green phase as ERROR with its code", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run(GUARD .. [[plan:phase("a", function(t)
      t:measure("x", 1):equals(1)
      t.dut:urc("RDY")
      t:sleep(1) end)]]))
    assert.same({ "a 1 ERROR" }, bench:phases())
    assert.equal("E-RESET", last(bench).first_failure.code)
    assert.equal("unexpected RDY (E-RESET)", last(bench).first_failure.message)
  end)

  it("names the reset that ended a command", function()
    local bench <close> = fake_bench.new()
    bench:run(GUARD .. 'plan:phase("a", function(t) t.dut:broken("reset") end)')
    assert.equal("E-RESET", last(bench).first_failure.code)
  end)

  it("stands aside where the reset is expected, and only there", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, bench:run(GUARD .. [[plan:phase("a", function(t)
      local a, b = t:expect_reset(function() t.dut:urc("RDY") return 1, 2 end)
      t:measure("x", a + b):equals(3) end)]]))
    assert.equal(3, bench:run(GUARD .. [[plan:phase("a", function(t)
      pcall(t.expect_reset, t, function() error("x") end)
      t.dut:urc("RDY")
      t:sleep(1)
      t:measure("x", 1):equals(1) end)]]))
    assert.equal("E-RESET", last(bench).first_failure.code)
  end)

  it("leaves the reset that was expected what it is", function()
    local bench <close> = fake_bench.new()
    local reset <const> = 'error(require("attest.error").new { code = "reset", message = "x" })'
    assert.equal(3, bench:run(GUARD .. [[plan:phase("a", function(t)
      t:expect_reset(function() ]] .. reset .. [[ end) end)]]))
    assert.equal("reset", last(bench).first_failure.code)
    bench:run(GUARD .. [[plan:phase("a", function() ]] .. reset .. [[ end)]])
    assert.equal("E-RESET", last(bench).first_failure.code)
  end)

  it("is not on during setup and teardown", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, bench:run(GUARD .. [[
      plan:setup(function(t) t.dut:urc("RDY") t:sleep(1) end)
      plan:teardown(function(t) t.dut:urc("RDY") t:sleep(1) end) ]] .. PASSING))
  end)

  it("that the module cannot have is the script's error", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run('plan:guard { urc = "+NONSENSE", code = "E" } ' .. PASSING))
    assert.same({ "a 1 SKIPPED" }, bench:phases())
    assert.equal("no URC +NONSENSE", last(bench).first_failure.message)
  end)
end)
