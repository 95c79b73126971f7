-- SPDX-License-Identifier: MIT
--
-- Recordings by command: each command line gets what followed it, in any order.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local core <const> = require "attest.core"
local recordings <const> = require "tests.support.recordings"
local script_file <const> = require "tests.support.script_file"

core.virtual()

describe("a replay by command", function()
  local CALLS <const> = [[
0 ! opened
0.5 < RDY\r\n
1 > AT\r
1.1 < AT\r\r\nOK\r\n
2 > AT+CSQ\r\n
2.1 < AT+CSQ\r\n+CSQ: 1,99\r\nOK\r\n
3 < +CREG: 1\r\n
4 > AT+CSQ\r\n
4.1 < AT+CSQ\r\n+CSQ: 2,99\r\nOK\r\n
5 > AT+SEND=2\r\n
5.1 < \r\n>
5.2 > h
5.3 > i
5.4 < SEND OK\r\n
6 > AT+PW=\m{3}\r\n
6.1 < AT+PW=\m{3}\r\nOK\r\n
]]

  local function opened(files, text)
    local client <const>, far <const> = recordings.client(files, text or CALLS, "?mode=command")
    return client, far
  end

  it("answers in any order, each time as recorded, at the end the last again", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files)
    assert.equal("RDY\r\n", client:listen(0.6))
    assert.equal("AT+CSQ\r\n+CSQ: 1,99\r\nOK\r\n+CREG: 1\r\n", client:ask("AT+CSQ", 1.5))
    assert.equal("AT\r\r\nOK\r\n", client:ask("AT"))
    for _ = 1, 2 do
      assert.equal("AT+CSQ\r\n+CSQ: 2,99\r\nOK\r\n", client:ask("AT+CSQ"))
    end
    assert.equal("AT\r\r\nOK\r\n", client:ask("AT"))
  end))

  it("answers ERROR to what was not recorded, with an echo if there was one", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files)
    core.sleep(1)
    assert.equal("AT+NO\r\n\r\nERROR\r\n", client:ask("AT+NO"))
    local mute <close> = opened(files, "0 > AT\\r\n1 < OK\\r\\n\n")
    assert.equal("\r\nERROR\r\n", mute:ask("AT+NO"))
  end))

  it("takes a payload behind its prompt, whatever it holds", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files)
    core.sleep(1)
    assert.equal("\r\n>", client:ask("AT+SEND=2"))
    client:send "\r"
    assert.equal("", client:listen(1))
    client:send "XAT\r"
    assert.equal("SEND OK\r\nAT\r\r\nOK\r\n", client:listen(1))
  end))

  it("takes a payload up to its ^Z, however long it is", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files, "0 > AT+S\\r\n1 < >\n1 < \\r\\n> \n2 > abc\\x1a\n3 < OK\n")
    assert.equal(">\r\n> ", client:ask("AT+S", 1.1))
    client:send "much longer"
    assert.equal("", client:listen(2))
    client:send "\26"
    assert.equal("OK", client:listen(2))
  end))

  it("takes one payload after the other", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files,
      "0 > AT+S\\r\n1 < \\r\\n>\n2 > ab\n3 < \\r\\n>\n4 > cd\n5 < OK\n")
    assert.equal("\r\n>", client:ask("AT+S", 1.1))
    client:send "12"
    assert.equal("\r\n>", client:listen(1.1))
    client:send "3"
    assert.equal("", client:listen(2))
    client:send "4"
    assert.equal("OK", client:listen(1.1))
  end))

  it("takes any bytes for masked ones, as many", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files)
    core.sleep(1)
    assert.equal("AT+PW=abc\r\nOK\r\n", client:ask("AT+PW=abc"))
    assert.equal("AT+PW=xyz\r\nOK\r\n", client:ask("AT+PW=xyz"))
    assert.matches("ERROR", client:ask("AT+PW=long"))
  end))

  it("knows lines that were typed, and what has no line end", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files,
      "0 > A\n0 < A\n1 > T\n1 < T\n2 > \\r\n2 < \\r\\r\\nOK\n3 > +++\n4 < OK2\n5 > ATO\\r\n6 < X\n")
    assert.equal("AT\r\r\nOK", client:ask("AT"))
    client:send "+++"
    assert.equal("OK2", client:listen(1.1))
    assert.equal("X", client:ask("ATO", 1.1))
  end))

  it("hangs up behind the command after which the port went", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files, "0 > AT+OFF\\r\n1 < OK\n2 ! closed EIO: i/o error\n")
    assert.equal("OK", client:ask("AT+OFF", 1.5))
    assert.is_nil(client.is_closed)
    core.sleep(1)
    assert.is_true(client.is_closed)
  end))

  it("is a module to a script", async(function()
    local files <close> = script_file.new()
    local path <const> = files:write("calls.txt", recordings.text(CALLS))
    local dut <close> = attest.open("replay:" .. path .. "?mode=command")
    assert.equal(1, dut:csq().rssi)
    assert.equal("OK", dut:at("AT").final)
    assert.equal("rejected", select(2, dut.try:gmr()).code)
    assert.equal(2, dut:csq().rssi)
  end))

  it("answers a script by command", async(function()
    local dut <close> = attest.open("replay:" .. recordings.FIELD .. "?mode=command&speed=0")
    assert.equal("CT12_V1.0.1", dut:gmr().version)
    local socket <const> = dut:socket { host = "echo.example.net", port = 7 }
    socket:send("HE\0LO\26")
    assert.equal("he\0lo\26", socket:receive(6)) -- as recorded
    assert.equal("rejected", select(2, dut.try:creg()).code)
    assert.equal("860720087453595", dut:gsn().imei)
  end))
end)
