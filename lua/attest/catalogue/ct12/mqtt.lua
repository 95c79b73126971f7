-- SPDX-License-Identifier: MIT
--- DX-CT12-B&C manual, chapter 6.6: MQTT. Sizes are bytes on the wire.
-- luacheck: read globals both int enum str address bytes either

local topic <const> = str { min = 1, max = 256 }
local topic_doc <const> = both("topic", "主题")
local qos <const> = enum {
  [0] = both("at most once", "最多一次"),
  [1] = both("at least once", "至少一次"),
  [2] = both("exactly once", "只有一次"),
}
local qos_doc <const> = both("quality of service", "服务质量等级")
local retain <const> = enum { [0] = both("not retained", "不保留"), [1] = both("retained", "保留") }
local retain_doc <const> = both("retain flag", "保留标志")

-- The manual's examples write the will without quotes, and the answer prints none at all.
local client_id_doc <const> = both("client ID", "客户端 ID")
local user_doc <const> = both("user name", "用户名")
local password_doc <const> = both("password", "密码")
local will_qos_doc <const> = both("quality of service of the will", "遗嘱 Qos")
local will_topic_doc <const> = both("topic of the will", "遗嘱主题")
local will_message_doc <const> = both("message of the will", "遗嘱内容")
local printed <const> = str { max = 256, bare = true }

local port <const> = int(0, 65535)
local address_doc <const> = both("server's name or address", "服务器 IP/域名")
local port_doc <const> = both("server's port", "服务器端口号")
local reconnect <const> = enum {
  [0] = both("no automatic reconnect (default)", "MQTT 不自动重连 (默认)"),
  [1] = both("automatic reconnect", "MQTT 自动重连"),
}
local reconnect_doc <const> = both("automatic reconnect", "自动重连")

local clean_session <const> = enum { [0] = both("persistent session", "持久会话模式"), [1] = both("temporary session", "临时会话模式") }
local clean_session_doc <const> = both("kind of session; the module starts with 1", "会话模式")
local keepalive <const> = int(0, 7200)
local keepalive_doc <const> = both("keep-alive interval in seconds; the module's default is 60", "心跳间隔，单位：秒，默认：60S")

local state <const> = { { prefix = "+QMTSTATU:", also = { "+QMTSTATUS:" },
  fields = {
    { "statu", enum { [0] = both("not connected", "未建立连接"), [1] = both("connected", "已建立连接"), [2] = both("connecting", "连接中") },
      both("state", "状态") },
  },
  derived = { { "connected", from = "statu", among = { 1 }, doc = both("statu is 1", "statu 为 1") } } } }

-- The manual shows no answer after the data; an OK may come before the prompt, after the data, or both.
local after_data <const> = { { "OK", optional = true }, "prompt", "payload", { "OK", optional = true, settle = 5 } }

