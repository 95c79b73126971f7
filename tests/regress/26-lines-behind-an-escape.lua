-- SPDX-License-Identifier: MIT
--
-- A module keeps its URCs back in passthrough and prints them right behind
-- the OK of the escape. OK and URC were then handed out as data.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local direct_bench <const> = require "tests.support.direct_bench"

core.virtual()

local function heard_of(b)
  local heard <const> = {}
  for _, name in ipairs { "+CREG", "+QIRD" } do
    b.dut:on(name, function(fields) heard[#heard + 1] = fields.payload or fields.stat end)
  end
  return heard
end

describe("What a module says behind an escape's OK", function()
  it("are lines, and what stood before it is data", async(function()
    local b <close>, link <const> = direct_bench.new()
    local heard <const> = heard_of(b)
    assert.is_true(direct_bench.escape(b, link, "data\r\nOK\r\n\r\n+CREG:1\r\n",
      "\r\n+CREG:5\r\n\r\n+QIRD:4,6\r\n\r\nOK\r\n\r\n"))
    core.sleep(0.1)
    assert.same({ 5, "\r\nOK\r\n" }, heard)
    assert.equal("data\r\nOK\r\n\r\n+CREG:1\r\n", link:read(link.received.size))
  end))

  it("may come around the answer to AT, too", async(function()
    local b <close>, link <const> = direct_bench.new()
    local heard <const> = heard_of(b)
    local call <const> = b:run(function() return link.try:command_mode() end)
    direct_bench.take_pluses(b, "data")
    b:say("\r\nOK\r\n")
    core.sleep(0.1)
    assert.equal("AT\r\n", b:sent())
    b:say("\r\n+CREG:1\r\nAT\r\n\r\n+CREG:2\r\n\r\nOK\r\n\r\n+CREG:5\r\n")
    assert.is_true(b:result(call))
    core.sleep(0.1)
    assert.same({ 1, 2, 5 }, heard)
    assert.equal("data", link:read(link.received.size))
  end))
end)
