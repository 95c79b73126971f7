-- SPDX-License-Identifier: MIT
--
-- A module that sends anything, on the virtual clock: the command under way
-- ends in time, memory stays where it was, and the line is usable afterwards.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

-- How much of each form is sent, and how much of it may stay.
local FLOOD <const>, KEPT <const> = 2 << 20, 1 << 20
local CHUNK <const> = 64 << 10

-- A generator of its own: the same bytes in each run.
local function random_bytes(count)
  local state = 12345
  local bytes <const> = {}
  for i = 1, count do
    state = (state * 1103515245 + 12345) & 0x7fffffff
    bytes[i] = string.char((state >> 16) & 0xff)
  end
  return table.concat(bytes)
end

local function fill(text)
  return text:rep(CHUNK // #text + 1)
end

local FLOODS <const> = {
  ["random bytes"] = random_bytes(CHUNK),
  ["a line that never ends"] = ("x"):rep(CHUNK),
  ["URCs"] = fill("\r\n+CREG: 1\r\n"),
  ["prompts"] = fill(">"),
  ["prompts with blanks"] = fill("\r\n> "),
  ["line ends"] = fill("\r\n"),
  ["echoes"] = fill("AT+CSQ\r\n"),
  ["half echoes"] = fill("AT+CS"),
  ["a number that never ends"] = "\r\n+CSQ: " .. ("9"):rep(CHUNK),
  ["fields"] = "\r\n+CSQ: " .. ("1,"):rep(CHUNK // 2),
  ["open quotes"] = fill('\r\n+CSQ: "'),
  ["announced payloads"] = fill("\r\n+QIRD: 3,4096,"),
  ["broken UTF-8"] = fill("\xC3\x28\xF0\x28\x8C\xBC\xFF\r\n"),
  ["terminal sequences"] = fill("\27[2J\27]52;c;QUJD\7\x9B2J\u{9B}2J\u{202E}\r"),
  ["NULs"] = ("\0"):rep(CHUNK),
}

local function kilobytes()
  collectgarbage()
  collectgarbage()
  return collectgarbage("count")
end

local function flood(b, chunk)
  for _ = 1, FLOOD // #chunk do
    b.module:write(chunk)
    core.sleep(0.001)
  end
end

local function alive(b)
  core.sleep(60) -- whatever was announced is given up
  for _ = 1, 3 do
    b:say("\r\n")
    local call <const> = b:start("AT", { timeout = 2 })
    b:say("\r\nOK\r\n")
    if b:result(call) then
      return true
    end
  end
  return false
end

describe("a hostile module that sends", function()
  for name, chunk in pairs(FLOODS) do
    it(name .. " ends a command in time and takes no memory", async(function()
      local b <close> = bench.new()
      local before <const> = kilobytes()
      local began <const> = core.now()
      local call <const> = b:start("AT+CSQ", { timeout = 1 })
      flood(b, chunk)
      b:result(call)
      assert.is_true(core.now() - began < 60)
      b.bytes, b.events = "", {}
      local grown <const> = (kilobytes() - before) * 1024
      assert.is_true(grown < KEPT, ("%d bytes more"):format(grown))
      assert.is_true(alive(b), "the line is dead")
    end))
  end
end)

-- Every numeric field of an answer, and the values that it must not become.
describe("a number of 10000 digits", function()
  local DIGITS <const> = ("9"):rep(10000)

  for _, case in ipairs {
    { "csq", "AT+CSQ", "+CSQ: %s,99" }, { "csq", "AT+CSQ", "+CSQ: 1,%s" },
    { "csq", "AT+CSQ", "+CSQ: -%s,99" }, { "creg", "AT+CREG?", "+CREG: 0,%s" },
  } do
    it("in " .. case[3] .. " is a protocol error, not a value", async(function()
      local b <close> = bench.new()
      local call <const> = b:run(function() return b.dut.try[case[1]](b.dut.try) end)
      b:answer(case[2], case[3]:format(DIGITS), "OK")
      local answer <const>, err <const> = b:result(call)
      assert.is_nil(answer)
      assert.equal("protocol", err.code)
      assert.is_true(#tostring(err) < 1000, "a message of " .. #tostring(err) .. " bytes")
    end))
  end

  it("in a code of an error is told short", async(function()
    local b <close> = bench.new()
    local call <const> = b:start("AT+CSQ")
    b:answer("AT+CSQ", "ERROR=" .. DIGITS)
    local answer <const>, err <const> = b:result(call)
    assert.is_nil(answer)
    assert.is_true(#tostring(err) < 1000, "a message of " .. #tostring(err) .. " bytes")
  end))
end)

describe("a million fields", function()
  it("are a protocol error, soon", async(function()
    local b <close> = bench.new()
    local call <const> = b:run(function() return b.dut.try:csq() end)
    local began <const> = os.clock()
    b:answer("AT+CSQ", "+CSQ: " .. ("1,"):rep(1000000), "OK")
    local answer <const>, err <const> = b:result(call)
    assert.is_nil(answer)
    assert.is_true(#tostring(err) < 1000, "a message of " .. #tostring(err) .. " bytes")
    assert.is_true(os.clock() - began < 5)
  end))
end)
