-- SPDX-License-Identifier: MIT
-- The way to commands and back when the module or the line is not as it was
-- hoped: floods, echoes, pluses outside data mode.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"
local direct_bench <const> = require "tests.support.direct_bench"

core.virtual()

describe("an escape", function()
  it("from a flood that never ends fails in its time; all of it is data", async(function()
    local b <close>, link <const> = direct_bench.new()
    local start <const> = core.now()
    local call <const> = b:run(function() return link.try:command_mode() end)
    local said <const> = {}
    while call:status() ~= "done" and core.now() < start + 60 do
      said[#said + 1] = ("%06d\r\nOK\r\n"):format(#said)
      b.module:write(said[#said])
      core.sleep(0.01)
    end
    local _, err <const> = b:result(call)
    assert.equal("timeout", err.code)
    assert.matches("without a pause", err.message)
    assert.is_true(core.now() - start < 20)
    assert.equal("+++", b:sent()) -- no AT, which would be data
    assert.equal(table.concat(said), link:read(link.received.size))
    link:write("on")
    assert.equal("on", b:sent())
  end))

  it("and the way back keep only so much of a fast flood; all of it is data", async(function()
    local chunk <const> = ("x"):rep(64 << 10)
    for _, way in ipairs { "command_mode", "data_mode" } do
      local b <close>, link <const> = direct_bench.new()
      if way == "data_mode" then direct_bench.escape(b, link) end
      local call <const> = b:run(function() return link.try[way](link.try) end)
      core.sleep(1.1)
      b:say(way == "data_mode" and "ATO" or "")
      local before <const> = link.received.size
      local kept, sent = 0, 0
      while call:status() ~= "done" and sent < 40 << 20 do
        b.module:write(chunk)
        sent = sent + #chunk
        core.sleep(0.001)
        kept = math.max(kept, before + sent - link.received.size)
      end
      assert.is_true(kept < 17 << 20, ("%s kept %d"):format(way, kept))
      core.sleep(1)
      assert.equal(sent, link.received.size - before)
      if way == "data_mode" then
        assert.is_true(b:result(call))
      else
        assert.matches("without a pause", select(2, b:result(call)).message)
      end
      b.events = {}
    end
  end))

  it("takes what the module had buffered, however long that takes", async(function()
    local b <close>, link <const> = direct_bench.new()
    local call <const> = b:run(function() return link.try:command_mode() end)
    direct_bench.take_pluses(b)
    local said <const> = {}
    for i = 1, 500 do
      said[i] = ("%06d\r\nOK\r\n"):format(i)
      b.module:write(said[i])
      core.sleep(0.01)
    end
    b:say("\r\nOK\r\n")
    core.sleep(0.1)
    assert.equal("AT\r\n", b:sent())
    b:say("AT\r\r\nOK\r\n")
    assert.is_true(b:result(call))
    assert.equal(table.concat(said), link:read(link.received.size))
  end))

  it("needs the echo of AT where the module echoes: an OK alone is data", async(function()
    local b <close>, link <const> = direct_bench.new()
    local call <const> = b:run(function() return link.try:command_mode() end)
    direct_bench.take_pluses(b, "\r\nOK\r\n")
    core.sleep(0.8)
    for _ = 1, 3 do
      assert.equal("AT\r\n", b:sent())
      b:say("\r\nOK\r\n")
      core.sleep(2)
    end
    assert.equal("timeout", select(2, b:result(call)).code)
    assert.equal(("\r\nOK\r\n"):rep(4), link:read(link.received.size))
  end))

  it("is proved by a late AT as well, whose answers are no data", async(function()
    local b <close>, link <const> = direct_bench.new()
    local call <const> = b:run(function() return link.try:command_mode() end)
    direct_bench.take_pluses(b, "data")
    b:say("\r\nOK\r\n")
    core.sleep(2.2)
    assert.equal("AT\r\nAT\r\n", b:sent())
    b:say("AT\r\n\r\nOK\r\nAT\r\n\r\nOK\r\n")
    assert.is_true(b:result(call))
    assert.equal("data", link:read(link.received.size))
  end))

  it("keeps the silences of the link", async(function()
    local b <close> = bench.new()
    local link <const> = direct_bench.open(b, nil, 0.02)
    link:write("x")
    b:sent()
    local call <const> = b:run(function() return link.try:command_mode() end)
    core.sleep(0.019)
    assert.equal("", b:sent())
    core.sleep(0.08)
    assert.equal("+++", b:sent())
    b:say("\r\nOK\r\n")
    core.sleep(0.1)
    assert.equal("AT\r\n", b:sent())
    b:say("AT\r\n\r\nOK\r\n")
    assert.is_true(b:result(call))
  end))

  it("that was cancelled after its pluses can be made again", async(function()
    local b <close>, link <const> = direct_bench.new()
    local call <const> = b:run(function() link:command_mode() end)
    core.sleep(1.1)
    assert.equal("+++", b:sent())
    b:say("kept")
    call:cancel("changed my mind")
    call:join()
    b:say("\r\nOK\r\n") -- it was understood all the same
    local again <const> = b:run(function() return link.try:command_mode() end)
    core.sleep(1.1)
    assert.equal("+++", b:sent())
    b:say("+++")
    core.sleep(1.8)
    assert.equal("AT\r\n", b:sent())
    b:say("AT\r\n\r\nOK\r\n")
    assert.is_true(b:result(again))
    assert.equal("kept\r\nOK\r\n", link:read(link.received.size))
  end))
end)

describe("ATO", function()
  it("whose echo is slow is waited for, and the echo is no data", async(function()
    local b <close>, link <const> = direct_bench.new()
    direct_bench.escape(b, link)
    local call <const> = b:run(function() return link.try:data_mode() end)
    assert.equal("ATO", b:sent())
    core.sleep(1)
    b:say("AT", "Obacklog")
    local start <const> = core.now()
    assert.is_true(b:result(call))
    assert.is_true(core.now() - start > 0.5) -- alone for as long as it must be
    assert.equal("backlog", link:read(link.received.size))
  end))
end)

describe("three pluses in command mode", function()
  it("are echoed, cost no time and leave nothing on the line", async(function()
    local b <close> = bench.new()
    local start <const> = core.now()
    local call <const> = b:start("+++")
    assert.equal("+++", b:sent())
    b:say("+++")
    local answer <const> = assert(b:result(call))
    assert.equal("", answer.final)
    assert.is_true(core.now() - start < 0.2)
    assert.equal("\r\n", b:sent())
    b:say("\r\n")
    local csq <const> = b:start("AT+CSQ")
    b:answer("AT+CSQ", "+CSQ: 9,99", "OK")
    assert.equal("OK", b:result(csq).final)
  end))

  it("that nothing echoes end in silence", async(function()
    local b <close> = bench.new()
    local start <const> = core.now()
    local call <const> = b:run(function() return b.dut.try:escape() end)
    assert.equal("+++", b:sent())
    assert.is_truthy(b:result(call))
    assert.is_true(core.now() - start < 2)
    assert.equal("\r\n", b:sent())
  end))

  it("bring a module back that was in data mode unknown to us", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("+++")
    assert.equal("+++", b:sent())
    core.sleep(1)
    b:say("\r\nOK\r\n")
    assert.equal("OK", b:result(call).final)
    assert.equal("", b:sent())
  end))
end)
