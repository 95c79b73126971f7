-- SPDX-License-Identifier: MIT
--
-- DX-CT12 manual, 4.1.3: MQTT, step by step.
--
--     attest run scripts/regression/ct12_4_1_3_mqtt.lua --port /dev/ttyUSB0
--     attest run scripts/regression/ct12_4_1_3_mqtt.lua --sim ct12 \
--       --map broker.emqx.io=127.0.0.1:1883
--
-- Step 5 names +++ and ATO, too, which leave and enter its data mode. Outside of
-- the continuous mode (4.2.3) the module takes as many bytes as it was told and
-- leaves by itself, so there is nothing to leave and nothing to enter again.

local attest <const> = require "attest"
local inbox <const> = require "inbox"

local plan <const> = attest.plan { name = "ct12-4.1.3-mqtt", version = "1.0", module = "ct12" }

plan:setup({ timeout = 150 }, function(t)
  t.dut:ready()
  t.dut:registered()
end)

plan:phase("MQTT", { timeout = 120 }, function(t)
  local dut <const> = t.dut
  local connected <close> = inbox.new(dut, "MQTTCONNECT")
  local gone <close> = inbox.new(dut, "MQTTDISCONNECT")
  local messages <close> = inbox.new(dut, "+QMTRECV")

  -- 1. and 2. Once the server is known the module connects.
  dut:at([[AT+QMTCFG="0566542kkscmkks1"]])
  dut:at([[AT+QMTCONNCFG="broker.emqx.io",1883,0]])
  connected:next(30)
  t:measure("state", dut:qmtstatu().statu):equals(1)

  -- 3.
  dut:at([[AT+QMTSUB="TTT",0]])

  -- 4.
  dut:at([[AT+QMTPUB="TTT",0,0,"12345678"]])
  local short <const> = messages:next()
  t:measure("topic", short.topic):equals("TTT")
  t:measure("message", short.payload):equals("12345678")

  -- 5.
  dut:at([[AT+QMTPUB="TTT",0,0,1]], { payload = "1" })
  t:measure("long message", messages:next().payload):equals("1")

  -- 6. From now on the module gets no message.
  dut:at([[AT+QMTUNSUB="TTT"]])
  dut:at([[AT+QMTPUB="TTT",0,0,"12345678"]])
  t:sleep(1)
  t:measure("messages after unsubscribing", messages:count()):equals(0)

  -- 7.
  dut:at("AT+QMTDISC")
  gone:next(10)
  t:measure("state at the end", dut:qmtstatu().statu):equals(0)
end)

plan:teardown(function(t)
  t.dut.try:at("AT+QMTDISC")
end)

return plan
