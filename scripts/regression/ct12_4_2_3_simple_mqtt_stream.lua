-- SPDX-License-Identifier: MIT
--
-- DX-CT12 manual, 4.2.3: simple pairing, MQTT, continuous messages, step by
-- step. After the prompt whatever is sent is published, until +++; ATO goes on.
-- The teardown goes back to normal mode.
--
--     attest run scripts/regression/ct12_4_2_3_simple_mqtt_stream.lua --port /dev/ttyUSB0
--     attest run scripts/regression/ct12_4_2_3_simple_mqtt_stream.lua --sim ct12 \
--       --map broker.emqx.io=127.0.0.1:1883
--
-- The module is subscribed to what it publishes, and prints what it gets in
-- the middle of the data mode: there it is read as data.

local attest <const> = require "attest"
local inbox <const> = require "inbox"
local restart <const> = require "restart"

local plan <const> = attest.plan {
  name = "ct12-4.2.3-simple-mqtt-stream", version = "1.0", module = "ct12",
}

plan:setup({ timeout = 150 }, function(t)
  t.dut:ready()
  t.dut:registered()
end)

-- Waits until the module has printed a message of the topic.
local function printed(heard, message, timeout)
  local deadline <const> = attest.now() + timeout
  local wanted <const> = ([[+QMTRECV:"TTT",%d,%s]]):format(#message, message)
  while not table.concat(heard):find(wanted, 1, true) do
    if attest.now() >= deadline then
      return false
    end
    attest.sleep(0.02)
  end
  return true
end

plan:phase("simple mode with a stream of messages", { timeout = 240 }, function(t)
  local dut <const> = t.dut
  -- 1.
  restart.by(t, "AT+SIMPLEMODE=2,2")
  local mode <const> = dut:simplemode()
  t:measure("mode", ("%d,%d"):format(mode.mode, mode.stata)):equals("2,2")

  local connected <close> = inbox.new(dut, "MQTTCONNECT")
  local gone <close> = inbox.new(dut, "MQTTDISCONNECT")
  local heard <const> = {}
  dut:observe(function(event, bytes)
    if event == "data" then
      heard[#heard + 1] = bytes
    end
  end)

  -- 2. and 3.
  dut:at([[AT+QMTCFG="CT11","MQTT1","123456",0,1,QQQ,123456]])
  dut:at([[AT+QMTCONNCFG="broker.emqx.io",1883,1]])
  connected:next(30)

  -- 4.
  dut:at([[AT+QMTSUB="TTT",0]])

  -- 5. What the prompt asks for is the first message of many.
  -- AT+QMTPUBEX="TTT",0,0,1
  dut:qmtpubex { topic = "TTT", qos = 0, retain = 0, payload = "1" }
  dut.dialog:enter_data()
  dut.dialog:write("two")
  t:measure("a message of the stream", printed(heard, "two", 10)):is_true()
  dut:at("+++")
  t:measure("command mode", dut:at("AT").final):equals("OK")
  dut:at("ATO")
  dut.dialog:write("three")
  t:measure("a message after ATO", printed(heard, "three", 10)):is_true()
  dut:at("+++")

  -- 6.
  dut:at("AT+QMTDISC")
  gone:next(10)
  t:measure("state at the end", dut:qmtstatu().statu):equals(0)
end)

plan:teardown({ timeout = 150 }, function(t)
  if t.dut.dialog.is_data then
    t.dut:at("+++")
  end
  restart.by(t, "AT+SIMPLEMODE=0,0")
end)

return plan
