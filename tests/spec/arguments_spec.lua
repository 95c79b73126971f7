-- SPDX-License-Identifier: MIT
-- What a script gives wrongly is refused by name, at its own line, and nothing
-- is sent.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

--- Opens link 3 by hand: no simulated module, so that every byte is seen.
local function linked(b)
  local call <const> = b:run(function()
    return b.dut.try:socket { host = "192.0.2.1", port = 7 }
  end)
  b:answer('AT+QIOPEN="TCP","192.0.2.1",7,0,0', "CONNECT,ID:3")
  return b:result(call)
end

--- Each call with what its refusal says.
local function calls(dut, link, mqtt)
  return {
    { function() dut:on() end, "on: got a nil and a nil, expected a name and a function" },
    { function() dut:on("RDY") end, "on: got a string and a nil" },
    { function() dut:observe(1) end, "observe: got a number, expected a function" },
    { function() dut:await() end, "await: the name is a nil, expected a string" },
    { function() dut:await("RDY", { timeout = 0 }) end, "await: timeout is 0, expected seconds" },
    { function() dut:at(5) end, "at: a command is a string, got a number" },
    { function() dut:at("AT", { payload = 5 }) end, "at: payload is a number" },
    { function() dut:at("AT", { time = 5 }) end, 'at: unknown option "time"' },
    { function() dut:creg({ n = 1 }, 5) end, "creg: options are a number, expected a table" },
    { function() dut:creg(nil, { timeout = {} }) end, "creg: timeout is a table, expected" },
    { function() dut:ready { timeout = "5" } end, 'ready: timeout is "5", expected' },
    { function() dut:registered(1) end, "registered: options are a number, expected a table" },
    { function() dut:socket() end, "socket: options are a nil, expected a table" },
    { function() dut:socket { hots = "x" } end, 'socket: unknown option "hots"' },
    { function() dut:socket { host = "x", port = 7, max_unread = 0 } end,
      "socket: max_unread is 0, expected a number of bytes" },
    { function() link:send(5) end, "socket: a number cannot be sent" },
    { function() link:receive(1, { time = 1 }) end, 'socket: unknown option "time"' },
    { function() link:receive { timeout = -1 } end, "socket: timeout is %-1, expected" },
    { function() dut:passthrough(5) end, "passthrough: options are a number, expected a table" },
    { function() dut:passthrough { running = true, host = "x" } end, 'unknown option "host"' },
    { function() dut:mqtt(5) end, "mqtt: options are a number, expected a table" },
    { function() dut:mqtt { host = 5 } end, "mqtt: host is a number, expected a string" },
    { function() dut:mqtt { host = "x", will = { qos = "1" } } end, "mqtt will: qos is a string" },
    { function() mqtt:connect(5) end, "mqtt: options are a number, expected a table" },
    { function() mqtt:publish("t", "x", { qos = "1" }) end, "publish: qos is a string" },
    { function() mqtt:receive { timeout = "1" } end, 'receive: timeout is "1"' },
  }
end

describe("a wrong argument", function()
  it("is named, with what it is and what was expected, at the script's line", async(function()
    local b <close> = bench.new()
    local link <const> = linked(b)
    b:sent()
    for _, each in ipairs(calls(b.dut, link, b.dut:mqtt())) do
      local _, err <const> = pcall(each[1])
      assert.matches("arguments_spec.lua:%d+: .*" .. each[2], tostring(err))
    end
    assert.equal("", b:sent())
  end))

  it("of attest.open is named", function()
    for _, each in ipairs {
      { {}, "open: the path is a nil, expected a string" },
      { { 5 }, "open: the path is a number" },
      { { "sim:ct12", 5 }, "open: options are a number, expected a table" },
    } do
      local dut <const>, err <const> = attest.try_open(table.unpack(each[1]))
      assert.is_nil(dut)
      assert.equal("invalid", err.code)
      assert.matches(each[2], err.message)
      assert.error_matches(function() attest.open(table.unpack(each[1])) end, each[2])
    end
  end)
end)
