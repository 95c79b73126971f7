-- SPDX-License-Identifier: MIT
-- One command at a time: what ends it, what it must not take for its answer,
-- and what becomes of the next one. The byte shapes are in vectors.jsonl.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

describe("a command", function()
  it("returns its final and its lines", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+CSQ")
    b:answer("AT+CSQ", "+CSQ: 15,99", "OK")
    local answer <const> = b:result(call)
    assert.equal("OK", answer.final)
    assert.same({ "+CSQ: 15,99" }, answer.lines)
  end))

  it("ends with a timeout that names it and the seconds", async(function()
    local b <close> = bench.new()
    local start <const> = core.now()
    local _, err <const> = b:result(b:start("AT+CSQ", { timeout = 2 }))
    assert.equal("timeout", err.code)
    assert.equal("AT+CSQ: no answer within 2 s", err.message)
    assert.is_near(2, core.now() - start, 0.01)
  end))

  it("has one deadline, however much the module says meanwhile", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+CSQ", { timeout = 1 })
    for _ = 1, 30 do
      b:say("\r\nRDYX\r\n")
      core.sleep(0.1)
    end
    local _, err <const> = b:result(call)
    assert.equal("timeout", err.code)
  end))

  it("carries the module's own number and its meaning when refused", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+QICLOSE=9")
    b:answer("AT+QICLOSE=9", "ERROR=102")
    local _, err <const> = b:result(call)
    assert.equal("rejected", err.code)
    assert.equal(102, err.number)
    assert.equal("状态或模式错误", err.meaning.zh)
    assert.matches("wrong state or mode", err.message)
  end))

  it("ends at once when the module reboots", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+CSQ")
    b:say("AT+CSQ\r\n", "\r\nRDY\r\n")
    local _, err <const> = b:result(call)
    assert.equal("reset", err.code)
  end))

  it("that was sent into the first boot is answered after it", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+CSQ")
    b:say("\r\nRDY\r\n")
    b:answer("AT+CSQ", "+CSQ: 15,99", "OK") -- the module had kept it
    assert.equal("OK", b:result(call).final)
    core.sleep(1)
    assert.equal("", b:sent())
  end))

  it("that was lost in the first boot is sent again, once", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+CSQ")
    assert.equal("AT+CSQ\r\n", b:sent())
    b:say("\r\nRDY\r\n")
    core.sleep(0.5)
    assert.equal("AT+CSQ\r\n", b:sent())
    b:say("\r\nRDY\r\n")
    local _, err <const> = b:result(call)
    assert.equal("reset", err.code)
  end))

  it("ends at once when the port goes, and so does each later one", async(function()
    local b <close> = bench.new()
    local start <const> = core.now()
    local call <const> = b:start("AT+CSQ")
    b.module:close()
    local _, err = b:result(call)
    assert.equal("closed", err.code)
    assert.is_true(core.now() - start < 0.1)
    _, err = b.dut.try:at("AT")
    assert.equal("closed", err.code)
  end))

  it("waits for its turn while another runs", async(function()
    local b <close> = bench.new()
    local first <const> = b:start("AT+CSQ")
    local second <const> = b:start("AT+GMR")
    assert.equal("AT+CSQ\r\n", b:sent())
    b:say("AT+CSQ\r\n\r\n+CSQ: 1,99\r\n\r\nOK\r\n")
    assert.equal("AT+GMR\r\n", b:sent())
    b:say("AT+GMR\r\n\r\n+VERSION=CT12_V1\r\n\r\nOK\r\n")
    assert.same({ "+CSQ: 1,99" }, b:result(first).lines)
    assert.same({ "+VERSION=CT12_V1" }, b:result(second).lines)
  end))

  it("that is cancelled gives the line free, and its answer is not the next one's", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+GMR")
    call:cancel("stop")
    local ok <const>, err <const> = call:join()
    assert.is_nil(ok)
    assert.equal("stop", err)
    b:sent()
    local next_call <const> = b:start("AT+CSQ")
    b:say("AT+GMR\r\n\r\n+VERSION=CT12_V1\r\n\r\nOK\r\n")
    b:answer("AT+CSQ", "+CSQ: 7,99", "OK")
    assert.same({ "+CSQ: 7,99" }, b:result(next_call).lines)
  end))

  it("that waits for its turn may be cancelled", async(function()
    local b <close> = bench.new()
    local first <const> = b:start("AT+CSQ")
    local second <const> = b:start("AT+GMR")
    local third <const> = b:start("AT")
    second:cancel("stop")
    second:join()
    b:answer("AT+CSQ", "+CSQ: 1,99", "OK")
    b:result(first)
    b:answer("AT", "OK")
    assert.equal("OK", b:result(third).final)
  end))

  it("that is cancelled just when it gets its turn passes it on", async(function()
    local b <close> = bench.new()
    local second
    local first <const> = b:run(function()
      local answer <const> = b.dut.try:at("AT+CSQ")
      second:cancel("stop") -- granted, and not yet resumed
      return answer
    end)
    second = b:run(function() pcall(b.dut.at, b.dut, "AT+GMR") end)
    local third <const> = b:start("AT")
    b:answer("AT+CSQ", "+CSQ: 1,99", "OK")
    b:result(first)
    b:answer("AT", "OK")
    assert.equal("OK", b:result(third).final)
  end))

  it("to a module that is deaf is not long delayed by what others owe", async(function()
    local b <close> = bench.new { echo = false }
    for round = 1, 3 do
      local began <const> = core.now()
      b:result(b:start("AT+CSQ", { timeout = 1 }))
      local took <const> = core.now() - began
      assert.is_true(round == 2 or took < 2, ("command %d took %g s"):format(round, took))
      core.sleep(30)
    end
  end))

  it("may not be empty, nor hold a line end or a NUL", async(function()
    local b <close> = bench.new()
    for _, text in ipairs { "", "AT\r", "AT\nAT", "AT\0" } do
      local _, err <const> = b.dut.try:at(text)
      assert.equal("invalid", err.code)
    end
    assert.equal("", b:sent())
  end))
