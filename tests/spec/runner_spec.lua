-- SPDX-License-Identifier: MIT
--
-- What becomes of a run: outcomes, attempts, teardown, exit codes. Fake DUTs,
-- a store in memory, virtual time.

local core <const> = require "attest.core"
local fake_bench <const> = require "tests.support.fake_bench"

core.virtual()

local PASSING <const> = 'plan:phase("a", function(t) t:measure("x", 1):equals(1) end)'

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
    assert.equal("unexpected RDY", last(bench).first_failure.message)
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

describe("a record", function()
  it("that was not stored is no PASS, and exits 5", function()
    for _, how in ipairs { "begin", "finish", "raise" } do
      local bench <close> = fake_bench.new()
      bench.broken = how
      assert.equal(5, bench:run(PASSING))
      assert.matches("slot 1  ERROR\ntotal  1 run%(s%): 1 ERROR, 1 not stored", bench.out)
      assert.is_nil(bench.out:find("slot 1  PASS", 1, true))
      assert.is_nil(bench.out:find("p  PASS", 1, true))
      assert.matches("slot 1: the record was not stored: ", bench.err)
    end
  end)

  it("that the store does not take in time was not stored", function()
    local bench <close> = fake_bench.new()
    bench.disk_delay = 1e5
    assert.equal(5, bench:run(PASSING))
    assert.matches("no answer within 30 s", bench.err)
  end)

  it("tells who, where, what and when", function()
    local bench <close> = fake_bench.new()
    bench:run({ [[
      local plan = require("attest.plan").new {
        name = "final", version = "1.2", module = "ct12",
        params = { firmware = "V0", password = "p" },
      }
      plan:phase("identity", function(t)
        t:identify { serial = "S1" }
        t:measure("imei", "860720087453595"):luhn()
        t:measure("firmware", t.params.firmware):equals("V1")
        t:log("hello \27[2J")
        t:attach("dump", "\0\1")
      end)
      return plan]] }, {
      params = { firmware = "V1", password = "secret" }, operator = "wang", batch = "B7",
      purpose = "golden",
    })
    local record <const> = last(bench)
    assert.equal("attest/record/1", record.schema)
    assert.matches("^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$", record.run_id)
    assert.same({ serial = "S1", imei = "860720087453595", fw = "V1" }, record.dut)
    assert.equal("ct12", bench.duts[1].options.module)
    assert.same({ "wang", "B7", "golden" }, { record.operator, record.batch, record.purpose })
    assert.same({ "final", "1.2" }, { record.plan.name, record.plan.version })
    assert.equal(64, #record.plan.sha256)
    assert.same({ 1, "one" }, { record.station.slot, record.station.port.path })
    assert.same({ firmware = "V1", password = "***" }, record.params)
    assert.equal("hello \\x1B[2J", record.log[1].text)
    assert.same({ 2, "\0\1" },
      { record.phases[1].attachments[1].size, record.phases[1].attachments[1].data })
    for _, time in ipairs { record.start, record["end"], record.phases[1].start } do
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d[+-]%d%d:%d%d$", time)
    end
  end)
end)

describe("bad input", function()
  it("is told in one line and exits 2, with no port opened", function()
    local no_phase <const> = 'local p = require("attest.plan").new { name = "p" }\nreturn p'
    for text, pattern in pairs {
      ["x = = 1"] = "plan1.lua:1: unexpected symbol",
      ["return 1"] = "must return its plan",
      [no_phase] = 'plan1.lua:1: plan "p" has no phases',
    } do
      local bench <close> = fake_bench.new()
      assert.equal(2, bench:run { text })
      assert.matches(pattern, bench.err)
      assert.equal(1, select(2, bench.err:gsub("\n", "")))
      assert.equal(0, #bench.duts)
      assert.equal(0, #bench.records)
    end
  end)

  it("such as an unknown parameter is refused before anything runs", function()
    local bench <close> = fake_bench.new()
    assert.equal(2, bench:run({ [[
      local plan = require("attest.plan").new { name = "p", params = { host = "a" } }
      plan:phase("a", function() end)
      return plan]] }, { params = { hots = "b" } }))
    assert.matches("no parameter hots", bench.err)
  end)

  it("such as plans for two modules is refused", function()
    local bench <close> = fake_bench.new()
    local text <const> = [[local plan = require("attest.plan").new { name = "p", module = %q }
      plan:phase("a", function() end) return plan]]
    assert.equal(2, bench:run { text:format("ct12"), text:format("ml302") })
    assert.matches("ml302", bench.err)
  end)

  it("such as no port is nothing that ran", function()
    local bench <close> = fake_bench.new()
    assert.equal(4, bench:run(PASSING, { ports = {} }))
  end)

  it("such as an unknown option of the runner raises", function()
    local bench <close> = fake_bench.new()
    assert.has_error(function() bench:run(PASSING, { portz = {} }) end)
  end)

  it("such as a parameter that nobody gave raises by name", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run 'plan:phase("a", function(t) return t.params.firmware end)')
    assert.matches("no parameter firmware was given", last(bench).first_failure.message)
  end)

  it("such as an unknown field of t raises by name", function()
    local bench <close> = fake_bench.new()
    bench:run 'plan:phase("a", function(t) t:mesure("x", 1) end)'
    assert.matches('t has no field "mesure"', last(bench).first_failure.message)
  end)
end)

describe("the event stream", function()
  it("tells a run from its start to its stored end, in order", function()
    local bench <close> = fake_bench.new()
    assert.equal(1, bench:run([[plan:phase("a", function(t)
      print("hi")
      t:measure("x", 1, "V"):equals(2) end)]], { jsonl = true }))
    local types <const> = {}
    for i, event in ipairs(bench:stream()) do
      types[i] = event.type
      assert.same({ 1, i, 1 }, { event.v, event.seq, event.slot })
      assert.is_string(event.run_id)
      assert.is_string(event.ts)
    end
    assert.same({
      "run_started", "phase_started", "log", "measurement", "phase_finished", "run_finished",
    }, types)
    local finish <const> = bench:stream()[6]
    assert.same({ "FAIL", true, "limit" },
      { finish.outcome, finish.stored, finish.first_failure.code })
    assert.matches("slot 1  FAIL", bench.err)
  end)
end)
