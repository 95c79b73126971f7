-- SPDX-License-Identifier: MIT
--- ML302 MQTT manual, chapter 2.3. Sizes are bytes on the wire.
--
-- Commands are written without the blanks that the manual has in some of them ("AT+ MQTTSTAT?"),
-- answers are read with and without them.
-- luacheck: read globals both int enum str address bytes either

local text <const> = str { max = 128 }
local qos <const> = int(0, 2)
local packet <const> = int(0, 65535)
local topic <const> = str { min = 1, max = 512 }
local topic_doc <const> = both("topic", "主题")
local pack_id <const> = { "pack_id", packet, both("packet number", "包序号") }

local flag <const> = enum { [0] = both("no", "否"), [1] = both("yes", "是") }

local host_doc <const> = both("server's address or name", "MQTT 服务器 IP 地址或域名地址")
local port_doc <const> = both("server's port", "MQTT 服务器端口")
local id_doc <const> = both("client ID", "终端 ID")
local keep_alive_doc <const> = both("keep-alive interval in seconds", "保持连接时间（s）")
local user_doc <const> = both("user name", "登录用户名")
local passwd_doc <const> = both("password or authentication data", "登录密码或鉴权信息")
local clean <const> = enum { [0] = both("keep the session", "不删除"), [1] = both("delete the session", "删除") }
local clean_doc <const> = both("whether the session is deleted", "是否清除会话")
local version_doc <const> = both("version of the authentication, given by the platform", "鉴权版本，由平台决定")
local encrypt <const> = enum { [0] = both("not encrypted", "不加密"), [1] = both("encrypted", "加密") }
local encrypt_doc <const> = both("encryption", "是否加密")

local rsp_echo <const> = enum { [0] = both("not shown", "不显示"), [1] = both("shown", "显示") }
local rsp_echo_doc <const> = both("whether answers to pings are shown; the module's default is 1", "是否显示 ping，默认为显示")
local recon <const> = enum { [0] = both("off", "关闭"), [1] = both("on", "开启") }
local recon_doc <const> = both("automatic reconnect; the module's default is 1", "是否开启重连，默认开启")
local timeout <const> = int(1, 65535)
local timeout_doc <const> = both("seconds to wait for the server's ACK; the module's default is 10", "超时时间，单位：秒，默认 10s")

local dup <const> = { "dup", int(0, 1), both("sent again", "重发标志") }

--- The word stands before OK in the manual, modules were seen to turn them round or to leave OK out.
local opened <const> = {
  { "OK", optional = true, settle = 0.5 },
  { ["+MQTTOPEN"] = "ok", ["+MQTTOPEN:FAIL"] = "connect_failed", optional = true, settle = 0.5 },
  { "OK", optional = true, settle = 0.5 },
}
local ended <const> = {
  { "OK", optional = true, settle = 0.5 },
  { ["+MQTTDISC"] = "ok", optional = true, settle = 0.5 },
  { "OK", optional = true, settle = 0.5 },
}