end)

describe("the echo", function()
  it("is learned to be off after a silence, and then costs none", async(function()
    local b <close> = bench.new()
    for i = 1, 3 do
      local start <const> = core.now()
      local call <const> = b:start("AT")
      core.sleep(0.03) -- without echo the host keeps some silence first
      b:say("\r\nOK\r\n")
      assert.equal("OK", b:result(call).final)
      assert.is_true(i == 1 or core.now() - start < 0.1)
    end
  end))

  it("is learned to be on again when it comes", async(function()
    local b <close> = bench.new { echo = false }
    local call <const> = b:start("AT")
    core.sleep(0.03)
    b:answer("AT", "OK")
    b:result(call)
    local _, err <const> = b:result(b:start("AT+CSQ", { timeout = 1 }))
    assert.equal("timeout", err.code)
    local late <const> = b:start("AT+GMR")
    b:say("\r\n+CSQ: 5,99\r\n\r\nOK\r\n") -- before the echo: not ours
    b:sent()
    b:say("AT+GMR\r\n\r\n+VERSION=CT12\r\n\r\nOK\r\n")
    assert.same({ "+VERSION=CT12" }, b:result(late).lines)
  end))

  it("is expected to be off after ATE0, and on after a reboot", async(function()
    local b <close> = bench.new()
    local call = b:start("ATE0")
    b:answer("ATE0", "OK")
    b:result(call)
    core.sleep(1)
    local start <const> = core.now()
    call = b:start("AT")
    core.sleep(0.05)
    b:say("\r\nOK\r\n")
    b:result(call)
    assert.is_true(core.now() - start < 0.2)
    b:say("\r\nRDY\r\n")
    call = b:start("AT")
    b:say("\r\nERROR=104\r\n") -- somebody else's
    b:say("AT\r\n\r\nOK\r\n")
    assert.equal("OK", b:result(call).final)
  end))
end)

