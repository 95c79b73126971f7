-- SPDX-License-Identifier: MIT
--
-- A module that has no link any more refuses ATO. The host took the refusal
-- for data and stayed in a data mode that the module had never entered.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"
local direct_bench <const> = require "tests.support.direct_bench"

core.virtual()

local REFUSED <const> = "\r\nERROR=102\r\n"

local function answers_commands(b)
  local call <const> = b:start("AT+CSQ")
  b:answer("AT+CSQ", "+CSQ: 9,99", "OK")
  assert.equal("OK", b:result(call).final)
end

describe("ATO", function()
  it("without a link before is refused at once", async(function()
    local b <close> = bench.new()
    local call <const> = b:run(function() return b.dut.try:ato() end)
    assert.equal("ATO", b:sent())
    b:say("ATO" .. REFUSED)
    local start <const> = core.now()
    local _, err <const> = b:result(call)
    assert.equal("rejected", err.code)
    assert.equal(102, err.number)
    assert.is_true(core.now() - start < 1)
    answers_commands(b)
  end))

  it("that is refused after a link was left says so once an escape has told", async(function()
    local b <close>, link <const> = direct_bench.new()
    direct_bench.escape(b, link)
    local call <const> = b:run(function() return link.try:data_mode() end)
    assert.equal("ATO", b:sent())
    b:say("ATO" .. REFUSED)
    core.sleep(1.8)
    assert.equal("+++", b:sent())
    b:say("+++") -- the echo of the command mode
    core.sleep(1.8)
    assert.equal("AT\r\n", b:sent())
    b:say("AT\r\n\r\nOK\r\n")
    local _, err <const> = b:result(call)
    assert.equal("rejected", err.code)
    assert.matches("ATO: refused with ERROR=102", err.message)
    assert.equal(0, link.received.size)
    answers_commands(b)
  end))

  it("after which the far end says just that is not refused", async(function()
    local b <close>, link <const> = direct_bench.new()
    direct_bench.escape(b, link)
    local call <const> = b:run(function() return link.try:data_mode() end)
    assert.equal("ATO", b:sent())
    b:say("ATO" .. REFUSED)
    core.sleep(1)
    b:say("then ")
    core.sleep(0.8)
    assert.equal("+++", b:sent())
    core.sleep(1)
    b:say("more\r\nOK\r\n")
    core.sleep(0.1)
    assert.equal("AT\r\n", b:sent())
    b:say("AT\r\n\r\nOK\r\n")
    core.sleep(0.1)
    assert.equal("ATO", b:sent())
    b:say("ATO" .. "yet more")
    assert.is_true(b:result(call))
    assert.equal(REFUSED .. "then moreyet more", link:read(link.received.size))
    link:write("on")
    assert.equal("on", b:sent())
  end))

  it("that is cancelled while it is in doubt keeps what came as data", async(function()
    local b <close>, link <const> = direct_bench.new()
    direct_bench.escape(b, link)
    local call <const> = b:run(function() link:data_mode() end)
    assert.equal("ATO", b:sent())
    b:say("ATO" .. REFUSED)
    core.sleep(1)
    call:cancel("changed my mind")
    call:join()
    b:say("more")
    assert.equal(REFUSED .. "more", link:read(link.received.size))
  end))

  it("that is refused late looks like the end of the link", async(function()
    local b <close>, link <const> = direct_bench.new()
    direct_bench.escape(b, link)
    assert.is_true(direct_bench.resume(b, link))
    b:say(REFUSED)
    assert.is_true(link.maybe_closed)
  end))
end)
