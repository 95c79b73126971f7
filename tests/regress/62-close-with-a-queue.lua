-- SPDX-License-Identifier: MIT
--
-- Who waited for the turn of a command when the port was closed waited on for
-- 120 s and was told "another command ran all the time", when the one that had
-- the turn was cancelled in the same moment.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

describe("a port that is closed while commands wait for their turn", function()
  for name, close in pairs {
    ["by its DUT"] = function(b) b.dut:close() end,
    ["by itself"] = function(b) b.dut.port:close() end,
    ["by the other side"] = function(b) b.module:close() end,
  } do
    it(name .. " tells each of them, at once", async(function()
      local b <close> = bench.quick()
      local first <const> = b:start("AT+CSQ")
      local others <const> = { b:start("AT+CREG?"), b:start("AT+GMR") }
      local from <const> = core.now()
      close(b)
      first:cancel("stop")
      assert.is_nil((first:join(1)))
      for _, other in ipairs(others) do
        local answer <const>, err <const> = b:result(other)
        assert.is_nil(answer)
        assert.equals("closed", err.code)
      end
      assert.is_true(core.now() - from < 1)
    end))
  end
end)
