-- SPDX-License-Identifier: MIT
--
-- What one run leaves behind does not decide the next: it ends with its run.

local core <const> = require "attest.core"
local fake_bench <const> = require "tests.support.fake_bench"
local uv <const> = require "luv"

core.virtual()

local PRELUDE <const> = 'local plan = require("attest.plan").new { name = "p" } '
local NEXT <const> = PRELUDE .. [[
  plan:phase("b", function(t) t:sleep(1) t:measure("x", 1):equals(1) end) return plan]]

-- Runs a phase that starts something, then a plan that waits.
local function run_after(bench, body)
  local first <const> = PRELUDE .. ('plan:phase("a", function(t) %s t:measure("x", 1) end) '
    .. 'return plan'):format(body)
  return bench:run { first, NEXT }
end

local function assert_both_pass(body)
  local bench <close> = fake_bench.new()
  local code <const> = run_after(bench, body)
  assert.equal(0, code, bench.out .. bench.err)
  assert.equal("", bench.err)
end

describe("what a script started", function()
  it("as a luv timer ends with its run", function()
    local new_timer <const>, timers <const> = uv.new_timer, {}
    uv.new_timer = function()
      timers[#timers + 1] = new_timer()
      return timers[#timers]
    end
    local _ <close> = setmetatable({}, { __close = function() uv.new_timer = new_timer end })
    assert_both_pass [[require("luv").new_timer():start(3600000, 10, function() end)]]
    assert.equal(1, #timers)
    assert.is_true(timers[1]:is_closing())
  end)

  it("as a timer of the core ends with its run", function()
    assert_both_pass [[require("attest.core").after(0.5, function() error("late") end)]]
  end)

  it("as a task ends with its run, and closes its variables", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, run_after(bench, [[
      local attest = require("attest")
      attest.spawn(function()
        local mark <close> = setmetatable({}, { __close = function() print("left") end })
        t:log("begun")
        while true do attest.sleep(0.1) end
      end)
      t:sleep(0.05)]]))
    assert.equal("", bench.err)
    assert.matches("info: begun", bench.out)
  end)

  it("while its script was only judged ends at once", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, bench:run { PRELUDE .. [[
      require("luv").new_timer():start(20, 0, function() error("from the top level") end)
      plan:phase("a", function(t) t:measure("x", 1) end) return plan]] })
    assert.equal("", bench.err)
  end)

  it("cannot start more once its run is over", function()
    local bench <close> = fake_bench.new()
    assert.equal(0, run_after(bench, [[
      local attest = require("attest")
      attest.spawn(function()
        local ok = pcall(attest.sleep, 100)
        local started, err = pcall(attest.spawn, function() error("orphan") end)
        assert(not ok and not started and err:find("is over"))
      end)
      t:sleep(0.05)]]))
    assert.equal("", bench.err)
  end)
end)

describe("a callback that outlives its run", function()
  it("is told once and decides nothing", function()
    local bench <close> = fake_bench.new()
    local code <const> = bench:run { PRELUDE .. [[
      plan:phase("a", function(t)
        t.dut:later(1, function() error("again", 0) end)
        t.dut:later(1.1, function() error("again", 0) end)
        t:measure("x", 1) end) return plan]], PRELUDE .. [[
      plan:phase("b", function(t) t:sleep(2) t:measure("x", 1) end) return plan]] }
    assert.equal(0, code, bench.out)
    local _, times <const> = bench.err:gsub("again", "")
    assert.equal(1, times)
  end)
end)

describe("luv in a script", function()
  it("refuses what would turn or end the loop of all slots", function()
    for _, name in ipairs {
      "run", "stop", "loop_close", "walk", "new_thread", "new_work", "sleep",
    } do
      local bench <close> = fake_bench.new()
      assert.equal(3, bench:run(
        ('plan:phase("a", function() require("luv").%s() end)'):format(name)))
      assert.matches("plan1.lua:1: luv." .. name .. ": a plan cannot do this", bench.out)
    end
  end)
end)
