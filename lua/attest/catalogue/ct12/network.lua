-- SPDX-License-Identifier: MIT
--- DX-CT12-B&C manual, chapter 6.2: network services.
-- luacheck: read globals both int enum str word address timestamp

local notify <const> = enum {
  [0] = both("no notification", "禁用网络注册通知"),
  [1] = both("notification on", "启用网络注册通知"),
  [2] = both("no notification, the query answers more", "禁用网络注册通知"),
}
local notify_doc <const> = both("kind of notification", "主动通知类型")
local stat <const> = enum {
  [0] = both("not registered, not searching", "未注册, 不尝试搜索新运营商注册"),
  [1] = both("registered, home network", "已注册，本地网络"),
  [2] = both("not registered, searching", "未注册, 尝试搜索新运营商注册"),
  [3] = both("registration denied", "注册被拒绝"),
  [4] = both("unknown", "未知状态"),
  [5] = both("registered, roaming", "已注册，漫游中"),
}
local server_doc <const> = both("address or name of the NTP server", "NTP 服务器的 IP 或域名")
local port_doc <const> = both("port of the NTP server", "NTP 服务器端口号")
local time_doc <const> = both("time, yy/MM/dd,hh:mm:ss or yyyy-MM-dd hh:mm:ss", "时间 yy/MM/dd,hh:mm:ss 或 yyyy-MM-dd hh:mm:ss")

