--- Shapes that the byte vectors need: ct12, ml302 and 27.007 in one module.
--
-- SPDX-License-Identifier: MIT
-- luacheck: read globals both int str word

local flag <const> = int(0, 1)
local none <const> = both("-", "-")

return {
  extends  = "ct12",
  title    = both("All shapes of the vectors", "向量所需的全部格式"),
  families = { "shapes" },
  errors   = {
    [603] = both("connecting to the MQTT server failed", "连接 MQTT 服务器失败"),
  },
  urcs = {
    { name = "RING", match = { "RING" }, doc = none },
    { name = "MQTTCONNECT", match = { "MQTTCONNECT" }, doc = none },
    { name = "MQTTDISCONNECT", match = { "MQTTDISCONNECT" }, doc = none },
    { name = "+MQTTPUBLISH", prefix = "+MQTTPUBLISH:", doc = none,
      fields = {
        { "dup", flag, none }, { "qos", int(0, 2), none }, { "retained", flag, none },
        { "packet_id", int(0, 65535), none }, { "topic", str { max = 512 }, none },
        { "length", int(0, 65535), none },
      },
      payload = { length = "length" } },
  },
}
