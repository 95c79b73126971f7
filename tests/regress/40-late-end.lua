-- SPDX-License-Identifier: MIT
--
-- A phase that ended while the loop was kept busy past its deadline was told as
-- an ERROR, "ETIMEDOUT: connection timed out": the join had timed out, and when
-- its waiter ran the task was done, so neither the result nor the timeout was
-- taken.

local core <const> = require "attest.core"
local fake_bench <const> = require "tests.support.fake_bench"

core.virtual()

describe("a phase that ends in the moment of its deadline", function()
  it("has the outcome of what it did", function()
    local bench <close> = fake_bench.new()
    -- The timer is due with the deadline, and was set before it.
    local code <const> = bench:run([[
      local core = require("attest.core")
      local waiter
      plan:setup(function()
        core.after(1, function() core.wake(waiter) end)
      end)
      plan:phase("a", { timeout = 1 }, function(t)
        t:measure("x", 1):equals(1)
        waiter = core.current()
        core.wait()
      end)]])
    assert.equal(0, code, bench.out)
    assert.same({ "setup 1 PASS", "a 1 PASS" }, bench:phases())
  end)
end)
