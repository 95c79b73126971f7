-- SPDX-License-Identifier: MIT
--
-- A simulated ML302 and a scripted broker at 192.0.2.1:1883, which is also
-- "broker.test", on the virtual clock; the client is tests/support/bare_client
-- with `net` and `broker` in it. Its calls wait.

local assert <const> = require "luassert"
local bare_client <const> = require "tests.support.bare_client"
local fake_net <const> = require "tests.support.fake_net"
local mqtt_peer <const> = require "tests.support.mqtt_peer"

local ml302_bench = {}

ml302_bench.OPEN = 'AT+MQTTOPEN=1,1,0,0,0,"",""'
ml302_bench.CONFIG = 'AT+MQTTCFG="broker.test",1883,"dut",60,"u","p",1'

--- Starts one that has booted and found its network.
-- @tparam[opt] table options of tests.support.bare_client
-- @treturn client
function ml302_bench.started(options)
  local given <const> = { module = "ml302", net = fake_net.new() }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  local net <const> = given.net
  local broker <const> = mqtt_peer.new(net)
  net.names["broker.test"] = "192.0.2.1"
  net.servers["192.0.2.1:1883"] = broker.serve
  local client <const> = bare_client.start(given)
  client.net, client.broker = net, broker
  client:listen(2)
  return client
end

--- Starts one that is connected to the broker; what the broker got is gone.
-- @tparam[opt] table options of tests.support.bare_client; `config` instead of CONFIG
-- @treturn client
function ml302_bench.opened(options)
  local given <const> = {}
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  local config <const> = given.config or ml302_bench.CONFIG
  given.config = nil
  local client <const> = ml302_bench.started(given)
  assert(client:ask(config):find("\r\nOK\r\n", 1, true), "not configured")
  assert(client:ask(ml302_bench.OPEN):find("\r\nOK\r\n", 1, true), "not connected")
  client.broker:take()
  return client
end

--- Checks commands and the lines that each must get.
-- @tparam client client
-- @tparam table list of `{ command, line... }`
-- @tparam[opt=1] number seconds to listen after each
function ml302_bench.facts(client, list, seconds)
  for _, fact in ipairs(list) do
    local command <const> = table.remove(fact, 1)
    assert.same(fact, client:lines(command, seconds), command)
  end
end

--- Listens and tells what came as lines.
-- @treturn table list
function ml302_bench.listen(client, seconds)
  local list <const> = {}
  for line in client:listen(seconds):gmatch("[^\r\n]+") do
    list[#list + 1] = line
  end
  return list
end

return ml302_bench
