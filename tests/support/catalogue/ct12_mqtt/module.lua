--- ct12 with chapters 6.5 and 6.6, for tests of the catalogue while the simulated module lacks them.
--
-- SPDX-License-Identifier: MIT
-- luacheck: read globals both int str

return {
  extends  = "ct12",
  families = { "ct12/simple", "ct12/mqtt" },
  urcs     = {
    { name = "MQTTCONNECT", match = { "MQTTCONNECT" },
      doc = both("The MQTT connection is open.", "MQTT 连接成功") },
    { name = "MQTTDISCONNECT", match = { "MQTTDISCONNECT" },
      doc = both("The MQTT connection has ended.", "MQTT 连接已断开") },
    -- The manual documents no received message at all.
    { name = "+QMTRECV", prefix = "+QMTRECV:", invented = true,
      fields = {
        { "topic", str { max = 256 }, both("topic", "主题"), commas = true },
        { "length", int(0, 65535), both("bytes that follow", "随后数据的字节数") },
      },
      payload = { length = "length" },
      doc = both("A message of a subscribed topic; its bytes follow.", "收到订阅的消息") },
  },
  profile  = {
    mqtt = { commands = "qmt", connected = "MQTTCONNECT", lost = "MQTTDISCONNECT",
             received = "+QMTRECV", subscriptions = 50 },
  },
}
