-- SPDX-License-Identifier: MIT
--
-- Opens and closes a PTY with a client, a pair, and a DUT on a simulated
-- module, each so many times; nothing is left and nothing grows.
--
--     attest lua tests/endurance/cycles.lua [COUNT]

local here <const> = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../../?.lua;" .. package.path

local attest <const> = require "attest"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local flat <const> = require "tests.support.flat"
local sim <const> = require "attest.sim"

local COUNT <const> = flat.count(100000, 2000)

local kinds <const> = {}

function kinds.pty()
  local module <close> = assert(core.pty {})
  local host <close> = assert(core.open(module:path()))
  module:listen(function() end)
  assert(host:write("AT\r\n"))
end

function kinds.pair()
  local host <const>, module <const> = core.pair(8)
  module:listen(function() end)
  assert(host:write("AT\r\n"))
  host:close()
  module:close()
end

function kinds.dut()
  local ours <const>, theirs <const> = core.pair()
  local module <close> = assert(sim.new { module = "ct12", net = fake_net.new() })
  module:serve(theirs)
  local dut <close> = assert(attest.attach(ours, { module = "ct12" }))
  dut:on("RDY", function() end)
end

local function run(name)
  local watch <const> = flat.new(name, COUNT)
  for _ = 1, COUNT do
    kinds[name]()
    core.sleep(0)
    watch:step()
  end
  return watch:finish()
end

attest.run(function()
  flat.exit { run "pty", run "pair", run "dut" }
end)