return {
  title = both("MQTT", "MQTT 指令"),

  {
    name = "mqttcfg", wire = "+MQTTCFG", section = "2.3.1",
    summary = both("Reads or sets what a connection needs.", "配置 MQTT 传输连接参数"),
    notes = both("Seven arguments or all nine. With encrypt = 1 the version is needed; its content is found on the OneNET platform, else it may be any text. A keep-alive shorter than the ACK timeout (AT+MQTTTO) may keep pings from noticing a lost network. The password is read back as ***. Refused while a connection is open; after AT+MQTTDEL it can be set again.",
                 "如果 keepAlive 时间小于服务器 ACK 响应检测时间(通过 AT+MQTTTO 设置)，会出现 PINGREQ 检测不到断网的情况；如果 encrypt 为 1，version 是必选参数，参数内容在 OneNET 平台上查询，否则 version 参数可以是任意字符串；本 AT 指令仅支持同时配置 7 个参数或者 9 个参数，请在使用过程中注意。"),
    forms = {
      { kind = "read",
        info = {
          { prefix = "+MQTTCFG: ", also = { "+ MQTTCFG:" }, literal = '"(null)"', constants = { configured = false },
            doc = both("nothing was set", "未配置") },
          { prefix = "+MQTTCFG: ", also = { "+ MQTTCFG:" }, constants = { configured = true },
            fields = {
              { "host", text, host_doc },
              { "port", int(0, 65535), port_doc },
              { "id", text, id_doc },
              { "keep_alive", int(0, 65535), keep_alive_doc, unit = "s" },
              { "user", text, user_doc },
              { "passwd", text, passwd_doc, secret = true },
              { "clean", clean, clean_doc },
              { "version", text, version_doc, optional = true },
              { "encrypt", encrypt, encrypt_doc, optional = true },
            } } } },
      { kind = "set", arity = { 7, 9 },
        args = {
          { "host", address { max = 128 }, host_doc },
          { "port", int(1, 65535), port_doc },
          { "id", text, id_doc },
          { "keep_alive", int(0, 65535), keep_alive_doc },
          { "user", text, user_doc },
          { "passwd", text, passwd_doc, secret = true },
          { "clean", clean, clean_doc },
          { "version", text, version_doc, optional = true },
          { "encrypt", encrypt, encrypt_doc, optional = true },
        } },
    },
    examples = {
      { send = "AT+MQTTCFG=\"183.230.40.39\",6002,\"532337966\",60,\"246883\",\"VACC79esEWuVK5j73b3cqWzrD7U=\",0,\"\",0",
        answer = { "OK" } },
      { send = "AT+MQTTCFG?",
        answer = { "+MQTTCFG: \"183.230.40.39\",6002,\"532337966\",60,\"246883\",\"***\",0,\"\",0", "OK" } },
    },
  },

  {
    name = "mqttopen", wire = "+MQTTOPEN", section = "2.3.2",
    summary = both("Connects to the server.", "设置 MQTT 相关连接标志并开始连接服务器"),
    notes = both("A server that cannot be reached, an ACK that does not come, data that cannot be sent or a ping without an answer make the module connect again; after the last attempt it prints +MQTTDISC and stops. A refused password does not.",
                 "相关命令参数请参照 MQTTv3.1 协议。当连接服务器失败（非密码验证错误）/ACK 超时/数据发送失败/PING 超时时会引起终端重连，重连数次失败后停止重连并会上报+MQTTDISC 消息，之后是否重连由客户自行处理。"),
    urcs = { "+MQTTOPEN", "+MQTTOPEN:FAIL", "+MQTTPUBLISH", "+MQTTPUBREL", "+MQTTPINGRSP", "+MQTTTO", "+MQTTREC", "+MQTTDISC" },
    forms = {
      { kind = "set", timeout = 30, completion = opened, effects = { needs_network = true },
        args = {
          { "usr_flag", flag, both("whether the user name is used", "是否启用用户名") },
          { "pwd_flag", flag, both("whether the password is used", "是否启用用户密码") },
          { "will_flag", flag, both("whether there is a will", "是否启用 will") },
          { "will_retain", flag, both("whether the server keeps the will", "服务器是否保存 will 消息") },
          { "will_qos", qos, both("quality of service of the will", "will 消息的 qos 等级") },
          { "will_topic", str { max = 512 }, both("topic of the will", "连接异常终止时发送消息到相应 topic") },
          { "will_mesg", str { max = 512 }, both("message of the will", "连接异常终止时发送的消息") },
        } },
    },
    examples = { { send = "AT+MQTTOPEN=1,1,0,0,0,\"\",\"\"", answer = { "+MQTTOPEN:OK", "OK" } } },
  },

  {
    name = "mqttstat", wire = "+MQTTSTAT", section = "2.3.3",
    summary = both("Reads the state of the connection.", "查询 MQTT 连接状态"),
    notes = both("Some firmware counts from 0 to 7 and is connected at 5.", "部分固件状态值为 0~7，5 为已连接"),
    forms = {
      { kind = "read",
        info = { { prefix = "+MQTTSTAT: ", also = { "+ MQTTSTAT:" },
                   fields = {
                     { "stat", enum { [0] = both("not connected", "未连接"), [1] = both("connected", "已连接"),
                                      [2] = both("socket is connecting", "socket 正在连接"),
                                      [3] = both("socket is connected, CONNECT is being sent", "socket 已连接，发送 connect 请求包"),
                                      [4] = both("CONNECT was sent, waiting for the ACK", "connect 请求包发送成功，等待 ACK") },
                       both("state", "当前连接状态") },
                   },
                   derived = { { "connected", from = "stat", among = { 1, 5 }, doc = both("stat is 1, or 5", "stat 为 1 或 5") } } } } },
    },
  },

  {
    name = "mqttsub", wire = "+MQTTSUB", section = "2.3.4",
    summary = both("Lists the subscriptions, or subscribes to a topic.", "订阅指定 TOPIC"),
    notes = both("A topic at a time. It joins the list once the server has accepted it; code 128 means that it was refused.", "订阅消息，订阅成功后存入订阅列表，目前只支持一次增加一个订阅。响应包中 qos=128 为订阅失败"),
    urcs = { "+MQTTSUBACK", "+MQTTPUBLISH" },
    forms = {
      { kind = "read",
        info = {
          { prefix = "+MQTTSUB:", also = { "+ MQTTSUB:" }, header = true, optional = true,
            doc = both("stands above the topics", "其后每行一个主题") },
          { prefix = "+MQTTSUB:", also = { "+ MQTTSUB:" }, repeated = true,
            fields = { { "topic", str { max = 512, bare = true }, topic_doc, commas = true }, { "qos", qos, both("quality of service", "qos 质量"), optional = true } } },
          { untagged = true, repeated = true,
            fields = { { "topic", str { max = 512, bare = true }, topic_doc, commas = true }, { "qos", qos, both("quality of service", "qos 质量"), optional = true } } },
          { untagged = true, repeated = true, fields = { { "topic", str { max = 512, bare = true }, topic_doc, rest = true } } },
        } },
      { kind = "set", timeout = 15, info_within = 10, effects = { needs_network = true },
        args = { { "topic", topic, topic_doc }, { "qos", qos, both("quality of service", "订阅消息的 qos 质量") } },
        info = { { prefix = "+MQTTSUBACK:", table = "+MQTTSUBACK: ", also = { "+MQTT SUBACK:", "+ MQTTSUBACK:", "+ MQTT SUBACK:" }, optional = true,
                   fields = {
                     pack_id,
                     { "code", int(0, 2, { [128] = both("refused", "订阅失败") }), both("granted quality of service", "qos") },
                     { "topic", str { max = 512, bare = true }, topic_doc, rest = true },
                   },
                   derived = { { "accepted", from = "code", among = { 0, 1, 2 }, doc = both("code is not 128", "code 不为 128") } } } } },
    },
    examples = {
      { send = "AT+MQTTSUB=\"dev/gsm/u\",2", answer = { "+MQTTSUBACK:2,2,dev/gsm/u", "OK" } },
      { send = "AT+MQTTSUB?", answer = { "+MQTTSUB:", "dev/gsm/u", "OK" } },
    },
  },

  {
    name = "mqttunsub", wire = "+MQTTUNSUB", section = "2.3.5",
    summary = both("Ends the subscription to a topic.", "对指定的 TOPIC 取消订阅"),
    urcs = { "+MQTTUNSUBACK" },
    forms = {
      { kind = "set", timeout = 15, info_within = 10, effects = { needs_network = true },
        args = { { "topic", topic, topic_doc } },
        info = { { prefix = "+MQTT UNSUBACK:", also = { "+MQTTUNSUBACK:", "+ MQTTUNSUBACK:", "+ MQTT UNSUBACK:" }, optional = true,
                   fields = { pack_id, { "topic", str { max = 512 }, topic_doc, rest = true } } } } },
    },
    examples = { { send = "AT+MQTTUNSUB=\"test\"", answer = { "+MQTT UNSUBACK:8,\"test\"", "OK" } } },
  },

  {
    name = "mqttpub", wire = "+MQTTPUB", section = "2.3.6",
    summary = both("Publishes a message.", "发布 TOPIC 消息"),
    notes = both("A message in quotes is sent as it is; a quote inside is written \\\". A number without quotes is the length of a message that follows the prompt and is sent by itself. The module sets dup to 0. With QoS 1 +MQTTPUBACK comes before OK, with QoS 2 +MQTTPUBREC and +MQTTPUBCOMP.",
                 "DUP 标志将被内部设置为 0；当 Message 为字符串时，视为消息内容，最大长度 1024，如果字符串内有双引号，需加转义字符；当 message 参数为消息长度时，输入指令键入回车，待显示“>”符号后，键入 message 长度的字符后，模组会自动发送指定长度的消息。Qos=1 时先返回 +MQTTPUBACK，Qos=2 时先返回 +MQTTPUBREC 和 +MQTTPUBCOMP。"),
    urcs = { "+MQTTPUBACK", "+MQTTPUBREC", "+MQTTPUBCOMP" },
    forms = {
      { kind = "set", timeout = 15, effects = { needs_network = true },
        completion = { { "OK", optional = true }, "prompt", "payload", "OK" },
        args = {
          { "topic", topic, topic_doc },
          { "qos", qos, both("quality of service", "发布消息的 qos 等级") },
          { "retain", flag, both("whether the server keeps it for new subscribers", "服务器是否储存该消息，并向新订阅者发送最新订阅消息") },
          { "dup", flag, both("sent again; the module sets it to 0", "重发标志"), default = 0 },
          { "message", either(str { max = 1024, escape = true }, int(1, 1024)), both("message, or length of one", "发布的消息内容或消息长度"), measures = "payload" },
        },
        payload = { bytes(1, 1024), both("message", "消息内容"), prompt = ">", when = "message" },
        info = {
          { prefix = "+MQTTPUBACK:", table = "+MQTTPUBACK: ", also = { "+MQTT PUBACK:", "+ MQTTPUBACK:", "+ MQTT PUBACK:" }, optional = true, fields = { dup, pack_id } },
          { prefix = "+MQTTPUBREC:", table = "+MQTTPUBREC: ", also = { "+MQTT PUBREC:", "+ MQTTPUBREC:", "+ MQTT PUBREC:" }, optional = true, fields = { dup, pack_id } },
          { prefix = "+MQTTPUBCOMP:", also = { "+MQTT PUBCOMP:", "+ MQTTPUBCOMP:", "+ MQTT PUBCOMP:" }, optional = true, fields = { dup, pack_id } },
        } },
    },
    examples = {
      { send = "AT+MQTTPUB=\"dev/gsm/u\",2,0,0,\"update message\"",
        answer = { "+MQTTPUBREC:0,2", "+MQTTPUBCOMP:0,2", "OK" } },
      { send = "AT+MQTTPUB=\"dev/gsm/u\",1,0,0,\"1890\"", answer = { "+MQTTPUBACK:0,5", "OK" } },
      { send = "AT+MQTTPUB=\"godda\",0,0,0,\"\\\"{\\\"datastreams\\\":[{\\\"id\\\":\\\"4G\\\",\\\"datapoints\\\":[{\\\"value\\\":\\\"1\\\"}]}]}\\\"\"",
        answer = { "OK" } },
    },
  },

  {
    name = "mqttdisc", wire = "+MQTTDISC", section = "2.3.7",
    summary = both("Ends the connection.", "断开 MQTT 服务器连接"),
    notes = both("The module does not connect again after it.", "通过 AT+MQTTDISC 命令主动断开，将不会触发重连"),
    urcs = { "+MQTTDISC" },
    forms = { { kind = "exec", timeout = 15, completion = ended } },
    examples = { { send = "AT+MQTTDISC", answer = { "+MQTTDISC: OK", "OK" } } },
  },

  {
    name = "mqttping", wire = "+MQTTPING", section = "2.3.8",
    summary = both("Reads or sets whether answers to pings are shown.", "设置是否显示 MQTTping"),
    notes = both("Pings go out every keep-alive interval. Before AT+MQTTOPEN has succeeded the set form is refused.",
                 "ping 包发送的时间间隔为保活时间 keepAlive；MQTTPING 命令建议在 MQTTOPEN 指令成功执行后使用，若在之前使用，MQTTPING 指令会报错。"),
    urcs = { "+MQTTPINGRSP" },
    forms = {
      { kind = "read",
        info = { { prefix = "+MQTTPING: ", also = { "+ MQTTPING:" }, fields = { { "rsp_echo", rsp_echo, rsp_echo_doc } } } } },
      { kind = "set", args = { { "rsp_echo", rsp_echo, rsp_echo_doc } } },
    },
    examples = { { send = "AT+MQTTPING=1", answer = { "OK" } } },
  },

  {
    name = "mqttrec", wire = "+MQTTREC", section = "2.3.9",
    summary = both("Reads or sets automatic reconnect.", "设置是否开启自动重连（非主动关闭连接时）"),
    notes = both("With it, a connection that fails or times out (8 s), an ACK that does not come (AT+MQTTTO) and a lost network make the module connect again. When the last attempt has failed it prints +MQTTDISC: OK.",
                 "开启自动重连后，MQTT 连接错误、连接超时（连接超时时间为 8s）、ACK 获取超时（由 AT+MQTTTO 命令设定）、由网络原因引起的掉线都将触发重连。在最大重连次数内未连接成功将不再重连，上报：+MQTTDISC: OK."),
    urcs = { "+MQTTREC", "+MQTTDISC" },
    forms = {
      { kind = "read",
        info = { { prefix = "+MQTTREC: ", also = { "+ MQTTREC:" }, table = "+ MQTTREC: ",
                   fields = { { "recon", recon, recon_doc }, { "reconnum", int(0, 99), both("attempts so far", "已重连次数") } } } } },
      { kind = "set", args = { { "recon", recon, recon_doc } } },
    },
    examples = { { send = "AT+MQTTREC=1", answer = { "OK" } } },
  },

  {
    name = "mqttto", wire = "+MQTTTO", section = "2.3.10",
    summary = both("Reads or sets how long the server's ACK is waited for.", "设置终端命令 ACK 超时时间"),
    notes = both("When no ACK came in time the module prints +MQTTTO:<type> and ends the connection or connects again.", "发送指令后，在超时时间内未收到服务器 ACK，终端将断开连接或重连。"),
    urcs = { "+MQTTTO" },
    forms = {
      { kind = "read",
        info = { { prefix = "+MQTTTO: ", also = { "+ MQTTTO:" }, table = "+ MQTTTO: ",
                   fields = { { "timeout", timeout, timeout_doc, unit = "s" } } } } },
      { kind = "set", args = { { "timeout", timeout, timeout_doc } } },
    },
  },

  {
    name = "mqttdel", wire = "+MQTTDEL", section = "3.3",
    summary = both("Releases the connection's settings.", "释放资源"),
    notes = both("Only in the procedure of 3.3; after it AT+MQTTCFG can be used again. Needs AT+MQTTDISC first.", "仅在 3.3 流程中出现：释放资源，之后可以再次使用+MQTTCFG 进行配置；需先断开连接"),
    forms = { { kind = "exec" } },
    examples = { { send = "AT+MQTTDEL", answer = { "OK" } } },
  },
}
