-- SPDX-License-Identifier: MIT
-- The hard cases of a conversation with a module that bytes in a row cannot
-- say: several tasks, typed calls, ports that come back, the simulated module.
-- Each test's name begins with the number of its case. The last test proves
-- that every case stands here or in a file of byte vectors.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local bare_client <const> = require "tests.support.bare_client"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local json <const> = require "attest.json"
local lfs <const> = require "lfs"

core.virtual()

local CASES <const> = 64
local ROOT <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."
local LINK <const> = 'AT+QIOPEN="TCP","192.0.2.1",7,0,0'

local covered <const> = {}

--- A test of a case.
local function case(number, sentence, body)
  covered[number] = true
  it(("%d: %s"):format(number, sentence), async(body))
end

--- Opens a link in direct mode.
local function passthrough(b)
  local call <const> = b:run(function()
    return b.dut.try:passthrough { host = "192.0.2.1", port = 7 }
  end)
  local open <const> = 'AT+QIOPEN="TCP","192.0.2.1",7,0,1\r\n'
  assert.equal(open, b:sent())
  b:say(open .. "\r\nCONNECT,ID:3\r\n")
  return b:result(call)
end

describe("hard case", function()
  case(20, "a URC's handler issues commands, also while one runs", function()
    local b <close> = bench.new()
    local seen
    b.dut:on("DISCONNECT", function() seen = b.dut:at("AT+GMR").lines end)
    local call <const> = b:start("AT+CSQ")
    b:say("AT+CSQ\r\n\r\nDISCONNECT\r\n")
    assert.equal("AT+CSQ\r\n", b:sent())
    b:say("\r\n+CSQ: 9,99\r\n\r\nOK\r\n")
    assert.same({ "+CSQ: 9,99" }, b:result(call).lines)
    b:answer("AT+GMR", "+VERSION=CT12_V1", "OK")
    assert.same({ "+VERSION=CT12_V1" }, seen)
  end)

  case(29, "with echo off the line is silent for a moment before the next command", function()
    local b <close> = bench.new { echo = false }
    local call = b:start("AT")
    core.sleep(0.03)
    b:sent()
    b:say("\r\nOK\r\n")
    b:result(call)
    call = b:start("AT+CSQ")
    core.sleep(0.01)
    assert.equal("", b:sent())
    b:say("\r\nOK\r\n") -- the duplicate
    core.sleep(0.01)
    assert.equal("", b:sent())
    core.sleep(0.02)
    assert.equal("AT+CSQ\r\n", b:sent())
    b:say("\r\n+CSQ: 9,99\r\n\r\nOK\r\n")
    assert.same({ "+CSQ: 9,99" }, b:result(call).lines)
  end)

  case(33, "a module left behind its prompt is found again by ready()", function()
    local net <const> = fake_net.new()
    net.servers["192.0.2.1:7"] = fake_net.sink
    local client <const> = bare_client.started { net = net }
    client:ask(LINK)
    client:send("AT+QISEND=3,10\r\n")
    client:expect(">")
    client.port:data(false) -- another program takes the port
    local dut <const> = assert(attest.attach(client.port, { module = "ct12" }))
    assert.is_true(dut:ready { timeout = 30 })
    assert.equal(23, dut:csq().rssi)
    dut:close()
    client.sim:close()
  end)

  case(34, "a typed call counts bytes, and refuses another length before it sends", function()
    local b <close> = bench.new()
    local text <const> = "\xe4\xb8\xad\xe6\x96\x87" -- two characters
    local _, err <const> = b.dut.try:qisend { link_num = 3, length = 2, payload = text }
    assert.equal("invalid", err.code)
    assert.matches("length", err.message)
    assert.equal("", b:sent())
    local call <const> = b:run(function()
      return b.dut.try:qisend { link_num = 3, payload = text }
    end)
    b:answer("AT+QISEND=3,6", "OK")
    b:say("\r\n>")
    assert.equal(text, b:sent())
    b:say("\r\nSEND OK\r\n")
    assert.is_truthy(b:result(call))
  end)

  case(43, "single pluses do not add up to an escape by accident", function()
    local b <close> = bench.new()
    local link <const> = passthrough(b)
    core.sleep(2)
    b:sent()
    link:write("+")
    core.sleep(0.3)
    link:write("+")
    core.sleep(0.3)
    local _, err <const> = link.try:write("+")
    assert.equal("invalid", err.code)
    assert.equal("++", b:sent())
  end)

  case(44, "pluses are never a probe: not after timeouts, not with echo off", function()
    local b <close> = bench.new { echo = false }
    for _ = 1, 3 do
      b:result(b:start("AT+CSQ", { timeout = 1 }))
      core.sleep(12)
    end
    assert.is_nil(b:sent():find("+++", 1, true))
  end)

  case(47, "a module that went deaf after ATO is a timeout, and the port can be closed", function()
    local b <close> = bench.new()
    local call <const> = b:start("ATO")
    b:say("ATO\r\nCONNECT\r\n\r\nOK\r\n")
    assert.equal("OK", b:result(call).final)
    local start <const> = core.now()
    local _, err <const> = b.dut.try:escape()
    assert.equal("timeout", err.code)
    assert.is_true(core.now() - start < 30)
    b.dut:close()
    assert.equal("closed", select(2, b.dut.try:at("AT")).code)
  end)

  case(49, "the simulated module finds the command glued to an escape or to ESC", function()
    local client <close> = bare_client.started()
    for _, junk in ipairs { "+++", "\27\27\27", "\0\0", "+++\r\n", "x+++" } do
      local answer <const> = client:ask(junk .. "AT+GSN")
      assert.truthy(answer:find("\r\n860720087453595\r\n\r\nOK\r\n", 1, true), junk)
    end
  end)

  case(51, "after a payload that ends a publish the link is no passthrough", function()
    local b <close> = bench.new()
    local text <const> = 'AT+QMTPUBEX="t",0,0,4'
    local call <const> = b:start(text, { payload = "abcd" })
    b:answer(text)
    b:say("\r\n>")
    assert.equal("abcd", b:sent())
    b:say("\r\nOK\r\n")
    assert.is_truthy(b:result(call))
    assert.equal("invalid", select(2, b.dut.dialog:write("more")).code)
  end)

  case(52, "after an answer that never came, echo off, a probe in silence comes first", function()
    local b <close> = bench.new { echo = false }
    b:result(b:start("AT+CPSI", { timeout = 1 }))
    b:sent()
    core.sleep(12)
    local call <const> = b:start("AT+CSQ")
    core.sleep(0.4)
    assert.equal("AT\r\n", b:sent())
    b:say("\r\nOK\r\n")
    core.sleep(0.1)
    b:say("\r\nOK\r\n") -- two answers: not yet clear whose
    core.sleep(0.6)
    assert.equal("AT\r\n", b:sent())
    b:say("\r\nOK\r\n")
    core.sleep(0.4)
    assert.equal("AT+CSQ\r\n", b:sent())
    b:say("\r\n+CSQ: 9,99\r\n\r\nOK\r\n")
    assert.same({ "+CSQ: 9,99" }, b:result(call).lines)
  end)

  case(53, "one command is in flight: nothing is written while an answer is open", function()
    local b <close> = bench.new()
    local calls <const> = {}
    for i, text in ipairs { "AT+CSQ", "AT+GMR", "AT" } do calls[i] = b:start(text) end
    assert.equal("AT+CSQ\r\n", b:sent())
    b:say("AT+CSQ\r\n\r\n+CSQ: 9,99\r\n")
    core.sleep(1)
    assert.equal("", b:sent())
    b:say("\r\nOK\r\n")
    b:answer("AT+GMR", "+VERSION=CT12_V1", "OK")
    b:answer("AT", "OK")
    for _, call in ipairs(calls) do assert.equal("OK", b:result(call).final) end
  end)

  case(58, "bytes that are no text, without an end: ready() suspects the rate", function()
    local b <close> = bench.new()
    local call <const> = b:run(function() return b.dut.try:ready { timeout = 3 } end)
    for _ = 1, 30 do b:say(("\xf8\x80\xe0"):rep(400)) core.sleep(0.1) end
    local _, err <const> = b:result(call)
    assert.equal("timeout", err.code)
    assert.matches("another rate", err.message)
  end)

  case(59, "a long write through a narrow line arrives whole, whatever its bytes", function()
    local b <close> = bench.new()
    local link <const> = passthrough(b)
    local bytes <const> = ("\x11\x13\0\xffU"):rep(20000)
    assert.is_true(link:write(bytes))
    local got, deadline = b:sent(), core.now() + 60
    while #got < #bytes and core.now() < deadline do got = got .. b:sent() end
    assert.is_true(got == bytes)
  end)

  case(60, "a port that vanishes fails all that waits; by its name it is opened again", function()
    local name <const> = os.tmpname()
    os.remove(name)
    local answers
    for round = 1, 2 do
      local module <const> = assert(core.pty {})
      assert(lfs.link(module:path(), name, true))
      local dut <close> = attest.open(name, { module = "ct12" })
      local first <const> = core.spawn(function() return dut.try:at("AT", { timeout = 60 }) end)
      local second <const> = core.spawn(function() return dut.try:csq() end)
      core.sleep(0.01)
      module:close()
      answers = { select(3, first:join(90)), select(3, second:join(90)) }
      os.remove(name)
      assert.same({ "closed", "closed" }, { answers[1].code, answers[2].code }, round)
    end
  end)

  case(61, "a flood reaches handlers up to a limit, and the rest is a flag", function()
    local b <close> = bench.new()
    local count = 0
    b.dut:on("ERROR=104", function() count = count + 1 core.sleep(1) end)
    b:say(("\r\nERROR=104\r\n"):rep(1000))
    local dropped = 0
    for _, event in ipairs(b.events) do
      dropped = dropped + (event == "flag:urc_dropped" and 1 or 0)
    end
    core.sleep(1000)
    assert.equal(1000, count + dropped)
    assert.is_true(count <= 300)
  end)

  case(62, "a long line of quotes or commas takes no time to speak of", function()
    for _, unit in ipairs { '"', ",", '",', "1,", '"1,', '",1,', "(" } do
      local b <close> = bench.new()
      b.dut.port:set { max_line = 1 << 16 }
      local start <const> = os.clock()
      b.module:write('\r\n+MQTTPUBLISH: 0,0,0,0,"' .. unit:rep(30000 // #unit) .. "\r\n")
      b.module:write("\r\n+QMTRECV: " .. unit:rep(30000 // #unit) .. "\r\n")
      core.sleep(5)
      local call <const> = b:start("AT")
      b:say("\r\nAT\r\n\r\nOK\r\n")
      assert.equal("OK", b:result(call).final)
      assert.is_true(os.clock() - start < 5, unit)
    end
  end)

  case(64, "the simulated module survives what other programs leave on the line", function()
    local client <close> = bare_client.started()
    for _, junk in ipairs {
      "\27\r", "\0", "\0\0\r\n", "Can't connect: pppd exited\r\n", ("\xf0\x80"):rep(5000) .. "\r\n",
      "NO CARRIER\r\n", "\x7e\xff\x7d\x23\xc0\x21\x7e", "+++", ("A"):rep(9000) .. "\r\n",
    } do
      client:send(junk)
      client:listen(2)
      client:ask("")
      assert.same({ "OK" }, client:lines("AT"), ("%q"):format(junk:sub(1, 20)))
    end
  end)
end)

describe("the list of hard cases", function()
  it("is covered by byte vectors and by the tests above, each number", function()
    for _, name in ipairs { "vectors.jsonl", "vectors_own.jsonl" } do
      for line in io.lines(ROOT .. "/tests/" .. name) do
        covered[math.tointeger(tonumber(assert(json.decode(line)).id:match("^H(%d+)")))] = true
      end
    end
    local missing <const> = {}
    for number = 1, CASES do
      if not covered[number] then missing[#missing + 1] = number end
    end
    assert.same({}, missing)
  end)
end)
