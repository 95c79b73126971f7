-- SPDX-License-Identifier: MIT
--
-- A command that was called where nothing may wait, in a coroutine of the
-- script's own or in what a cancelled task closes, raised on the short way and
-- left its dialog busy: the next command waited 120 s for its turn. On the long
-- way it was sent before it raised.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

describe("a command called where nothing may wait", function()
  local function next_one(b)
    local call <const> = b:start("AT+CSQ")
    b:answer("AT+CSQ", "+CSQ: 15,99", "OK")
    assert.same({ "+CSQ: 15,99" }, b:result(call).lines)
  end

  for way, open in pairs { short = bench.quick, long = bench.new } do
    it("raises on the " .. way .. " way, sends nothing, and the next has its turn", async(function()
      local b <close> = open()
      local ok <const>, message <const> = pcall(coroutine.wrap(function() b.dut:at("AT") end))
      assert.is_false(ok)
      assert.matches("cannot run in a coroutine of the script's own", message)
      assert.equals("", b:sent())
      next_one(b)
    end))
  end

  it("in what a cancelled task closes", async(function()
    local b <close> = bench.quick()
    local said
    local task <const> = b:run(function()
      local guard <close> = setmetatable({}, { __close = function() -- luacheck: ignore 211/guard
        said = select(2, pcall(b.dut.at, b.dut, "AT"))
      end })
      core.sleep(100)
    end)
    task:cancel("stop")
    assert.is_nil((task:join(1)))
    assert.matches("this call waits", said)
    next_one(b)
  end))
end)
