-- SPDX-License-Identifier: MIT
--
-- Bug: a state file with a number that is too large, such as 1e987, was read as
-- infinity; to write it again raised a Lua error out of sim.new(), since JSON
-- has no infinity. Such a number is refused, and the file with it.

local json <const> = require "attest.json"
local script_file <const> = require "tests.support.script_file"
local sim <const> = require "attest.sim"

describe("a number that no float can hold", function()
  it("is refused in JSON", function()
    local value <const>, why <const> = json.decode "[1,\n-1e987]"
    assert.is_nil(value)
    assert.equal("line 2: a number is too large", why)
    assert.equal(1e300, json.decode "1e300")
  end)

  it("makes a state file damaged", function()
    local files <close> = script_file.new()
    local path <const> = files:write("dut.flash",
      '{"format":"attest/flash/1","module":"ct12","values":{"imei":1e987}}')
    local module <const>, err <const> = sim.new { module = "ct12", state = path }
    assert.is_nil(module)
    assert.equal("io", err.code)
    assert.matches("is not the state of a simulated module", err.message)
  end)
end)
