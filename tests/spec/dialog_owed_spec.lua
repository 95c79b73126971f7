-- SPDX-License-Identifier: MIT
-- What older commands still owe, over time: behind a reboot, in its turn, and
-- while a module may wait for a payload. The byte shapes are in vectors_own.jsonl.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"
local tagged <const> = require "tests.support.tagged"

core.virtual()

local function times_out(b, text, options)
  local _, err <const> = b:result(b:start(text, options or { timeout = 1 }))
  assert.equal("timeout", err.code)
  b:sent()
end

local function succeeds(b, text)
  local call <const> = b:start(text)
  b:answer(text, "OK")
  assert.equal("OK", b:result(call).final)
end

describe("a reboot", function()
  it("does not pay for a command that was sent again", async(function()
    local b <close> = bench.new()
    local first <const> = b:start("AT+RST")
    b:say("\r\nRDY\r\n")
    core.sleep(0.4) -- slow, not deaf: it had kept the first copy
    b:say("AT+RST\r\n\r\nOK\r\n")
    assert.equal("OK", b:result(first).final)
    assert.equal("AT+RST\r\nAT+RST\r\n", b:sent())
    b:say("\r\nRDY\r\n")
    local second <const> = b:start("AT+CREG=1")
    b:say("AT+RST\r\n\r\nOK\r\n")
    core.sleep(1)
    assert.equal("waiting", second:status())
    b:say("AT+CREG=1\r\n\r\nERROR\r\n")
    assert.equal("rejected", select(2, b:result(second)).code)
  end))
end)

describe("behind a reboot", function()
  it("what was owed without an echo would come with one, so nobody waits for it", async(function()
    local b <close> = bench.new()
    succeeds(b, "AT")
    succeeds(b, "ATE0")
    core.sleep(0.1)
    times_out(b, "AT+CREG=1")
    b:say("\r\nRDY\r\n")
    local call <const> = b:start("AT+CREG=0")
    assert.equal("AT+CREG=0\r\n", b:sent())
    b:say("AT+CREG=1\r\n\r\nERROR\r\n", "AT+CREG=0\r\n\r\nOK\r\n")
    assert.equal("OK", b:result(call).final)
  end))

  it("an unknown line does not begin the answer to a copy that was sent again", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+CREG=1")
    b:say("\r\nRDY\r\n")
    core.sleep(0.4)
    b:say("AT+CREG=1\r\n\r\nOK\r\n", "\r\n^HELLO\r\n")
    b:result(call)
    b:sent()
    succeeds(b, "AT+CREG=0")
  end))
end)

describe("a debt", function()
  it("has its time from when the one before it was paid", async(function()
    local b <close> = bench.new { echo = false }
    b:say("\r\nRING\r\n")
    times_out(b, "AT+CREG=1")
    times_out(b, "AT+CREG=0")
    core.sleep(8)
    b:say("\r\nOK\r\n") -- of the first
    core.sleep(9)
    local call <const> = b:start("AT+NO")
    assert.equal("", b:sent())
    b:say("\r\nOK\r\n") -- of the second
    core.sleep(0.1)
    assert.equal("AT+NO\r\n", b:sent())
    b:say("\r\nERROR\r\n")
    assert.equal("rejected", select(2, b:result(call)).code)
  end))

  it("is too old for a refusal some day, which is the new command's then", async(function()
    local b <close> = bench.new { echo = false }
    b:say("\r\nRING\r\n")
    times_out(b, "AT+CREG=1")
    local start <const> = core.now()
    local call <const> = b:start("AT+CSQ", { timeout = 30 })
    b:say("\r\nERROR\r\n")
    assert.equal("rejected", select(2, b:result(call)).code)
    local took <const> = core.now() - start
    assert.is_true(took > 9 and took < 11)
  end))

  it("is waited for by a command whose answer has no prefix", async(function()
    local b <close> = bench.new { echo = false }
    b:say("\r\nRING\r\n")
    times_out(b, "AT+GMM")
    local call <const> = b:start("AT+GSN")
    assert.equal("", b:sent())
    b:say("\r\nCT12\r\n\r\nOK\r\n")
    core.sleep(0.1)
    assert.equal("AT+GSN\r\n", b:sent())
    b:say("\r\n860720087453595\r\n\r\nOK\r\n")
    assert.same({ "860720087453595" }, b:result(call).lines)
  end))

  it("that was waited for is followed by silence: its final may come twice", async(function()
    local b <close> = bench.new()
    b:say("\r\nRING\r\n")
    times_out(b, "AT+CREG=1")
    local call <const> = b:start("AT+CREG=0")
    b:say("\r\nOK\r\n", "\r\nOK\r\n")
    assert.equal("", b:sent())
    core.sleep(0.1)
    b:answer("AT+CREG=0", "ERROR")
    assert.equal("rejected", select(2, b:result(call)).code)
  end))
end)

