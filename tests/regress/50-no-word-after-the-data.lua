-- SPDX-License-Identifier: MIT
--
-- AT+QMTPUBEX with an OK before the prompt and nothing after the data ended in
-- a timeout, though the message was published: the manual shows no answer to
-- the data, so a silence ends the command, but once an OK had come no silence
-- was measured.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

local COMMAND <const> = 'AT+QMTPUBEX="t",0,0,5'

local function publish(before, after)
  local b <close> = bench.new()
  local start <const> = core.now()
  local call <const> = b:run(function()
    return b.dut.try:qmtpubex { topic = "t", qos = 0, retain = 0, payload = "hello" }
  end)
  b:answer(COMMAND, table.unpack(before))
  b:say("\r\n> ")
  assert.equal("hello", b:sent())
  b:say(table.unpack(after))
  local answer <const>, err <const> = b:result(call)
  assert.is_table(answer, tostring(err))
  return core.now() - start
end

describe("a message whose OK comes", function()
  it("before the prompt only ends in a silence", async(function()
    assert.is_near(5, publish({ "OK" }, {}), 0.1)
  end))

  it("not at all ends in a silence", async(function()
    assert.is_near(5, publish({}, {}), 0.1)
  end))

  it("after the data ends with it", async(function()
    assert.is_true(publish({}, { "\r\nOK\r\n" }) < 0.1)
    assert.is_true(publish({ "OK" }, { "\r\nOK\r\n" }) < 0.1)
  end))
end)
