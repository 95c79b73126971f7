-- SPDX-License-Identifier: MIT
--
-- AT+RESTORE takes a ct12 that was set to another rate back to 115200 (6.1.6,
-- 6.1.8). The host stayed behind: the call waited 70 s for an RDY that it could
-- not read, and nothing was understood after it.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local core <const> = require "attest.core"

core.virtual()

describe("AT+RESTORE at another rate", function()
  local function restored(call)
    local dut <close> = attest.open "sim:ct12"
    dut:ready()
    dut:ipr { baudrate = 9600 }
    call(dut)
    dut:ready { timeout = 5 }
    assert.equal(115200, dut.port:baud())
    assert.equal(115200, dut:ipr().baudrate)
  end

  it("takes the host along", async(function()
    restored(function(dut) dut:restore() end)
  end))

  it("takes the host along when it is sent raw", async(function()
    restored(function(dut) dut:at "AT+RESTORE" end)
  end))
end)
