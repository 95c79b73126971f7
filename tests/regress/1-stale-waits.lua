-- SPDX-License-Identifier: MIT
-- A wait that had timed out was still listed as waiting: the next URC woke
-- whatever its task waited for by then. A command "succeeded" unanswered, and
-- one that waited for its turn went out while another was open.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

describe("a URC that was awaited in vain", function()
  it("does not answer a later command", async(function()
    local b <close> = bench.new()
    local call <const> = b:run(function()
      b.dut.try:await("SIM_SUCCESS", { timeout = 0.1 })
      return b.dut.try:at("AT+CSQ", { timeout = 5 })
    end)
    core.sleep(0.2)
    b:say("AT+CSQ\r\n", "\r\nSIM_SUCCESS\r\n")
    core.sleep(0.5)
    b:say("\r\nERROR=104\r\n")
    local _, err <const> = b:result(call)
    assert.equal(104, err.number)
  end))

  it("gives no turn to a command that waits for one", async(function()
    local b <close> = bench.new()
    local first <const> = b:start("AT+CSQ")
    local second <const> = b:run(function()
      b.dut.try:await("SIM_SUCCESS", { timeout = 0.1 })
      return b.dut.try:at("AT+GMR")
    end)
    core.sleep(0.2)
    b:sent()
    b:say("\r\nSIM_SUCCESS\r\n")
    assert.equal("", b:sent())
    b:say("AT+CSQ\r\n\r\n+CSQ: 1,99\r\n\r\nOK\r\n")
    b:answer("AT+GMR", "+VERSION=CT12", "OK")
    assert.equal("OK", b:result(first).final)
    assert.equal("OK", b:result(second).final)
  end))
end)

describe("a handler", function()
  it("that was removed leaves nothing behind", async(function()
    local b <close> = bench.new()
    local function grow()
      for _ = 1, 2000 do b.dut:on("RDY", print):off() end
      collectgarbage()
      return collectgarbage("count")
    end
    local before <const> = grow()
    assert.is_true(grow() - before < 16)
  end))
end)
