-- SPDX-License-Identifier: MIT
--- ML302, 4G module: families, error codes of the MQTT manual's 2.2, and lines that come unasked.
--
-- The manual covers MQTT only. What it leaves to the "ML302 AT command manual" (the boot words
-- among it) is marked invented here and can be replaced. The manual puts blanks into the names of
-- some lines ("+MQTT PUBREL"): each such spelling is read.
-- luacheck: read globals both int enum str word

local flag <const> = int(0, 1)
local packet <const> = int(0, 65535)
local dup <const> = { "dup", flag, both("sent again", "重发标志") }
local pack_id <const> = { "pack_id", packet, both("packet number", "包序号") }
local topic_doc <const> = both("topic", "主题")

return {
  title    = both("ML302 4G module", "ML302 4G 模组"),
  families = { "tgpp/basic", "mqtt" },

  errors = {
    [600] = both("the network is not active (no reconnect)", "未激活网络（不重连）"),
    [601] = both("a parameter of the AT command is not supported", "AT 输入的命令参数不支持"),
    [602] = both("there is a connection to the MQTT server already", "重复建立与 MQTT 服务器的连接"),
    [603] = both("connecting to the MQTT server failed", "连接 MQTT 服务器失败"),
    [604] = both("connecting to the MQTT server timed out", "连接 MQTT 服务器超时"),
    [605] = both("the server's ACK of a subscription could not be read", "订阅主题时解析服务器 ACK 出错"),
    [606] = both("this topic is subscribed already", "订阅已订阅主题"),
    [607] = both("an MQTT message of unknown type came (not supported yet)", "收到未知 MQTT 消息类型（暂未支持）"),
    [608] = both("publishing failed, or the answer to a message with QoS above 0 did",
                 "终端发布消息失败或者服务器下发 QOS>0 消息终端回复失败"),
    [609] = both("a PUBLISH packet could not be read", "PUBLISH 协议包解析错误"),
    [610] = both("a PUBREC packet could not be read", "PUBREC 协议包解析错误"),
    [611] = both("a PUBCOMP packet could not be read", "PUBCOMP 协议包解析错误"),
    [612] = both("a PUBACK could not be read", "PUBACK 解析错误"),
    [613] = both("an operation on the socket below MQTT failed", "承载 MQTT 连接的底层 SOCKET 操作失败"),
    [614] = both("user name and password were refused (no reconnect)", "用户名密码验证错误（此时不会重连）"),
    [615] = both("reconnecting to the MQTT server failed", "重连 MQTT 服务器失败"),
    [616] = both("waiting for the server's ACK timed out (not supported yet)", "等待服务器 ACK 响应超时（暂未支持）"),
    [617] = both("the server ended the connection (not supported yet)", "检测到服务器端主动断开（暂未支持）"),
    [618] = both("the ACK of an unsubscription could not be read", "取消订阅 ACK 解析错误"),
    [619] = both("a PUBREL packet could not be read", "PUBREL 协议包解析错误"),
    [620] = both("there is no connection to the MQTT server any more", "重复断开与 MQTT 服务器的连接"),
  },

  boot = { "RDY" },

  urcs = {
    { name = "RDY", match = { "RDY" }, invented = true,
      doc = both("The module has started and accepts commands.", "模块启动完成，可接收指令") },
    { name = "+CPIN", prefix = "+CPIN: ", literal = "READY", constants = { code = "READY", ready = true }, invented = true,
      doc = both("The SIM card is ready after a start.", "启动后 SIM 卡就绪") },
    -- Its answer has two bare numbers or more: a second column of a URC is text in quotes.
    { name = "+CREG", prefix = "+CREG: ",
      fields = {
        { "stat", int(0, 5), both("registration state", "注册状态") },
        { "area", str { strict = true }, both("area code", "区域码"), optional = true },
        { "more", word {}, both("cell and access technology", "小区和接入技术"), optional = true, rest = true },
      },
      derived = { { "registered", from = "stat", among = { 1, 5 } } },
      doc = both("The registration changed (after AT+CREG=1).", "网络注册状态变化通知（AT+CREG=1 启用后）") },

    { name = "+MQTTPUBLISH", prefix = "+MQTTPUBLISH: ",
      also = { "+MQTT PUBLISH:", "+ MQTTPUBLISH:", "+ MQTT PUBLISH:" },
      table = { bare = { "topic" } }, -- as older firmware prints it
      fields = {
        dup,
        { "qos", int(0, 2), both("quality of service", "消息的 qos 等级") },
        { "retained", flag, both("kept by the server for new subscribers", "服务器是否储存该消息") },
        pack_id,
        { "topic", str { max = 512 }, topic_doc, commas = true },
        { "msg_len", int(0, 65535), both("bytes that follow", "消息长度") },
      },
      payload = { length = "msg_len" },
      doc = both("A message of a subscribed topic; its bytes follow.", "收到订阅的消息") },
    { name = "+MQTTPUBREL", prefix = "+MQTT PUBREL: ", table = "+MQTTPUBREL: ",
      also = { "+MQTTPUBREL:", "+ MQTTPUBREL:", "+ MQTT PUBREL:" }, fields = { dup, pack_id },
      doc = both("A message with QoS 2 was released.", "QoS 2 消息已释放") },

    { name = "+MQTTPUBACK", prefix = "+MQTTPUBACK:", table = "+MQTTPUBACK: ",
      also = { "+MQTT PUBACK:", "+ MQTTPUBACK:", "+ MQTT PUBACK:" }, fields = { dup, pack_id },
      doc = both("The server has a message with QoS 1.", "服务器已收到 QoS 1 消息") },
    { name = "+MQTTPUBREC", prefix = "+MQTTPUBREC:", table = "+MQTTPUBREC: ",
      also = { "+MQTT PUBREC:", "+ MQTTPUBREC:", "+ MQTT PUBREC:" }, fields = { dup, pack_id },
      doc = both("The server has a message with QoS 2.", "服务器已收到 QoS 2 消息") },
    { name = "+MQTTPUBCOMP", prefix = "+MQTTPUBCOMP:",
      also = { "+MQTT PUBCOMP:", "+ MQTTPUBCOMP:", "+ MQTT PUBCOMP:" }, fields = { dup, pack_id },
      doc = both("A message with QoS 2 is delivered.", "QoS 2 消息发布完成") },
    { name = "+MQTTSUBACK", prefix = "+MQTTSUBACK:", table = "+MQTTSUBACK: ",
      also = { "+MQTT SUBACK:", "+ MQTTSUBACK:", "+ MQTT SUBACK:" },
      fields = {
        pack_id,
        { "code", int(0, 2, { [128] = both("refused", "订阅失败") }), both("granted quality of service", "qos") },
        { "topic", str { max = 512, bare = true }, topic_doc, rest = true },
      },
      derived = { { "accepted", from = "code", among = { 0, 1, 2 } } },
      doc = both("The server has judged a subscription.", "订阅响应") },
    { name = "+MQTTUNSUBACK", prefix = "+MQTT UNSUBACK:",
      also = { "+MQTTUNSUBACK:", "+ MQTTUNSUBACK:", "+ MQTT UNSUBACK:" },
      fields = { pack_id, { "topic", str { max = 512 }, topic_doc, rest = true } },
      doc = both("The server has ended a subscription.", "取消订阅响应") },

    { name = "+MQTTPINGRSP", prefix = "+MQTTPINGRSP: ", literal = "OK",
      also = { "+MQTTPINGRSP ", "+MQTT PINGRSP:", "+MQTT PINGRSP ", "+ MQTTPINGRSP:", "+ MQTT PINGRSP:", "+ MQTT PINGRSP ",
               "+MQTTPINGRESP:", "+MQTTPINGRESP ", "+MQTT PINGRESP:", "+MQTT PINGRESP ", "+ MQTTPINGRESP:", "+ MQTT PINGRESP:", "+ MQTT PINGRESP " },
      doc = both("The server answered a ping (after AT+MQTTPING=1).", "心跳响应回显（AT+MQTTPING 开启显示时）") },
    { name = "+MQTTTO", prefix = "+MQTTTO:", also = { "+MQTT TO:", "+ MQTTTO:", "+ MQTT TO:" },
      fields = {
        { "type", enum { [1] = both("connecting", "连接超时"), [2] = both("publishing", "发布响应超时"),
                         [3] = both("subscribing", "订阅响应超时"), [4] = both("unsubscribing", "取消订阅响应超时"),
                         [5] = both("ping", "ping 超时"), [6] = both("unknown", "未知类型") },
          both("what timed out", "超时类型") },
      },
      doc = both("The server's ACK did not come in time.", "在超时时间内未收到服务器 ACK") },
    { name = "+MQTTREC", prefix = "+MQTTREC:", also = { "+MQTT REC:", "+ MQTTREC:", "+ MQTT REC:" },
      fields = { { "attempt", int(0, 99), both("number of the attempt, from 0", "重连次数，从 0 开始") } },
      doc = both("The module tries to connect again.", "正在重连") },
    { name = "+MQTTOPEN", prefix = "+MQTTOPEN:", table = "+MQTTOPEN: ", literal = "OK",
      also = { "+MQTT OPEN:", "+ MQTTOPEN:", "+ MQTT OPEN:" },
      doc = both("The connection to the server is open.", "连接服务器成功") },
    { name = "+MQTTOPEN:FAIL", prefix = "+MQTTOPEN:", literal = "FAIL",
      also = { "+MQTT OPEN:", "+ MQTTOPEN:", "+ MQTT OPEN:" },
      doc = both("The connection to the server could not be opened.", "连接服务器失败") },
    { name = "+MQTTDISC", prefix = "+MQTTDISC: ", literal = "OK",
      also = { "+MQTT DISC:", "+ MQTTDISC:", "+ MQTT DISC:" },
      doc = both("The connection has ended: as commanded, or after the last attempt to reconnect.", "连接已断开：主动断开，或重连失败") },
  },

  profile = {
    echo = true, terminator = "\r\n", baud = 115200, data_bits = 8, parity = "none", stop_bits = 1,
    timeout = 5, quiet = 0.02, boot_word = "RDY", boot_timeout = 60, sim_word = "+CPIN",
    invented = { "echo", "baud", "boot_word", "boot_timeout", "sim_word" },
    identity = { entry = "cgmm", field = "model", match = "ML302" },
    imei = { entry = "cgsn", field = "imei" },
    registration = { entry = "creg", field = "registered" },
    mqtt = { commands = "mqtt", connected = "+MQTTOPEN", lost = "+MQTTDISC", received = "+MQTTPUBLISH" },
  },
}