describe("a late answer", function()
  it("never satisfies the next command, echo on", async(function()
    local b <close> = bench.new()
    b:result(b:start("AT+CREG?", { timeout = 1 }))
    b:sent()
    local call <const> = b:start("AT+CSQ")
    b:say("AT+CREG?\r\n\r\n+CREG: 0,1\r\n\r\nOK\r\n")
    b:say("AT+CSQ\r\n\r\n+CSQ: 9,99\r\n\r\nOK\r\n")
    assert.same({ "+CSQ: 9,99" }, b:result(call).lines)
  end))

  it("never satisfies the next command, echo off, both without lines", async(function()
    local b <close> = bench.new { echo = false }
    b:result(b:start("AT+CREG=1", { timeout = 1 }))
    local call <const> = b:start("AT+CREG=0")
    core.sleep(0.1)
    b:say("\r\nERROR\r\n") -- of the first
    core.sleep(0.1)
    b:say("\r\nOK\r\n")
    assert.equal("OK", b:result(call).final)
    assert.equal("flag:late_reply", b.events[#b.events - 1])
  end))

  it("that never came is settled by probes before anything is trusted, echo off", async(function()
    local b <close> = bench.new { echo = false }
    b:result(b:start("AT+CREG=1", { timeout = 1 }))
    b:sent()
    core.sleep(20)
    local call <const> = b:start("AT+CSQ")
    core.sleep(0.4)
    assert.equal("AT\r\n", b:sent())
    b:say("\r\nOK\r\n")
    core.sleep(0.4)
    assert.equal("AT+CSQ\r\n", b:sent())
    b:say("\r\n+CSQ: 9,99\r\n\r\nOK\r\n")
    assert.same({ "+CSQ: 9,99" }, b:result(call).lines)
  end))

  it("of a module that rebooted is told by its echo, so the next command goes out", async(function()
    local b <close> = bench.new()
    local call = b:start("AT+CREG=1")
    b:answer("AT+CREG=1", "OK")
    b:result(call)
    call = b:start("AT+CREG=0")
    b:say("AT+CREG=0\r\n", "\r\nRDY\r\n")
    b:sent()
    assert.equal("reset", select(2, b:result(call)).code)
    call = b:start("AT+CREG=1")
    assert.equal("AT+CREG=1\r\n", b:sent())
    b:say("AT+CREG=0\r\n\r\nERROR\r\n") -- heard just behind the boot
    core.sleep(1)
    assert.equal("waiting", call:status())
    b:say("AT+CREG=1\r\n\r\nOK\r\n")
    assert.equal("OK", b:result(call).final)
  end))

  it("with a foreign prefix is reported, while nothing else is asked", async(function()
    local b <close> = bench.new()
    b:result(b:start("AT+GMR", { timeout = 1 }))
    b:say("AT+GMR\r\n\r\n+VERSION=CT12\r\n\r\nOK\r\n")
    assert.equal("flag:late_reply", b.events[#b.events])
  end))
end)

describe("the short way", function()
  it("is not taken behind a reboot until the echo has come again", async(function()
    local b <close> = bench.quick()
    local function ask()
      local call <const> = b:start("AT")
      b:answer("AT", "OK")
      assert.equal("OK", b:result(call).final)
    end
    ask()
    ask()
    b:say("\r\nRDY\r\n")
    ask()
    b:result(b:start("AT+CREG=1", { timeout = 1 }))
    b:sent()
    local call <const> = b:start("AT+CREG=0")
    assert.equal("AT+CREG=0\r\n", b:sent()) -- a late answer would be told by its echo
    b:say("AT+CREG=0\r\n\r\nOK\r\n")
    assert.equal("OK", b:result(call).final)
  end))
end)

describe("a payload", function()
  it("is sent after the prompt, once, byte for byte", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+QISEND=3,5", { payload = "a\r\n\0+" })
    b:answer("AT+QISEND=3,5", "OK")
    assert.equal("", b:sent())
    b:say("\r\n> ")
    assert.equal("a\r\n\0+", b:sent())
    b:say("\r\nSEND OK\r\n")
    assert.equal("SEND OK", b:result(call).final)
  end))

  it("is dropped when it is echoed, even when it looks like a final", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+QISEND=3,6", { payload = "\r\nOK\r\n" })
    b:answer("AT+QISEND=3,6", "OK")
    b:say("\r\n>")
    b:sent()
    b:say("\r\nOK\r\n")
    b:say("\r\nSEND FAIL\r\n")
    local _, err <const> = b:result(call)
    assert.equal("rejected", err.code)
    assert.matches("SEND FAIL", err.message)
  end))

  it("is not sent when the module refuses", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+QISEND=9,5", { payload = "hello" })
    b:answer("AT+QISEND=9,5", "ERROR=102")
    local _, err <const> = b:result(call)
    assert.equal(102, err.number)
    assert.equal("", b:sent())
  end))

  it("is not sent when its prompt comes after the end of the command", async(function()
    local b <close> = bench.new()
    b:result(b:start("AT+QISEND=3,5", { payload = "hello", timeout = 1 }))
    b:sent()
    b:say("\r\n> ")
    core.sleep(1)
    assert.equal("", b:sent())
  end))
end)

describe("a URC", function()
  it("reaches its handlers in order, in one task, and they may issue commands", async(function()
    local b <close> = bench.new()
    local got <const> = {}
    b.dut:on("+CREG", function(fields)
      got[#got + 1] = fields.stat
      if fields.stat == 1 then
        got[#got + 1] = b.dut:at("AT+CSQ").lines[1]
      end
    end)
    b:say("\r\n+CREG: 1\r\n\r\n+CREG: 5\r\n")
    b:answer("AT+CSQ", "+CSQ: 3,99", "OK")
    core.sleep(0.1)
    assert.same({ 1, "+CSQ: 3,99", 5 }, got)
  end))

  it("can be awaited, with a deadline", async(function()
    local b <close> = bench.new()
    local waiter <const> = b:run(function() return b.dut.try:await("RDY", { timeout = 5 }) end)
    b:say("\r\nRDY\r\n")
    assert.equal("RDY", b:result(waiter).line)
    local _, err <const> = b.dut.try:await("RDY", { timeout = 5 })
    assert.equal("timeout", err.code)
    assert.equal("RDY did not come within 5 s", err.message)
  end))

  it("that nobody takes in time is dropped, and that is a flag", async(function()
    local b <close> = bench.new()
    b.dut:on("RDY", function() core.sleep(100) end)
    for _ = 1, 400 do b.module:write("\r\nRDY\r\n") end
    core.sleep(1)
    local dropped = 0
    for _, event in ipairs(b.events) do
      dropped = dropped + (event == "flag:urc_dropped" and 1 or 0)
    end
    assert.equal(400 - 256, dropped) -- all came before the handler began
    b.dut:close()
    core.sleep(50000)
  end))

  it("handler's error goes to the owner of errors and leaves the rest alive", async(function()
    local b <close> = bench.new()
    local seen
    local count = 0
    core.on_error(function(err) seen = err end)
    b.dut:on("RDY", function()
      count = count + 1
      if count == 1 then error("in the handler", 0) end
    end)
    b:say("\r\nRDY\r\n", "\r\nRDY\r\n")
    core.sleep(0.1)
    assert.equal("in the handler", seen)
    assert.equal(2, count)
  end))

  it("handler that was switched off is quiet", async(function()
    local b <close> = bench.new()
    local count = 0
    local handle <const> = b.dut:on("RDY", function() count = count + 1 end)
    b:say("\r\nRDY\r\n")
    handle:off()
    b:say("\r\nRDY\r\n")
    core.sleep(0.1)
    assert.equal(1, count)
  end))
end)

describe("a hostile module", function()
  it("neither hangs nor grows the host", async(function()
    local b <close> = bench.new()
    math.randomseed(7)
    local bytes <const> = {}
    for i = 1, 4096 do bytes[i] = string.char(math.random(0, 255)) end
    local junk <const> = table.concat(bytes)
    local before
    for i = 1, 60 do
      b.module:write(junk)
      b.module:write("\r\n+QIRD:3,999999999\r\n\r\n>\r\n\r\n+CSQ: " .. ("9"):rep(5000) .. "\r\n")
      core.sleep(0.001)
      if i == 30 then
        b.events = {}
        collectgarbage()
        before = collectgarbage("count")
      end
    end
    core.sleep(1)
    b.events = {}
    collectgarbage()
    assert.is_true(collectgarbage("count") - before < 512)
    local call <const> = b:start("AT")
    b:say("\r\nAT\r\n\r\nOK\r\n")
    assert.equal("OK", b:result(call).final)
  end))
end)
