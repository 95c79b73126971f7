-- SPDX-License-Identifier: MIT
--
-- A simulated ct12 beside a scripted MQTT broker at 192.0.2.1:1883, both in
-- the process, and a client without echo. Its functions wait.

local assert <const> = require "luassert"
local bare_client <const> = require "tests.support.bare_client"
local fake_net <const> = require "tests.support.fake_net"
local mqtt_peer <const> = require "tests.support.mqtt_peer"

local ct12_mqtt = {}

--- Commands that connect, without and with the reconnect flag.
ct12_mqtt.CONNECT = 'AT+QMTCONNCFG="192.0.2.1",1883,0'
ct12_mqtt.CONNECT_AGAIN = 'AT+QMTCONNCFG="192.0.2.1",1883,1'

--- Starts a module.
-- @tparam[opt] table options of bare_client.start()
-- @treturn client
-- @treturn table broker, see tests/support/mqtt_peer.lua
-- @treturn table net, see tests/support/fake_net.lua
function ct12_mqtt.start(options)
  local net <const> = fake_net.new()
  local broker <const> = mqtt_peer.new(net)
  net.servers["192.0.2.1:1883"] = broker.serve
  options = options or {}
  options.net = net
  local client <const> = bare_client.started(options)
  client:ask("ATE0")
  return client, broker, net
end

--- Checks each command and the lines that it must get.
function ct12_mqtt.facts(client, list)
  for _, fact in ipairs(list) do
    local command <const> = table.remove(fact, 1)
    assert.same(fact, client:lines(command, 3), command)
  end
end

--- Starts a module and connects it; returns what start() does.
-- @tparam[opt=CONNECT] string command
-- @tparam[opt] table options
function ct12_mqtt.connected(command, options)
  local client <const>, broker <const>, net <const> = ct12_mqtt.start(options)
  ct12_mqtt.facts(client, {
    { 'AT+QMTCFG="dut"', "OK" },
    { command or ct12_mqtt.CONNECT, "OK", "MQTTCONNECT" },
  })
  broker:take()
  return client, broker, net
end

--- Takes the packets that the broker got of one type.
function ct12_mqtt.only(broker, kind)
  local found <const> = {}
  for _, packet in ipairs((broker:take())) do
    if packet.type == kind then
      found[#found + 1] = packet
    end
  end
  return found
end

return ct12_mqtt
