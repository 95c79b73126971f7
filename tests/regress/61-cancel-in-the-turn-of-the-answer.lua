-- SPDX-License-Identifier: MIT
--
-- A task that was cancelled after its answer had come on the short way, but
-- before it ran again, left its plan behind as one under way: a handler that was
-- registered during a later command then kept its answer from it.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

describe("a command that is cancelled in the turn of its answer", function()
  it("leaves nothing under way", async(function()
    local b <close> = bench.quick()
    local ANSWER <const> = "AT+CSQ\r\n\r\n+CSQ: 15,99\r\n\r\nOK\r\n"
    local call <const> = b:start("AT+CSQ")
    local last <const> = b.dut.port:received() + #ANSWER
    local function cancel()
      if b.dut.port:received() == last then
        call:cancel("stop")
      else
        core.spawn(cancel) -- in the loop's next turn
      end
    end
    b.module:write(ANSWER)
    core.spawn(cancel)
    local ok <const>, err <const> = call:join(1)
    assert.is_nil(ok)
    assert.equals("stop", err)

    b:sent()
    local other <const> = b:start("AT+CSQ", { quoted_crlf = true }) -- goes the long way
    local handle <close> = b.dut:on("RDY", function() end) -- luacheck: ignore 211/handle
    b:answer("AT+CSQ", "+CSQ: 20,99", "OK")
    assert.same({ "+CSQ: 20,99" }, b:result(other).lines)
  end))
end)
