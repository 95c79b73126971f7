-- SPDX-License-Identifier: MIT
-- A port that chatters without end, and a command whose echo never comes, made
-- the host keep every line. And a refused timeout was refused only after the
-- command had gone out.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

describe("a module that chatters without end", function()
  it("does not grow the host, before the echo or after it", async(function()
    for _, echo in ipairs { "", "AT+CSQ\r\n" } do
      local b <close> = bench.new()
      local call <const> = b:start("AT+CSQ", { timeout = 50 })
      b:say(echo)
      local burst <const> = ("\r\nfoo\r\n"):rep(500)
      local before
      for i = 1, 40 do
        b.module:write(burst)
        core.sleep(0.01)
        b.events = {}
        if i == 20 then
          collectgarbage()
          before = collectgarbage("count")
        end
      end
      collectgarbage()
      assert.is_true(collectgarbage("count") - before < 128)
      b.dut:close()
      call:join()
    end
  end))
end)

describe("a timeout that is none", function()
  it("is refused before anything is sent", async(function()
    local b <close> = bench.new()
    for _, timeout in ipairs { -1, 0, 0 / 0, math.huge } do
      assert.has_error(function() b.dut:at("AT+RST", { timeout = timeout }) end)
      assert.has_error(function() b.dut:rst(nil, { timeout = timeout }) end)
      assert.has_error(function() b.dut:await("RDY", { timeout = timeout }) end)
    end
    assert.equal("", b:sent())
  end))
end)
