-- SPDX-License-Identifier: MIT
--
-- A payload whose first line reads like the answer to it ("OK\r\n") was taken
-- for echoed when the answer came: the answer was lost and the command timed
-- out. Modules that echo no payload are the rule.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

local COMMAND <const> = "AT+QISEND=3,%d"

-- Sends a payload to a module that echoes it, or not.
local function send(payload, answer)
  local b <close> = bench.new()
  local text <const> = COMMAND:format(#payload)
  local call <const> = b:start(text, { payload = payload })
  b:answer(text, "OK")
  b:say("\r\n>")
  assert.equal(payload, b:sent())
  b:say(table.unpack(answer))
  local result <const> = b:result(call)
  return result and result.final
end

describe("a payload that reads like its answer", function()
  for _, payload in ipairs {
    "SEND OK\r\n", "\r\nSEND OK\r\n", "SEND OK\r\nand more", "OK\r\n", "ERROR\r\n",
  } do
    it(("%q does not hide it"):format(payload), async(function()
      assert.equal("SEND OK", send(payload, { "\r\nSEND OK\r\n" }))
      assert.equal("SEND OK", send(payload, { "\r\nSEN", "D OK\r", "\n" }))
    end))
  end

  it("leaves the echo of any other alone", async(function()
    assert.equal("SEND OK", send("hello", { "hello", "\r\nSEND OK\r\n" }))
  end))
end)
