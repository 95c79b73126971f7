-- SPDX-License-Identifier: MIT
--
-- ML302 MQTT manual, 3.1 to 3.3: configure, connect, subscribe, publish,
-- unsubscribe, disconnect and release, step by step as it is printed there.
--
--     attest run scripts/regression/ml302_3_mqtt.lua --port /dev/ttyUSB0
--     attest run scripts/regression/ml302_3_mqtt.lua --sim ml302 \
--       --map 183.230.40.39=127.0.0.1:1883
--
-- Packet numbers are the module's affair: they are not compared.

local attest <const> = require "attest"
local inbox <const> = require "inbox"

local plan <const> = attest.plan { name = "ml302-3-mqtt", version = "1.0", module = "ml302" }

plan:setup({ timeout = 150 }, function(t)
  t.dut:ready()
  t.dut:registered()
end)

plan:phase("3.1 configure the client", { timeout = 30 }, function(t)
  t.dut:at([[AT+MQTTCFG="183.230.40.39",6002,"4069959",10,"75829",]]
    .. [["IIOu0oFUg1guk20ornTK1uzAcnM=",1]])
  local config <const> = t.dut:mqttcfg()
  t:measure("server", ("%s:%d"):format(config.host, config.port)):equals("183.230.40.39:6002")
  t:measure("client", config.id):equals("4069959")
end)

-- Publishes with QoS 1; the broker's PUBACK comes before or after the OK.
local function publish(t, command)
  local acknowledged <close> = inbox.new(t.dut, "+MQTTPUBACK")
  local answer <const> = t.dut:at(command)
  for _, line in ipairs(answer.lines) do
    if line:find("PUBACK", 1, true) then
      return
    end
  end
  acknowledged:next(10)
end

plan:phase("3.2 connect, subscribe, publish, unsubscribe", { timeout = 120 }, function(t)
  local dut <const> = t.dut
  local messages <close> = inbox.new(dut, "+MQTTPUBLISH")
  local function measure_message(name, payload)
    local message <const> = messages:next()
    t:measure(name, ("%s %s"):format(message.topic, message.payload)):equals("pyr " .. payload)
  end

  dut:at([[AT+MQTTOPEN=1,1,1,1,1,"mywill","001bye"]])
  t:measure("connected", dut:mqttstat().connected):is_true()
  dut:at([[AT+MQTTSUB="pyr",1]])

  publish(t, [[AT+MQTTPUB="dev/gsm/u",1,0,0,"abc"]])
  publish(t, [[AT+MQTTPUB="pyr",1,0,0,"abc"]])
  measure_message("first message", "abc")
  publish(t, [[AT+MQTTPUB="pyr",1,0,0,"abcdef"]])
  measure_message("second message", "abcdef")

  dut:at([[AT+MQTTUNSUB="pyr"]])
  publish(t, [[AT+MQTTPUB="pyr",1,0,0,"abcdef"]])
  t:sleep(1)
  t:measure("messages after unsubscribing", messages:count()):equals(0)
end)

plan:phase("3.3 disconnect and release", { timeout = 30 }, function(t)
  t.dut:at("AT+MQTTDISC")
  t:measure("connected", t.dut:mqttstat().connected):equals(false)
  t.dut:at("AT+MQTTDEL")
  t:measure("configured", t.dut:mqttcfg().configured):equals(false)
end)

plan:teardown(function(t)
  t.dut.try:at("AT+MQTTDISC")
  t.dut.try:at("AT+MQTTDEL")
end)

return plan
