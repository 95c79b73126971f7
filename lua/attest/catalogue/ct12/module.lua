-- SPDX-License-Identifier: MIT
--- DX-CT12-B&C, 4G module: families, error codes of chapter 7, and lines that no command owns.
--
-- Where the manual is silent on a format it is marked invented here and can be replaced.
-- luacheck: read globals both int enum str word

return {
  title    = both("DX-CT12-B&C 4G module", "DX-CT12-B&C 4G 模块"),
  families = { "basic", "network", "power", "socket", "simple", "mqtt" },

  errors = {
    [101] = both("wrong parameter length", "参数长度错误"),
    [102] = both("wrong state or mode", "状态或模式错误"),
    [103] = both("abnormal parameter data", "参数数据异常"),
    [104] = both("wrong command", "指令错误"),
    [201] = both("no such server on this network, the client failed to connect",
                 "当前网络没有符合的服务器，客户端连接失败"),
    [202] = both("a server exists already, creating one failed", "已经有一个服务器存在，服务器创建失败"),
    [203] = both("connecting to the MQTT server failed", "MQTT 连接服务器失败"),
  },

  boot = { "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" },

  urcs = {
    { name = "RDY", match = { "RDY" },
      doc = both("The module has started and accepts commands.", "模块启动完成，可接收指令") },
    { name = "SIM_SUCCESS", match = { "SIM_SUCCESS" },
      doc = both("The SIM card was recognised after a start.", "启动后识别到 SIM 卡") },
    { name = "NETWORK_ACTIVATE_SUCCESS", match = { "NETWORK_ACTIVATE_SUCCESS" },
      doc = both("The data network is up after a start.", "启动后数据网络激活成功") },
    -- Its answer has two bare numbers or more: a second column of a URC is text in quotes.
    { name = "+CREG", prefix = "+CREG:", also = { "+CREG=" },
      fields = {
        { "stat", enum { [0] = both("not registered, not searching", "未注册, 不尝试搜索新运营商注册"),
                         [1] = both("registered, home network", "已注册，本地网络"),
                         [2] = both("not registered, searching", "未注册, 尝试搜索新运营商注册"),
                         [3] = both("registration denied", "注册被拒绝"),
                         [4] = both("unknown", "未知状态"),
                         [5] = both("registered, roaming", "已注册，漫游中") },
          both("registration state", "注册状态") },
        { "other", str { strict = true }, both("not explained by the manual", "手册未说明"), optional = true },
        { "more", word {}, both("not explained by the manual", "手册未说明"), optional = true, rest = true },
      },
      derived = { { "registered", from = "stat", among = { 1, 5 } } },
      doc = both("The registration changed (after AT+CREG=1).", "网络注册状态变化通知（AT+CREG=1 启用后）") },
    { name = "CONNECT", prefix = "CONNECT,ID:",
      also = { "CONNECT,ID", "CONNECT, ID:", "CONNECT, ID", "CONNECT，ID:", "CONNECT，ID",
               "+QIOPEN,ID", "+QIOPEN, ID:", "+QIOPEN, ID", "+QIOPEN，ID:", "+QIOPEN，ID" },
      table = "+QIOPEN,ID:",
      fields = { { "link_num", int(3, 20), both("link identifier", "连接标识") } },
      doc = both("A link is connected.", "连接成功") },
    { name = "DISCONNECT", match = { "DISCONNECT" },
      doc = both("A TCP link was closed; the line does not say which.", "TCP 连接已关闭，不含连接标识") },
    { name = "UDP_CLOSE", match = { "UDP_CLOSE" },
      doc = both("A UDP link was closed; the line does not say which.", "UDP 连接已关闭，不含连接标识") },
    -- The manual documents no received data at all.
    { name = "+QIRD", prefix = "+QIRD:", invented = true,
      fields = {
        { "link_num", int(3, 20), both("link identifier", "连接标识") },
        { "length", int(1, 4096), both("bytes on the next line", "下一行数据的字节数") },
      },
      payload = { length = "length", next_line = true },
      doc = both("Data was received on a link; the bytes follow on the next line.",
                 "收到 TCP/UDP 数据，数据在下一行") },
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

  words = {
    { name = "SEND OK", match = { "SEND OK", "SENDOK" },
      doc = both("The data was sent.", "数据发送成功") },
    { name = "SEND FAIL", match = { "SEND FAIL", "SENDFAIL" },
      doc = both("The data was not sent.", "数据发送失败") },
  },

  profile = {
    echo = true, terminator = "\r\n", baud = 115200, data_bits = 8, parity = "none", stop_bits = 1,
    timeout = 5, quiet = 0.02, guard = 1, first_link = 3,
    boot_word = "RDY", boot_timeout = 60,
    sim_word = "SIM_SUCCESS", network_word = "NETWORK_ACTIVATE_SUCCESS", network_timeout = 60,
    received = "+QIRD",
    mqtt = { commands = "qmt", connected = "MQTTCONNECT", lost = "MQTTDISCONNECT",
             received = "+QMTRECV", subscriptions = 50 },
    identity = { entry = "gmr", field = "version", match = "^CT12" },
    imei = { entry = "gsn", field = "imei" },
    registration = { entry = "creg", field = "registered" },
  },
}
