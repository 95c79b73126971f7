-- SPDX-License-Identifier: MIT
--
-- A handler that was registered after a command had its turn and before its first
-- byte went out (a silence comes first, where nothing is echoed) did not hear what
-- came until then: the core still dropped the lines that nobody had wanted.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

describe("a handler registered in the silence before a command", function()
  it("hears what comes in it", async(function()
    local b <close> = bench.quick()
    local off <const> = b:start("ATE0")
    b:answer("ATE0", "OK")
    assert.equals("OK", b:result(off).final)

    local call <const> = b:start("AT+CSQ")
    assert.equals("", b:sent()) -- not yet
    local heard = 0
    local handle <close> = b.dut:on("+CREG", function() -- luacheck: ignore 211/handle
      heard = heard + 1
    end)
    b:say("\r\n+CREG: 1\r\n")
    core.sleep(0.1)
    b:say("\r\n+CSQ: 15,99\r\n\r\nOK\r\n")
    assert.same({ "+CSQ: 15,99" }, b:result(call).lines)
    assert.equals(1, heard)
  end))
end)