describe("a probe", function()
  it("that an older command's error has ended is answered before the next", async(function()
    local b <close> = bench.new { echo = false }
    b:say("\r\nRING\r\n")
    times_out(b, "AT+CREG=1")
    core.sleep(12)
    local call <const> = b:start("AT+CREG=0")
    assert.equal("AT\r\n", b:sent())
    b:say("\r\nERROR\r\n") -- of AT+CREG=1; what follows takes half a second each
    core.sleep(0.5)
    b:say("\r\nOK\r\n")
    assert.equal("", b:sent())
    core.sleep(2.1)
    assert.equal("AT\r\n", b:sent())
    core.sleep(0.5)
    b:say("\r\nOK\r\n")
    core.sleep(0.4)
    b:answer("AT+CREG=0", "ERROR")
    assert.equal("rejected", select(2, b:result(call)).code)
  end))
end)

describe("a module that echoes no more", function()
  it("is believed when what was owed behind an echo is too old", async(function()
    local b <close> = bench.new()
    succeeds(b, "AT")
    times_out(b, "AT+CSQ")
    local start <const> = core.now()
    local answer
    repeat
      local call <const> = b:start("AT+CSQ", { timeout = 1 })
      b:say("\r\n+CSQ: 9,99\r\n\r\nOK\r\n")
      answer = b:result(call)
    until answer or core.now() - start > 60
    assert.same({ "+CSQ: 9,99" }, answer.lines)
    assert.is_true(core.now() - start < 12)
  end))
end)

describe("behind a payload that was not sent", function()
  local LATE <const> = "\r\n> " -- and nothing that follows it is a command

  local function begin_and_end(b, finish)
    succeeds(b, "AT")
    finish()
    core.sleep(15) -- its time begins when it has said OK
    b:say("AT+QISEND=3,5\r\n\r\nOK\r\n", LATE)
    b:sent()
  end

  local function goes_on(b)
    local call <const> = b:start("AT+CSQ")
    core.sleep(9)
    assert.equal("", b:sent())
    b:say("\r\nERROR=103\r\n") -- it has given up
    core.sleep(0.1)
    b:answer("AT+CSQ", "+CSQ: 9,99", "OK")
    assert.same({ "+CSQ: 9,99" }, b:result(call).lines)
  end

  it("nothing is sent until the module has given up: a timeout", async(function()
    local b <close> = bench.new()
    begin_and_end(b, function()
      times_out(b, "AT+QISEND=3,5", { payload = "hello", timeout = 1 })
    end)
    goes_on(b)
  end))

  for name, make in pairs { long = bench.new, short = bench.quick } do
    it("nothing is sent until the module has given up: cancelled on the " .. name .. " way",
      async(function()
        local b <close> = make()
        begin_and_end(b, function()
          local call <const> = b:start("AT+QISEND=3,5", { payload = "hello" })
          call:cancel("not any more")
          assert.is_nil((call:join(1)))
        end)
        goes_on(b)
      end))
  end

  it("a module that had heard the command and rebooted is not waited for", async(function()
    local b <close> = bench.new()
    succeeds(b, "AT")
    local call <const> = b:start("AT+QISEND=3,5", { payload = "hello" })
    b:say("AT+QISEND=3,5\r\n", "\r\nRDY\r\n")
    assert.equal("reset", select(2, b:result(call)).code)
    b:sent()
    succeeds(b, "AT+CREG=1")
    local late <const> = b:start("AT+QISEND=3,6", { payload = "hello!", timeout = 1 })
    b:say("AT+QISEND=3,6\r\n")
    assert.equal("timeout", select(2, b:result(late)).code)
    b:say("\r\nRDY\r\n")
    b:sent()
    succeeds(b, "AT+CREG=1")
  end))

  it("a simulated module does not take the next command for it", async(function()
    local dut <close> =
      tagged.open { module = "tags", fault = { "delay:0.5" }, set = { rssi = 17 } }
    assert.equal("OK", dut:at("AT").final)
    local call <const> = core.spawn(function()
      return dut.try:put { n = 1, check = tagged.check(1), payload = ("x"):rep(50) }
    end)
    core.sleep(0.4)
    call:cancel("not any more")
    assert.is_nil((call:join(1)))
    assert.equal(17, dut:csq().rssi)
  end))

  it("a module that says nothing is waited for, but not for ever", async(function()
    local b <close> = bench.new()
    succeeds(b, "AT")
    times_out(b, "AT+QISEND=3,5", { payload = "hello", timeout = 1 })
    local start <const> = core.now()
    local call <const> = b:start("AT+CSQ")
    core.sleep(20.1)
    b:answer("AT+CSQ", "+CSQ: 9,99", "OK")
    assert.equal("OK", b:result(call).final)
    assert.is_true(core.now() - start < 21)
  end))
end)
