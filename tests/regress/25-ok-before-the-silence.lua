-- SPDX-License-Identifier: MIT
--
-- An OK that came before the second silence of an escape was over was taken
-- for its answer: it was lost as data, and AT went out too early, which made
-- the pluses and AT data for the far end.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local direct_bench <const> = require "tests.support.direct_bench"

core.virtual()

describe("An OK during the silence of an escape", function()
  it("is data when the module's own follows", async(function()
    local b <close>, link <const> = direct_bench.new()
    local call <const> = b:run(function() return link.try:command_mode() end)
    core.sleep(1.1)
    assert.equal("+++", b:sent())
    b:say("\r\nOK\r\n")
    core.sleep(0.9)
    assert.equal("", b:sent())
    core.sleep(0.1)
    b:say("\r\nOK\r\n")
    core.sleep(0.1)
    assert.equal("AT\r\n", b:sent())
    b:say("AT\r\n\r\nOK\r\n")
    assert.is_true(b:result(call))
    assert.equal("\r\nOK\r\n", link:read(6))
    assert.equal(0, link.received.size)
  end))

  it("is the module's where no other comes: it may need a shorter silence", async(function()
    local b <close>, link <const> = direct_bench.new()
    local call <const> = b:run(function() return link.try:command_mode() end)
    core.sleep(1.1)
    assert.equal("+++", b:sent())
    b:say("data\r\nOK\r\n")
    core.sleep(1.8)
    assert.equal("AT\r\n", b:sent())
    b:say("AT\r\n\r\nOK\r\n")
    assert.is_true(b:result(call))
    assert.equal("data", link:read(4))
    assert.equal(0, link.received.size)
  end))
end)