return {
  title = both("MQTT", "MQTT 指令"),

  {
    name = "qmtcfg", wire = "+QMTCFG", section = "6.6.1",
    summary = both("Reads or sets what the MQTT client says of itself.", "查询/配置 MQTT 客户端信息"),
    notes = both("One argument, three, or all seven. Each text takes 256 bytes at most. A will that needs no quotes is written without them, as in the manual's example. Kept at power-off in simple mode 2 only.",
                 "可设置 1 个、3 个或 7 个参数，各字符串最大长度 256。遗嘱不含特殊字符时按手册举例不加引号"),
    forms = {
      { kind = "read",
        info = {
          { prefix = "+QMTCFG:", literal = "NOT SET", constants = { configured = false },
            doc = both("nothing was set", "未配置") },
          { prefix = "+QMTCFG:", constants = { configured = true },
            fields = {
              { "clientid", printed, client_id_doc },
              { "username", printed, user_doc, optional = true },
              { "password", printed, password_doc, optional = true, secret = true },
              { "will_qos", qos, will_qos_doc, optional = true },
              { "will_retain", retain, retain_doc, optional = true },
              { "will_topic", printed, will_topic_doc, optional = true },
              { "will_message", printed, will_message_doc, optional = true, rest = true },
            } } } },
      { kind = "set", arity = { 1, 3, 7 },
        args = {
          { "clientid", str { min = 1, max = 256 }, client_id_doc },
          { "username", str { max = 256 }, user_doc, optional = true },
          { "password", str { max = 256 }, password_doc, optional = true, secret = true },
          { "will_qos", qos, will_qos_doc, optional = true },
          { "will_retain", retain, retain_doc, optional = true },
          { "will_topic", str { min = 1, max = 256, bare = true }, will_topic_doc, optional = true },
          { "will_message", printed, will_message_doc, optional = true },
        } },
    },
    examples = {
      { title = both("set the MQTT parameters", "配置 MQTT 参数"),
        send = "AT+QMTCFG=\"CT12\",\"MQTT1\",\"123456\",0,1,QQQ,123456",
        answer = { "AT+QMTCFG=\"CT12\",\"MQTT1\",\"123456\",0,1,QQQ,123456", "OK" } },
      { title = both("read the MQTT parameters", "查询 MQTT 参数"),
        send = "AT+QMTCFG?", answer = { "AT+QMTCFG?", "+QMTCFG:CT12-9999,MQTT1,123456,1,1,QQQ,123456", "OK" } },
    },
  },

  {
    name = "qmtconncfg", wire = "+QMTCONNCFG", section = "6.6.2",
    summary = both("Reads or sets the MQTT server, and connects to it.", "查询/配置 MQTT 服务器信息"),
    notes = both("Once it is set the module connects by itself: MQTTCONNECT follows the OK. A failure is ERROR=203; ERROR=202 means that there is a connection already.",
                 "配置完成后模块自动连接服务器，连接成功返回 MQTTCONNECT，失败返回 ERROR=203，已有连接返回 ERROR=202"),
    urcs = { "MQTTCONNECT", "MQTTDISCONNECT" },
    forms = {
      { kind = "read",
        info = {
          { prefix = "+QMTCONNCFG:", literal = "NOT SET", constants = { configured = false },
            doc = both("no server was set", "未配置服务器") },
          { prefix = "+QMTCONNCFG:", constants = { configured = true },
            fields = {
              { "address", printed, address_doc },
              { "port", port, port_doc },
              { "reconnect", reconnect, reconnect_doc, optional = true },
            } } } },
      { kind = "set", timeout = 10, completion = { "OK", { MQTTCONNECT = "ok", later = 30 } },
        effects = { needs_network = true },
        args = {
          { "address", address { max = 256 }, address_doc },
          { "port", port, port_doc },
          { "reconnect", reconnect, reconnect_doc, default = 0 },
        } },
    },
    examples = {
      { title = both("read the MQTT server", "查询 MQTT 服务器参数"),
        send = "AT+QMTCONNCFG?", answer = { "AT+QMTCONNCFG?", "+QMTCONNCFG:NOT SET", "OK" } },
      { title = both("set the MQTT server", "配置 MQTT 服务器"),
        send = "AT+QMTCONNCFG=\"broker.emqx.io\",1883,0",
        answer = { "AT+QMTCONNCFG=\"broker.emqx.io\",1883,0", "OK", "MQTTCONNECT" } },
    },
  },

  {
    name = "qmtstart", wire = "+QMTSTART", section = "6.6.3",
    summary = both("Reads or sets session and keep-alive.", "查询/配置 MQTT 会话心跳"),
    notes = both("The manual's table calls the set form \"connect\", its text \"keep-alive\". Keep-alive is in seconds.",
                 "手册表格中设置指令的功能为“连接”，标题为“会话心跳”"),
    urcs = { "MQTTCONNECT" },
    forms = {
      { kind = "read",
        info = { { prefix = "+QMTSTART:",
                   fields = {
                     { "clean_session", clean_session, clean_session_doc },
                     { "keepalive", keepalive, keepalive_doc, unit = "s" },
                   } } } },
      { kind = "set",
        args = { { "clean_session", clean_session, clean_session_doc }, { "keepalive", keepalive, keepalive_doc } } },
    },
    examples = {
      { title = both("read session and keep-alive", "查询 MQTT 会话心跳"),
        send = "AT+QMTSTART?", answer = { "AT+QMTSTART?", "+QMTSTART:1,60", "OK" } },
      { title = both("set session and keep-alive", "配置 MQTT 会话心跳"),
        send = "AT+QMTSTART=1,30", answer = { "AT+QMTSTART=1,30", "OK" } },
    },
  },

  {
    name = "qmtsub", wire = "+QMTSUB", section = "6.6.4",
    summary = both("Lists the subscriptions, or subscribes to a topic.", "订阅主题"),
    notes = both("50 topics at most. Without a subscription the list is only OK. Needs a connection, else ERROR=102.", "最多订阅 50 个主题；无订阅时查询仅返回 OK；未连接时返回 ERROR=102"),
    urcs = { "+QMTRECV" },
    forms = {
      { kind = "read",
        info = { { prefix = "+QMTSUB:", repeated = true,
                   fields = { { "topic", topic, topic_doc, commas = true }, { "qos", qos, qos_doc } } } } },
      { kind = "set", timeout = 15, effects = { needs_network = true },
        args = { { "topic", topic, topic_doc }, { "qos", qos, qos_doc } } },
    },
    examples = { { send = "AT+QMTSUB=\"TTT\",0", answer = { "AT+QMTSUB=\"TTT\",0", "OK" } } },
  },

  {
    name = "qmtpub", wire = "+QMTPUB", section = "6.6.5",
    summary = both("Publishes a message.", "发布消息"),
    notes = both("A message in quotes is sent as it is. A number without quotes is the length of a message that follows the prompt (manual 4.1.3). Needs a connection, else ERROR=102. A text holds neither quote nor line end; AT+QMTPUBEX carries any byte.",
                 "消息带引号时为消息内容；不带引号的数字为消息长度，返回提示符 > 后发送数据（手册 4.1.3）；未连接时返回 ERROR=102"),
    forms = {
      { kind = "set", timeout = 15, completion = after_data, effects = { needs_network = true },
        args = {
          { "topic", topic, topic_doc },
          { "qos", qos, qos_doc },
          { "retain", retain, retain_doc },
          { "message", either(str { max = 512 }, int(1, 2048)), both("message, or length of one", "消息内容，或消息长度"), measures = "payload" },
        },
        payload = { bytes(1, 2048), both("long message", "长消息内容"), prompt = ">", when = "message" } },
    },
    examples = {
      { send = "AT+QMTPUB=\"TTT\",0,0,\"12345678\"", answer = { "AT+QMTPUB=\"TTT\",0,0,\"12345678\"", "OK" } },
    },
  },

  {
    name = "qmtpubex", wire = "+QMTPUBEX", section = "6.6.5",
    summary = both("Publishes a long message.", "发布长消息"),
    notes = both("After the command the module is in data mode and prints the prompt >; after the data it leaves data mode by itself. The data must be as long as the length says, else the module reports an error and leaves data mode. In simple mode 2,2 data mode goes on until +++, and ATO enters it again.",
                 "1. 指令发送后进入数据传输模式，返回提示符 >，即可发送数据，发送成功后自动退出数据传输模式；2. 发送的数据长度需要与<msgLen>参数一致，数据长度错误会报错并且退出数据传输模式；3. SIMPLEMODE=2,2 时可持续发送数据，发送+++退出，发送 ATO 重新进入"),
    forms = {
      { kind = "set", timeout = 15, completion = after_data, effects = { needs_network = true },
        args = {
          { "topic", topic, topic_doc },
          { "qos", qos, qos_doc },
          { "retain", retain, retain_doc },
          { "msg_len", int(1, 2048), both("bytes that follow", "消息长度"), measures = "payload" },
        },
        payload = { bytes(1, 2048), both("message", "消息内容"), prompt = ">" } },
    },
  },

  {
    name = "qmtunsub", wire = "+QMTUNSUB", section = "6.6.6",
    summary = both("Ends the subscription to a topic.", "取消订阅"),
    forms = {
      { kind = "set", timeout = 15, effects = { needs_network = true }, args = { { "topic", topic, topic_doc } } },
    },
    examples = { { send = "AT+QMTUNSUB=\"TTT\"", answer = { "AT+QMTUNSUB=\"TTT\"", "OK" } } },
  },

  {
    name = "qmtstatu", wire = "+QMTSTATU", also = { "+QMTSTATUS" }, section = "6.6.7",
    summary = both("Reads the state of the MQTT connection.", "查询 MQTT 连接状态"),
    notes = both("The manual writes it without a question mark; modules are said to take both.", "手册写法不带问号，带问号亦可识别"),
    forms = { { kind = "exec", info = state }, { kind = "read", info = state } },
    examples = {
      { send = "AT+QMTSTATU", answer = { "AT+QMTSTATU", "+QMTSTATU:0", "OK" } },
      { send = "AT+QMTSTATU", answer = { "AT+QMTSTATU", "+QMTSTATU:1", "OK" } },
      { send = "AT+QMTSTATU", answer = { "AT+QMTSTATU", "+QMTSTATU:2", "OK" } },
    },
  },

  {
    name = "qmtdisc", wire = "+QMTDISC", section = "6.6.8",
    summary = both("Ends the MQTT connection.", "断开 MQTT 连接"),
    notes = both("MQTTDISCONNECT follows the OK. The same word comes when the server or the network ends the connection.", "返回 OK 后上报 MQTTDISCONNECT；服务器或网络断开时同样上报"),
    urcs = { "MQTTDISCONNECT" },
    forms = { { kind = "exec", timeout = 10, completion = { "OK", { MQTTDISCONNECT = "ok", later = 10 } } } },
    examples = { { send = "AT+QMTDISC", answer = { "AT+QMTDISC", "OK", "MQTTDISCONNECT" } } },
  },
}
