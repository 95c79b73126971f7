-- SPDX-License-Identifier: MIT
--
-- Opening a second link in direct mode fails, as only one is possible. It
-- took the ears of the first one with it: that link read nothing any more.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local direct_bench <const> = require "tests.support.direct_bench"

core.virtual()

local SECOND <const> = 'AT+QIOPEN="TCP","192.0.2.2",7,0,1'

describe("A second link in direct mode", function()
  it("that fails leaves the first as it was", async(function()
    local b <close>, link <const> = direct_bench.new()
    direct_bench.escape(b, link)
    local call <const> = b:run(function()
      return b.dut.try:passthrough { host = "192.0.2.2", port = 7, guard = 0.1 }
    end)
    b:answer(SECOND, "ERROR=102")
    assert.equal("rejected", select(2, b:result(call)).code)
    assert.is_true(direct_bench.resume(b, link, "backlog"))
    assert.equal("backlog", link:read(7))
    assert.is_true(direct_bench.escape(b, link, "kept"))
    assert.equal("kept", link:read(4))
  end))

  it("is refused while the first is in data mode, which goes on", async(function()
    local b <close>, link <const> = direct_bench.new()
    local _, err <const> = b.dut.try:passthrough { host = "192.0.2.2", port = 7 }
    assert.equal("invalid", err.code)
    assert.equal("", b:sent())
    b:say("on")
    assert.equal("on", link:read(2))
  end))
end)
