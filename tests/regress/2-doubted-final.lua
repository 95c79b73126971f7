-- SPDX-License-Identifier: MIT
-- After a command that was never answered, a bare OK is doubtful for a moment.
-- A URC in that moment was taken for the answer proper: the command then timed
-- out although it had been answered.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

describe("a URC right after a final, while an older command is unanswered", function()
  for _, echo in ipairs { true, false } do
    it("does not undo it, echo " .. (echo and "on" or "off"), async(function()
      local b <close> = bench.new { echo = echo }
      b:result(b:start("AT+QICLOSE=3", { timeout = 1 }))
      local call <const> = b:start("AT+QICLOSE=4", { timeout = 5 })
      core.sleep(0.1)
      if echo then b:say("AT+QICLOSE=4\r\n") end
      b:say("\r\nOK\r\n")
      core.sleep(0.1)
      b:say("\r\nSIM_SUCCESS\r\n")
      assert.equal("OK", b:result(call).final)
    end))
  end
end)
