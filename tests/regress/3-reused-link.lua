-- SPDX-License-Identifier: MIT
-- A link that the module had closed kept its number: the next socket with that
-- number was dead on arrival, and a late close of the first took the second.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local sim <const> = require "attest.sim"

core.virtual()

describe("a socket whose link number was used before", function()
  it("is alive after a reboot, and the old one's close does not harm it", async(function()
    local net <const> = fake_net.new()
    net.servers["192.0.2.1:7"] = fake_net.echo
    local ours <const>, theirs <const> = core.pair()
    local module <const> = assert(sim.new { module = "ct12", net = net })
    module:serve(theirs)
    local dut <close> = assert(attest.attach(ours, { module = "ct12", simulated = module }))
    dut:ready()
    dut:registered()
    local old <const> = dut:socket { host = "192.0.2.1", port = 7 }
    dut:rst()
    dut:ready()
    dut:registered()
    local new <const> = dut:socket { host = "192.0.2.1", port = 7 }
    assert.equal(old.number, new.number)
    old:close()
    new:send("alive")
    assert.equal("alive", new:receive(5))
    new:close()
  end))
end)
