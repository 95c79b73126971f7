-- SPDX-License-Identifier: MIT
-- Data of a link that came while it was closed waited under its number, and the
-- next socket with that number began with it.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

local OPEN <const> = 'AT+QIOPEN="TCP","192.0.2.1",7,0,0'

local function connect(b)
  local call <const> = b:run(function()
    return b.dut.try:socket { host = "192.0.2.1", port = 7 }
  end)
  b:answer(OPEN, "CONNECT,ID:3")
  return b:result(call)
end

describe("a socket whose link number was used before", function()
  it("has no byte of the one before, but what came with its own CONNECT", async(function()
    local b <close> = bench.new()
    local old <const> = connect(b)
    local call = b:run(function() return old.try:close() end)
    b:say("AT+QICLOSE=3\r\n", "\r\n+QIRD:3,5\r\nstale\r\n", "\r\nOK\r\n\r\nDISCONNECT\r\n")
    assert.is_true(b:result(call))
    b:sent()
    call = b:run(function() return b.dut.try:socket { host = "192.0.2.1", port = 7 } end)
    b:answer(OPEN, "CONNECT,ID:3\r\n\r\n+QIRD:3,5\r\nfresh")
    assert.equal("fresh", b:result(call):receive(5))
  end))

  it("is not the one that the module has forgotten", async(function()
    local b <close> = bench.new()
    local old <const> = connect(b)
    local reader <const> = b:run(function() return old.try:receive(1, { timeout = 3600 }) end)
    local new <const> = connect(b)
    assert.equal("closed", select(2, b:result(reader)).code)
    b:say("\r\n+QIRD:3,1\r\nx\r\n")
    assert.equal("x", new:receive(1))
  end))
end)
