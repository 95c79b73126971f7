-- SPDX-License-Identifier: MIT
--
-- A second command that was not answered, behind a first one, was noted as one
-- whose echo nobody knows, though the module echoes: once the first was too old
-- to be answered, the next command waited for seconds without need.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

describe("a module that echoes and left two commands unanswered", function()
  for way, open in pairs { ["a quick"] = bench.quick, ["an observed"] = bench.new } do
    it("gets the next one at once, on " .. way .. " bench", async(function()
      local b <close> = open()
      local call = b:start("AT+CSQ")
      b:answer("AT+CSQ", "+CSQ: 15,99", "OK")
      assert.equals("OK", b:result(call).final)
      for _, text in ipairs { "AT+CREG?", "AT+GMR" } do
        local _, err <const> = b:result(b:start(text, { timeout = 5 }))
        assert.equals("timeout", err.code)
      end
      core.sleep(6)
      b:sent()
      call = b:start("AT")
      b:answer("AT", "OK") -- raises unless it was sent
      assert.equals("OK", b:result(call).final)
    end))
  end
end)
