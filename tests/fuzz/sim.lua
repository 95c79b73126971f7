-- SPDX-License-Identifier: MIT
--
-- A simulated module at whose port anybody may write: the first byte says
-- which, then come chunks with pauses. It never fails, says a bounded amount,
-- and when it is left alone and escaped from its data it takes commands again.

local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local fuzz_input <const> = require "tests.support.fuzz_input"
local mqtt_peer <const> = require "tests.support.mqtt_peer"

core.virtual()

local MODULES <const> = { "ct12", "ml302" }
local PAUSES <const> = { 0, 0.01, 0.5, 1.1, 20 } -- seconds; 1.1 makes an escape
local LONGEST <const> = 400 -- seconds after which no command is under way

local failure
core.on_error(function(err, traceback)
  failure = failure or tostring(err) .. "\n" .. tostring(traceback)
end)

local function network()
  local net <const> = fake_net.new()
  local broker <const> = mqtt_peer.new(net)
  net.names["a"] = "192.0.2.1"
  net.servers["192.0.2.1:7"] = fake_net.echo
  net.servers["192.0.2.1:8"] = "black hole"
  net.servers["192.0.2.1:1883"] = broker.serve
  net.answers["192.0.2.1"] = { 1, nil, 3 }
  return net
end

-- What it has not finished ends by its own deadlines.
local function answers(client)
  core.sleep(LONGEST)
  client:send("+++")
  core.sleep(LONGEST)
  client:send("\27\r\n")
  core.sleep(LONGEST)
  client.port:set { baud = client.sim.machine.line.baud } -- AT+IPR may have changed it
  for _ = 1, 3 do
    if client:ask("AT", 2):find("OK\r\n", 1, true) then
      return true
    end
  end
  return false
end

local function run(input)
  local client <close> = bare_client.start {
    module = input:pick(MODULES), net = network(), chunk = 1000,
  }
  core.sleep(2)
  while not input:is_empty() do
    client:send(input:text(60))
    core.sleep(input:pick(PAUSES))
    assert(#client.bytes < 1000000, "it says too much")
  end
  assert(answers(client), "it does not answer any more")
end

return function(bytes)
  failure = nil
  local ok <const>, err <const>, traceback <const> =
    core.run(core.spawn(run, fuzz_input.new(bytes)))
  assert(ok, tostring(err) .. "\n" .. tostring(traceback))
  core.run(core.spawn(core.sleep, 0.1))
  assert(not failure, failure)
  local live <const> = core.live()
  assert(live.tasks == 0 and live.ports == 0 and live.timers == 0, "something is left")
end
