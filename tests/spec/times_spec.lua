-- SPDX-License-Identifier: MIT
--
-- When a command was sent and answered, as its result and dut:times() tell:
-- the same on the short way, in the core, and on the long one.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

local function near(expected, value)
  assert.is_true(math.abs(value - expected) < 1e-6, ("%s is not %s"):format(value, expected))
end

-- Sends a command whose echo comes after 0.2 s and whose final after 0.5 s.
local function timed(b, call, echo, answer)
  local task <const> = core.spawn(call)
  local from <const> = core.now()
  core.sleep(0.2)
  b.module:write(echo)
  core.sleep(0.3)
  b.module:write(answer)
  local result <const>, err <const> = b:result(task)
  return from, result, err
end

local function has_times(times, from)
  near(from, times.sent_at)
  near(from + 0.2, times.first_at)
  near(from + 0.5, times.final_at)
  near(0.5, times.latency)
end

local CSQ <const> = "\r\n+CSQ: 15,99\r\n\r\nOK\r\n"

for way, open in pairs { short = bench.quick, long = bench.new } do
  describe("on the " .. way .. " way,", function()
    it("a result has its times, and dut:times() the same", async(function()
      local b <close> = open()
      local from <const>, answer <const> =
        timed(b, function() return b.dut:at("AT+CSQ") end, "AT+CSQ\r\n", CSQ)
      has_times(answer, from)
      core.sleep(1)
      b:say("\r\n+CREG: 1\r\n") -- nobody's answer
      has_times(b.dut:times(), from)
    end))

    it("a typed call has its times in dut:times()", async(function()
      local b <close> = open()
      local from <const>, fields <const> =
        timed(b, function() return b.dut:csq() end, "AT+CSQ\r\n", CSQ)
      assert.is_nil(fields.latency)
      has_times(b.dut:times(), from)
    end))

    it("so has one that is refused", async(function()
      local b <close> = open()
      local from <const>, answer <const>, err <const> =
        timed(b, function() return b.dut.try:csq() end, "AT+CSQ\r\n", "\r\nERROR\r\n")
      assert.is_nil(answer)
      assert.equals("rejected", err.code)
      has_times(b.dut:times(), from)
    end))

    it("one without an answer has no final and no latency", async(function()
      local b <close> = open()
      local call <const> = b:start("AT+CSQ", { timeout = 1 })
      local from <const> = core.now() - 0.001
      b:say("AT+CSQ\r\n")
      local _, err <const> = b:result(call)
      assert.equals("timeout", err.code)
      local times <const> = b.dut:times()
      near(from, times.sent_at)
      near(from + 0.001, times.first_at)
      assert.is_nil(times.final_at)
      assert.is_nil(times.latency)
    end))

    it("a payload is timed from its last byte", async(function()
      local b <close> = open()
      local call <const> = b:start("AT+QISEND=0,5", { payload = "hello" })
      b:say("AT+QISEND=0,5\r\n", "\r\n> ")
      local from <const> = core.now() - 0.001
      core.sleep(0.25)
      b:say("\r\nSEND OK\r\n")
      local answer <const> = b:result(call)
      near(from, answer.sent_at)
      near(0.251, answer.latency)
      assert.same(answer.latency, b.dut:times().latency)
    end))

    it("an answer in the prompt's own chunk took no time, and never less", async(function()
      local b <close> = open()
      local call <const> = b:start("AT+QISEND=0,5", { payload = "hello" })
      b:say("AT+QISEND=0,5\r\n", "\r\n> \r\nSEND OK\r\n")
      local answer <const> = b:result(call)
      assert.equals(answer.sent_at, answer.first_at)
      assert.equals(0, answer.latency)
    end))
  end)
end

describe("dut:times()", function()
  it("is nil before the first command", async(function()
    local b <close> = bench.new()
    assert.is_nil(b.dut:times())
  end))
end)
