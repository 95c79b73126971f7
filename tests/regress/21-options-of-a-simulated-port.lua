-- SPDX-License-Identifier: MIT
--
-- Options of the port were dropped without a word where the path was that of a
-- simulated module: a module whose flash said 9600 could not be reached with
-- `baud = 9600`, and a wrong option was no error.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local core <const> = require "attest.core"

core.virtual()

describe("the port of a simulated module", function()
  it("has the rate and the format that were asked for", async(function()
    local dut <close> = attest.open("sim:ct12", { baud = 9600, data_bits = 7, parity = "even" })
    assert.same({ baud = 9600, data_bits = 7, parity = "even", stop_bits = 1 }, dut.port:format())
  end))

  it("refuses options that no port has", async(function()
    for _, options in ipairs {
      { baud = 0 }, { baud = "fast" }, { data_bits = 9 }, { dtr = "up" },
    } do
      assert.has_error(function() attest.open("sim:ct12", options) end)
    end
    core.sleep(1)
  end))
end)
