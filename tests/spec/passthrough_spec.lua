-- SPDX-License-Identifier: MIT
-- Data mode: what is data, what is an escape, and the way back.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

local OPEN <const> = 'AT+QIOPEN="TCP","192.0.2.1",7,0,1'

--- Opens a link; what follows CONNECT in the same read is data at once.
local function opened(b, data)
  local call <const> = b:run(function()
    return b.dut.try:passthrough { host = "192.0.2.1", port = 7 }
  end)
  assert(b:sent() == OPEN .. "\r\n")
  b:say(OPEN .. "\r\n\r\nCONNECT,ID:3\r\n" .. (data or ""))
  return b:result(call)
end

--- The module's side of a well-behaved escape.
local function answer_escape(b, call, before)
  core.sleep(1.1)
  assert.equal("+++", b:sent())
  b:say(before or "")
  core.sleep(1)
  b:say("\r\nOK\r\n")
  core.sleep(0.1)
  assert.equal("AT\r\n", b:sent())
  b:say("AT\r\n\r\nOK\r\n")
  return b:result(call)
end

describe("passthrough", function()
  it("takes the byte after CONNECT for data, even in the same read", async(function()
    local b <close> = bench.new()
    local link <const> = opened(b, "OK\r\nhello")
    assert.equal("OK\r\nhello", link:read(9))
    assert.equal(3, link.number)
  end))

  it("carries every byte, and lookalikes are data", async(function()
    local b <close> = bench.new()
    local link <const> = opened(b)
    local all <const> = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    local bytes <const> = table.concat(all) .. "\r\nOK\r\n\r\nERROR\r\na+++b\r\nRDY\r\n>"
    link:write(bytes)
    assert.equal(bytes, b:sent())
    b:say(bytes:sub(1, 100), bytes:sub(101))
    assert.equal(bytes, link:read(#bytes))
  end))

  it("refuses three pluses alone after a silence, not within a stream", async(function()
    local b <close> = bench.new()
    local link <const> = opened(b)
    core.sleep(5)
    local _, err <const> = link.try:write("+++")
    assert.equal("invalid", err.code)
    link:write("x")
    link:write("+++")
    assert.equal("x+++", b:sent())
  end))

  it("refuses commands by name while it lasts", async(function()
    local b <close> = bench.new()
    opened(b)
    local _, err <const> = b.dut.try:csq()
    assert.equal("invalid", err.code)
    assert.matches("AT%+CSQ.*passthrough", err.message)
  end))

  it("is left with silence around three pluses and proved by AT", async(function()
    local b <close> = bench.new()
    local link <const> = opened(b)
    link:write("last")
    b:sent()
    local start <const> = core.now()
    local call <const> = b:run(function() return link.try:command_mode() end)
    assert.equal("", b:sent())
    assert.is_true(answer_escape(b, call))
    assert.is_true(core.now() - start >= 2)
    local csq <const> = b:start("AT+CSQ")
    b:answer("AT+CSQ", "+CSQ: 9,99", "OK")
    assert.equal("OK", b:result(csq).final)
  end))

  it("keeps for the reader what arrives during the escape, lookalikes too", async(function()
    local b <close> = bench.new()
    local link <const> = opened(b)
    local call <const> = b:run(function() return link.try:command_mode() end)
    assert.is_true(answer_escape(b, call, "tick\r\nOK\r\nAT\r\n\r\nOK\r\ntock"))
    assert.equal("tick\r\nOK\r\nAT\r\n\r\nOK\r\ntock", link:read(24))
    assert.equal(0, link.size)
  end))

  it("is entered again by ATO; what follows its echo is data", async(function()
    local b <close> = bench.new()
    local link <const> = opened(b)
    answer_escape(b, b:run(function() return link.try:command_mode() end))
    local call <const> = b:run(function() return link.try:data_mode() end)
    assert.equal("ATO", b:sent())
    b:say("ATObacklog\r\nOK\r\n")
    assert.is_true(b:result(call))
    assert.equal("backlog\r\nOK\r\n", link:read(13))
    link:write("on")
    assert.equal("on", b:sent())
  end))

  it("that the module does not leave is a timeout, and still data", async(function()
    local b <close> = bench.new()
    local link <const> = opened(b)
    local _, err <const> = link.try:command_mode()
    assert.equal("timeout", err.code)
    b:say("still data")
    assert.equal("still data", link:read(10))
  end))

  it("suspects a close in the data, and settles it by asking", async(function()
    local b <close> = bench.new()
    local link <const> = opened(b)
    b:say("end\r\nDISCONNECT\r\n")
    assert.is_true(link.maybe_closed)
    assert.equal("flag:maybe_closed", b.events[#b.events])
    local call <const> = b:run(function() return link.try:is_open() end)
    core.sleep(1.1)
    b:sent()
    core.sleep(1.8)
    assert.equal("AT\r\n", b:sent())
    b:say("AT\r\n\r\nOK\r\n")
    core.sleep(0.1)
    b:answer("AT+QISTATE", "OK")
    assert.is_false(b:result(call))
    assert.equal("end\r\nDISCONNECT\r\n", link:read(17))
  end))
end)
