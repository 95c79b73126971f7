-- SPDX-License-Identifier: MIT
--
-- ML302 MQTT manual, 3.4: a server that does not answer any more. Three pings
-- without an answer, three attempts to connect again, then the module stops.
-- A disconnection by command is not followed by attempts.
--
--     attest run scripts/regression/ml302_3_4_lost_server.lua --port /dev/ttyUSB0
--     attest run scripts/regression/ml302_3_4_lost_server.lua --sim ml302 \
--       --map 183.230.40.39=127.0.0.1:1883 --set reconnect=1
--
-- When "the server falls silent" begins, somebody freezes the server or pulls
-- its cable (its process can be stopped with SIGSTOP), within -D patience=S.

local attest <const> = require "attest"
local inbox <const> = require "inbox"

local plan <const> = attest.plan {
  name = "ml302-3.4-lost-server", version = "1.0", module = "ml302",
  params = {
    keepalive = 10,   -- seconds
    ack = 10,         -- seconds until the module misses an answer; the module's default is 10
    patience = 120,   -- seconds until the server is silent, and the module notices
    attempts = 120,   -- seconds for all attempts to connect again
  },
}

plan:setup({ timeout = 150 }, function(t)
  t.dut:ready()
  t.dut:registered()
end)

local function connect(t)
  t.dut:at(([[AT+MQTTCFG="183.230.40.39",6002,"4069959",%d,"75829",]]):format(t.params.keepalive)
    .. [["IIOu0oFUg1guk20ornTK1uzAcnM=",1]])
  t.dut:at([[AT+MQTTOPEN=1,1,1,1,1,"mywill","001bye"]])
  t.dut:at("AT+MQTTREC=1")
  t.dut:at("AT+MQTTTO=" .. t.params.ack)
end

plan:phase("a disconnection by command is final", { timeout = 60 }, function(t)
  connect(t)
  local attempts <close> = inbox.new(t.dut, "+MQTTREC")
  t.dut:at("AT+MQTTDISC")
  t:sleep(3)
  t:measure("attempts to connect again", attempts:count()):equals(0)
end)

plan:phase("the server answers pings", { timeout = 120 }, function(t)
  connect(t)
  t.dut:at("AT+MQTTPING=1")
  local pings <close> = inbox.new(t.dut, "+MQTTPINGRSP")
  for _ = 1, 2 do
    pings:next(t.params.keepalive * 2)
  end
  t:measure("connected", t.dut:mqttstat().connected):is_true()
end)

plan:phase("the server falls silent", { timeout = 600 }, function(t)
  local timeouts <close> = inbox.new(t.dut, "+MQTTTO")
  local attempts <close> = inbox.new(t.dut, "+MQTTREC")
  local gone <close> = inbox.new(t.dut, "+MQTTDISC")

  local PING <const> = 5
  for i = 1, 3 do
    t:measure("timeout " .. i, timeouts:next(t.params.patience).type):equals(PING)
  end
  for i = 0, 2 do
    t:measure("attempt " .. i, attempts:next(t.params.attempts).attempt):equals(i)
  end
  gone:next(t.params.attempts)
  t:measure("connected", t.dut:mqttstat().connected):equals(false)
end)

plan:teardown(function(t)
  t.dut.try:at("AT+MQTTDISC")
  t.dut.try:at("AT+MQTTDEL")
end)

return plan