return {
  title = both("Network services", "网络服务指令"),

  {
    name = "creg", wire = "+CREG", section = "6.2.1",
    summary = both("Reads the network registration, or sets its notification.", "查询/设置网络注册状态"),
    notes = both("stat 1 or 5: the module can use the network.",
                 "1. <n>=0 时，关闭主动通知，手动查询时，注册状态返回 +CREG:<n>,<stat>；2. <n>=1 时，开启主动通知，手动查询时，注册状态返回 +CREG:<n>,<stat>[,<other>]；3. <n>=2 时，关闭主动通知，手动查询时，注册状态返回 +CREG:<n>,<stat>[,<other>]；4. <stat>=1 或 5 时，模块可正常接入网络"),
    urcs = { "+CREG" },
    forms = {
      { kind = "read",
        info = { { prefix = "+CREG:", also = { "+CREG=" },
                   fields = {
                     { "n", notify, notify_doc },
                     { "stat", stat, both("registration state", "注册状态") },
                     { "other", word {}, both("not explained by the manual", "手册未说明"), optional = true, rest = true },
                   },
                   derived = { { "registered", from = "stat", among = { 1, 5 }, doc = both("stat is 1 or 5", "stat 为 1 或 5") } } } } },
      { kind = "set", args = { { "n", notify, notify_doc } } },
    },
    examples = {
      { title = both("not on the network", "未连接网络"), send = "AT+CREG?", answer = { "AT+CREG?", "+CREG=0,0", "OK" } },
      { title = both("on the network", "已连接网络"), send = "AT+CREG?", answer = { "AT+CREG?", "+CREG=0,1", "OK" } },
    },
  },

  {
    name = "csq", wire = "+CSQ", section = "6.2.2",
    summary = both("Reads the signal quality.", "查询信号质量"),
    notes = both("rssi 0: -113 dBm or less; 1: -111 dBm; 2-30: -109 to -53 dBm; 31: -51 dBm or more.",
                 "<rssi> 0：<= (-113) dBm；1：(-111) dBm；2~30： (-109)~(-53) dBm；31：>= (-51) dBm"),
    forms = {
      { kind = "exec",
        info = { { prefix = "+CSQ: ",
                   fields = {
                     { "rssi", int(0, 31, { [99] = both("unknown or no signal", "未知或无信号") }), both("signal strength", "信号强度") },
                     { "ber", int(0, 7, { [99] = both("unknown or not detectable", "未知或无检测到误码率") }), both("bit error rate, RXQUAL", "信道误码率，RXQUAL 值") },
                   },
                   derived = { { "rssi_dbm", from = "rssi", linear = { 2, -113 }, except = 99, unit = "dBm",
                                 doc = both("signal strength; absent for 99", "信号强度；99 时为空") } } } } },
    },
    examples = { { send = "AT+CSQ", answer = { "AT+CSQ", "+CSQ: 15,99", "OK" } } },
  },

  {
    name = "qntp", wire = "+QNTP", section = "6.2.3",
    summary = both("Synchronises the time with an NTP server.", "同步服务器时间"),
    notes = both("Only once the data network is up.", "该指令需要在开启数据网络后使用"),
    forms = {
      { kind = "read",
        info = { { prefix = "+QNTP:",
                   fields = { { "server_addr", address {}, server_doc }, { "port", int(0, 65535), port_doc } } } } },
      { kind = "set", timeout = 30, effects = { needs_network = true },
        args = { { "server_addr", address {}, server_doc }, { "port", int(0, 65535), port_doc } },
        info = { { prefix = "+QNTP:", fields = { { "time", timestamp(), time_doc, rest = true } } } } },
    },
    examples = {
      { send = "AT+QNTP=\"cn.pool.ntp.org\",123",
        answer = { "AT+QNTP=\"cn.pool.ntp.org\",123", "+QNTP:2025-10-27 21:53:20", "OK" } },
    },
  },

  {
    name = "qlts", wire = "+QLTS", section = "6.2.4",
    summary = both("Reads the time.", "查询时间"),
    notes = both("UTC by default, the time zone is Beijing, says the manual; the time is not interpreted here. After AT+QNTP it is the server's.",
                 "1. 该指令查询的时间默认为 UTC 时间，对应时区是北京时间；2. AT+QNTP 同步服务器时间后，该指令查询的时间为服务器提供的时间"),
    forms = {
      { kind = "read",
        info = { { prefix = "+QLTS:", table = "+QLTS: ", fields = { { "time", timestamp(), time_doc, rest = true } } } } },
    },
    examples = { { send = "AT+QLTS?", answer = { "AT+QLTS?", "+QLTS:2025-10-27 21:55:56", "OK" } } },
  },

  {
    name = "qping", wire = "+QPING", section = "6.2.5",
    summary = both("Pings an address.", "Ping 目标地址"),
    forms = {
      { kind = "set", timeout = 90, effects = { needs_network = true },
        args = {
          { "addr", address {}, both("name or address", "目标域名/IP") },
          { "num_pings", int(1, 10), both("number of requests", "ping 请求次数"), optional = true, default = 4 },
        },
        info = { { prefix = "+CIPPING:", table = "+QPING:", repeated = true,
                   fields = {
                     { "ip_addr", str {}, both("resolved address", "解析的 IP 地址") },
                     { "wait_time", int(0, 2147483647), both("time until the answer", "响应等待时间"), unit = "ms" },
                     { "ttl", int(0, 255), both("TTL", "TTL"), optional = true },
                   } } } },
    },
    examples = {
      { send = "AT+QPING=\"www.baidu.com\",10",
        answer = {
          "AT+QPING=\"www.baidu.com\",10",
          "+CIPPING:\"2409:8C54:870:310:0:FF:B0ED:40AC\",30,52",
          "+CIPPING:\"2409:8C54:870:310:0:FF:B0ED:40AC\",45,52",
          "+CIPPING:\"2409:8C54:870:310:0:FF:B0ED:40AC\",35,52",
          "+CIPPING:\"2409:8C54:870:310:0:FF:B0ED:40AC\",35,52",
          "+CIPPING:\"2409:8C54:870:310:0:FF:B0ED:40AC\",45,52",
          "+CIPPING:\"2409:8C54:870:310:0:FF:B0ED:40AC\",40,52",
          "+CIPPING:\"2409:8C54:870:310:0:FF:B0ED:40AC\",40,52",
          "+CIPPING:\"2409:8C54:870:310:0:FF:B0ED:40AC\",40,52",
          "+CIPPING:\"2409:8C54:870:310:0:FF:B0ED:40AC\",85,52",
          "+CIPPING:\"2409:8C54:870:310:0:FF:B0ED:40AC\",35,52",
          "OK",
        } },
    },
  },

  {
    name = "cpsi", wire = "+CPSI", section = "6.2.6",
    summary = both("Reads the serving cell.", "基站定位"),
    notes = both("For locating by cell and for judging the signal. The example's order of the four signal values looks permuted; they are given as printed.",
                 "当前基站信息用于网络定位或信号状态判断"),
    forms = {
      { kind = "exec", timeout = 10,
        info = { { prefix = "+CPSI:",
                   table = { order = { "plmn", "tac", "scell_id", "pcell_id", "", "dlbw", "ulbw", "rsrp", "rsrq", "rssi", "sinr" } },
                   fields = {
                     { "plmn", word {}, both("MCC-MNC", "MCC-MNC") },
                     { "tac", word {}, both("tracking area code", "追踪区码") },
                     { "scell_id", word {}, both("cell identity", "小区识别码") },
                     { "pcell_id", word {}, both("physical cell identity", "物理小区 ID") },
                     { "dlbw", word {}, both("downlink bandwidth configuration", "下行链路上服务小区的传输带宽配置") },
                     { "ulbw", word {}, both("uplink bandwidth configuration", "上行链路上服务小区的传输带宽配置") },
                     { "rsrp", word {}, both("received signal power", "信号接收功率") },
                     { "rsrq", word {}, both("received signal quality", "信号接收质量") },
                     { "rssi", word {}, both("received signal strength", "接收信号强度") },
                     { "sinr", word {}, both("SINR of the serving cell", "服务小区 SINR 信息") },
                   },
                   derived = {
                     { "mcc", from = "plmn", match = "^(%x+)%-", doc = both("mobile country code", "移动国家代码") },
                     { "mnc", from = "plmn", match = "%-(%x+)$", doc = both("mobile network code", "移动网络代码") },
                   } } } },
    },
    examples = {
      { send = "AT+CPSI",
        answer = { "AT+CPSI", "+CPSI:460-0,0x25ef,47198990,411,5,5,-19,-82,-69,0", "OK" } },
    },
  },
}
