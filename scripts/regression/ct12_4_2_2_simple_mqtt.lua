-- SPDX-License-Identifier: MIT
--
-- DX-CT12 manual, 4.2.2: simple pairing, MQTT, single messages, step by step.
-- The teardown goes back to normal mode.
--
--     attest run scripts/regression/ct12_4_2_2_simple_mqtt.lua --port /dev/ttyUSB0
--     attest run scripts/regression/ct12_4_2_2_simple_mqtt.lua --sim ct12 \
--       --map broker.emqx.io=127.0.0.1:1883

local attest <const> = require "attest"
local inbox <const> = require "inbox"
local restart <const> = require "restart"

local plan <const> = attest.plan {
  name = "ct12-4.2.2-simple-mqtt", version = "1.0", module = "ct12",
}

plan:setup({ timeout = 150 }, function(t)
  t.dut:ready()
  t.dut:registered()
end)

plan:phase("simple mode with MQTT", { timeout = 240 }, function(t)
  local dut <const> = t.dut
  -- 1.
  restart.by(t, "AT+SIMPLEMODE=2,1")
  local mode <const> = dut:simplemode()
  t:measure("mode", ("%d,%d"):format(mode.mode, mode.stata)):equals("2,1")

  local connected <close> = inbox.new(dut, "MQTTCONNECT")
  local gone <close> = inbox.new(dut, "MQTTDISCONNECT")
  local messages <close> = inbox.new(dut, "+QMTRECV")

  -- 2. and 3.
  dut:at([[AT+QMTCFG="CT11","MQTT1","123456",0,1,QQQ,123456]])
  dut:at([[AT+QMTCONNCFG="broker.emqx.io",1883,1]])
  connected:next(30)

  -- 4. and 5.
  dut:at([[AT+QMTSUB="TTT",0]])
  dut:at([[AT+QMTPUB="TTT",0,0,"1234567890"]])
  t:measure("message", messages:next().payload):equals("1234567890")

  -- 6.
  dut:at("AT+QMTDISC")
  gone:next(10)
  t:measure("state at the end", dut:qmtstatu().statu):equals(0)
end)

plan:teardown({ timeout = 150 }, function(t)
  restart.by(t, "AT+SIMPLEMODE=0,0")
end)

return plan
