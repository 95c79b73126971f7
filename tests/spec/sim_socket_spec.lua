-- SPDX-License-Identifier: MIT
--
-- TCP and UDP links of the simulated ct12 (chapter 6.4), on the virtual clock
-- and a network in the process.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local redirect <const> = require "attest.sim.redirect"

core.virtual()

local HOST <const> = "192.0.2.1"
local OPEN <const> = 'AT+QIOPEN="TCP","192.0.2.1",7,0,0'
local OPEN_UDP <const> = 'AT+QIOPEN="UDP","192.0.2.1",7,0,0'

local function start(server, options)
  local net <const> = fake_net.new()
  net.servers[HOST .. ":7"] = server or fake_net.echo
  options = options or {}
  options.net = net
  return bare_client.started(options), net
end

describe("a link", function()
  it("is opened, listed and closed as in the manual's examples", async(function()
    local client <close> = start()
    assert.same({ "CONNECT,ID:3" }, client:lines(OPEN))
    assert.same({ '+QISTATE:3,"TCP","192.0.2.1",7,50001', "OK" }, client:lines("AT+QISTATE"))
    assert.same({ "OK", "DISCONNECT" }, client:lines("AT+QICLOSE=3"))
    assert.same({ "CONNECT,ID:3" }, client:lines(OPEN_UDP))
    assert.same({ "OK", "UDP_CLOSE" }, client:lines("AT+QICLOSE=3"))
    assert.same({ "OK" }, client:lines("AT+QISTATE"))
  end))

  it("gets the lowest free identifier, and there are 18", async(function()
    local client <close>, net <const> = start()
    for id = 3, 20 do
      assert.same({ "CONNECT,ID:" .. id }, client:lines(OPEN_UDP))
    end
    assert.same({ "ERROR=102" }, client:lines(OPEN))
    client:ask("AT+QICLOSE=11")
    client:ask("AT+QICLOSE=5")
    assert.same({ "CONNECT,ID:5" }, client:lines(OPEN))
    assert.same({ "CONNECT,ID:11" }, client:lines(OPEN))
    assert.equals(19, #client:lines("AT+QISTATE"))
    assert.equals(18, net.open)
  end))

  it("of the direct mode exists once", async(function()
    local client <close> = start()
    assert.same({ "CONNECT,ID:3" }, client:lines('AT+QIOPEN="TCP","192.0.2.1",7,0,1', 2))
    client:send("+++")
    assert.equals("\r\nOK\r\n", client:listen(2))
    assert.same({ "ERROR=102" }, client:lines('AT+QIOPEN="UDP","192.0.2.1",7,0,1'))
    assert.same({ "ERROR=102" }, client:lines("AT+QISEND=3,1"))
    assert.same({ "CONNECT,ID:4" }, client:lines(OPEN))
  end))

  it("keeps the local port that it is told", async(function()
    local client <close>, net <const> = start()
    client:ask('AT+QIOPEN="TCP","192.0.2.1",7,4711,0')
    assert.equals(4711, net.connects[1].local_port)
    assert.same({ '+QISTATE:3,"TCP","192.0.2.1",7,4711', "OK" }, client:lines("AT+QISTATE"))
  end))

  it("is refused when nobody answers", async(function()
    local client <close>, net <const> = start("black hole")
    assert.same({ "ERROR=201" }, client:lines(OPEN, 15))
    assert.equals(1, net.aborts)
    assert.same({ "ERROR=201" }, client:lines('AT+QIOPEN="TCP","192.0.2.1",8,0,0'))
    assert.same({ "ERROR=201" }, client:lines('AT+QIOPEN="TCP","no.such.host",7,0,0'))
    assert.equals(0, net.open)
  end))

  it("refuses bad arguments", async(function()
    local client <close> = start()
    for command, number in pairs {
      ['AT+QIOPEN="TCP","192.0.2.1",7,0'] = 101,
      ['AT+QIOPEN="SCTP","192.0.2.1",7,0,0'] = 103,
      ['AT+QIOPEN="TCP","192.0.2.1",65536,0,0'] = 103,
      ['AT+QIOPEN="TCP","192.0.2.1",7,-1,0'] = 103,
      ['AT+QIOPEN="TCP","192.0.2.1",7,0,2'] = 103,
      ['AT+QIOPEN="TCP","192.0.2.1",7,0,0,0'] = 101,
      ['AT+QIOPEN="TCP","",7,0,0'] = 101,
      ['AT+QIOPEN="TCP","' .. ("x"):rep(300) .. '",7,0,0'] = 101,
      ["AT+QIOPEN"] = 104,
      ["AT+QISEND=2,5"] = 103,
      ["AT+QISEND=21,5"] = 103,
      ["AT+QISEND=4,5"] = 102,
      ["AT+QICLOSE=4"] = 102,
      ["AT+QICLOSE=2"] = 103,
      ["AT+QICLOSE"] = 104,
    } do
      assert.same({ "ERROR=" .. number }, client:lines(command), command)
    end
  end))

  it("that the far end closes is gone", async(function()
    local far
    local client <close>, net <const> = start(function(peer)
      far = peer
    end)
    client:ask(OPEN)
    far:close()
    assert.equals("\r\nDISCONNECT\r\n", client:listen(1))
    assert.same({ "OK" }, client:lines("AT+QISTATE"))
    assert.same({ "ERROR=102" }, client:lines("AT+QISEND=3,5"))
    assert.equals(0, net.open)
  end))
end)

describe("sending on a link", function()
  it("is the manual's exchange; the payload is not echoed", async(function()
    local client <close>, net <const> = start(fake_net.sink)
    client:ask(OPEN)
    client:send("AT+QISEND=3,10\r\n")
    assert.equals("AT+QISEND=3,10\r\n\r\nOK\r\n\r\n>", client:expect(">"))
    client:send("1234567890")
    assert.equals("\r\nSEND OK\r\n", client:listen(1))
    assert.same({ "1234567890" }, net.sent)
  end))

  it("takes any bytes and exactly as many as announced", async(function()
    local payload <const> = "\r\nOK\r\n\0\x1a\b\x7f+++\xff>AT\r\n"
    local client <close>, net <const> = start(fake_net.sink)
    client:ask("ATE0")
    client:ask(OPEN)
    client:send("AT+QISEND=3," .. #payload .. "\r\n")
    client:expect(">")
    client:send(payload .. "AT+GSN\r\n")
    assert.equals("\r\nSEND OK\r\n\r\n860720087453595\r\n\r\nOK\r\n", client:listen(1))
    assert.same({ payload }, net.sent)
  end))

  it("takes a payload of 1 and of 1024 bytes that came before the prompt", async(function()
    for _, size in ipairs { 1, 1024 } do
      local payload <const> = ("U"):rep(size)
      local client <close>, net <const> = start(fake_net.sink)
      client:ask(OPEN)
      local command <const> = "AT+QISEND=3," .. size .. "\r\n" .. payload
      assert.same({ "OK", ">", "SEND OK" }, client:lines(command))
      assert.same({ payload }, net.sent)
    end
  end))

  it("refuses a length that is too long, zero or missing", async(function()
    local client <close> = start()
    client:ask(OPEN)
    for _, length in ipairs { "0", "1025", "99999999999", "-1" } do
      assert.same({ "ERROR=101" }, client:lines("AT+QISEND=3," .. length), length)
    end
    assert.same({ "ERROR=103" }, client:lines("AT+QISEND=3,x"))
    assert.same({ "ERROR=101" }, client:lines("AT+QISEND=3"))
  end))

  it("of UDP needs no length: Ctrl-Z or a second of silence ends it", async(function()
    local client <close>, net <const> = start(fake_net.sink)
    client:ask(OPEN_UDP)
    assert.same({ "OK", ">", "SEND OK" }, client:lines("AT+QISEND=3\r\nhello\x1a"))
    client:send("AT+QISEND=3,\r\n")
    client:expect(">")
    client:send("world")
    assert.equals("", client:listen(0.9))
    assert.equals("\r\nSEND OK\r\n", client:listen(0.2))
    assert.same({ "hello", "world" }, net.sent)
  end))

  it("fails when the client stops in the middle", async(function()
    local client <close>, net <const> = start()
    client:ask(OPEN)
    client:send("AT+QISEND=3,10\r\n")
    client:expect(">")
    client:send("12345")
    client:listen(9)
    client:send("67")
    assert.equals("", client:listen(9.9))
    assert.equals("\r\nSEND FAIL\r\n", client:listen(0.2))
    assert.same({}, net.sent)
    assert.same({ "OK" }, client:lines("AT"))
  end))

  it("fails when the link goes meanwhile, which is told after it", async(function()
    local far
    local client <close> = start(function(peer)
      far = peer
    end)
    client:ask(OPEN)
    client:send("AT+QISEND=3,5\r\n")
    client:expect(">")
    far:close()
    assert.equals("", client:listen(1))
    client:send("hello")
    assert.equals("\r\nSEND FAIL\r\n\r\nDISCONNECT\r\n", client:listen(1))
  end))

  it("fails when the network takes nothing", async(function()
    local client <close>, net <const> = start()
    client:ask(OPEN)
    net.is_stalled = true
    assert.same({ "OK", ">", "SEND FAIL" }, client:lines("AT+QISEND=3,5\r\nhello", 9))
  end))
end)

describe("received data", function()
  it("is printed with its length, whatever it holds", async(function()
    local payload <const> = "\r\nOK\r\n\0\xff"
    local client <close> = start()
    client:ask(OPEN)
    client:send("AT+QISEND=3," .. #payload .. "\r\n" .. payload)
    client:expect("SEND OK\r\n")
    assert.equals("\r\n+QIRD:3,8\r\n" .. payload .. "\r\n", client:listen(1))
  end))

  it("comes in pieces of 1 KiB", async(function()
    local far
    local client <close> = start(function(peer)
      far = peer
    end)
    client:ask(OPEN)
    far:send(("x"):rep(2500))
    local bytes <const> = client:listen(1)
    local lengths <const> = {}
    for length in bytes:gmatch("%+QIRD:3,(%d+)\r\n") do
      lengths[#lengths + 1] = length
    end
    assert.same({ "1024", "1024", "452" }, lengths)
  end))

  it("never comes before CONNECT, nor between a prompt and its result", async(function()
    local far
    local client <close> = start(function(peer)
      far = peer
      peer:send("welcome")
    end)
    assert.same({ "CONNECT,ID:3", "+QIRD:3,7", "welcome" }, client:lines(OPEN))
    client:send("AT+QISEND=3,5\r\n")
    client:expect(">")
    far:send("tick")
    assert.equals("", client:listen(1))
    client:send("hello")
    assert.equals("\r\nSEND OK\r\n\r\n+QIRD:3,4\r\ntick\r\n", client:listen(1))
  end))

  it("waits for a client that reads slowly, and none is lost", async(function()
    local far
    local client <close>, net <const> = start(function(peer)
      far = peer
    end, { chunk = 64 })
    client:ask(OPEN)
    for _ = 1, 400 do
      far:send(("x"):rep(1024))
    end
    local bytes <const> = client:listen(60)
    assert.equals(400 * 1024, select(2, bytes:gsub("x", "")))
    assert.is_true(net.pauses > 0)
  end))
end)

describe("a redirection", function()
  it("reaches another server and answers with what was told", async(function()
    local client <close>, net <const> = start(fake_net.echo, {
      map = { assert(redirect.parse "112.125.89.8=192.0.2.1:7") },
    })
    assert.same({ "CONNECT,ID:3" }, client:lines('AT+QIOPEN="TCP","112.125.89.8",33124,0,0'))
    assert.equals(HOST, net.connects[1].address)
    assert.same({ '+QISTATE:3,"TCP","112.125.89.8",33124,50001', "OK" },
      client:lines("AT+QISTATE"))
  end))

  it("shows the mapped address only in ping rows", async(function()
    local client <close>, net <const> = start(fake_net.echo, {
      map = { assert(redirect.parse "www.baidu.com=192.0.2.1") },
    })
    net.answers[HOST] = { 3 }
    assert.same({ '+CIPPING:"192.0.2.1",3,64', "OK" }, client:lines('AT+QPING="www.baidu.com",1'))
  end))

  it("is read from its text", function()
    local function check(text, host, addr, port)
      assert.same({ host = host, addr = addr, port = port }, assert(redirect.parse(text)))
    end
    check("a=b", "a", "b")
    check("broker.emqx.io=127.0.0.1:1883", "broker.emqx.io", "127.0.0.1", 1883)
    check("a=[::1]:7", "a", "::1", 7)
    check("a=::1", "a", "::1")
    check("a=[::1]", "a", "::1")
    for _, text in ipairs { "", "a", "=b", "a=", "a=b:", "a=b:x", "a=b:65536", "a=b c" } do
      local rule, err <const> = redirect.parse(text)
      assert.is_nil(rule, text)
      assert.truthy(tostring(err):find("HOST=ADDR", 1, true))
    end
  end)

  it("compares names without case, and the last rule wins", function()
    local rules <const> = {
      { host = "Echo.example", addr = "192.0.2.1", port = 7 },
      { host = "echo.EXAMPLE", addr = "192.0.2.2" },
    }
    assert.same({ "192.0.2.2", 99 }, { redirect.find(rules, "echo.example", 99) })
    assert.same({ "other", 1 }, { redirect.find(rules, "other", 1) })
  end)
end)
