-- SPDX-License-Identifier: MIT
--- Commands of V.250 and 3GPP TS 27.007 that modules have in common.
--
-- For modules whose manual says "see the AT command manual". A module lists it as "tgpp/basic";
-- the lines +CREG and +CPIN that come unasked are the module's own.
-- luacheck: read globals both int enum str word digits

local notify <const> = enum {
  [0] = both("no notification", "禁用网络注册通知"),
  [1] = both("notification of the state", "启用网络注册通知"),
  [2] = both("notification of state and cell", "启用网络注册和小区信息通知"),
}
local notify_doc <const> = both("kind of notification", "主动通知类型")
local stat <const> = enum {
  [0] = both("not registered, not searching", "未注册，不搜索运营商"),
  [1] = both("registered, home network", "已注册，本地网络"),
  [2] = both("not registered, searching", "未注册，正在搜索运营商"),
  [3] = both("registration denied", "注册被拒绝"),
  [4] = both("unknown", "未知状态"),
  [5] = both("registered, roaming", "已注册，漫游中"),
}

return {
  title = both("Basic commands (V.250, 3GPP TS 27.007)", "基础指令（V.250、3GPP TS 27.007）"),

  {
    name = "test", wire = "", section = "V.250",
    summary = both("Tests the serial line.", "测试指令"),
    forms = { { kind = "exec", timeout = 2 } },
  },

  {
    name = "ate", wire = "E", section = "V.250 6.2.4",
    summary = both("Switches the command echo.", "设置指令回显"),
    forms = {
      { kind = "set", effects = { echo = "value" },
        args = { { "value", enum { [0] = both("echo off", "关闭指令回显"), [1] = both("echo on (default)", "开启指令回显（默认）") },
                   both("echo", "指令回显") } } },
    },
  },

  {
    name = "ati", wire = "I", section = "V.250 6.1.3",
    summary = both("Reads what the module says of itself, in lines of its own.", "查询模块信息"),
    forms = {
      { kind = "exec",
        info = { { untagged = true, repeated = true,
                   fields = { { "text", word {}, both("line", "信息行"), rest = true } } } } },
    },
  },

  {
    name = "cgmi", wire = "+CGMI", section = "27.007 5.1",
    summary = both("Reads the manufacturer.", "查询制造商"),
    forms = {
      { kind = "exec", info = { { untagged = true, fields = { { "manufacturer", word {}, both("manufacturer", "制造商"), rest = true } } } } },
    },
  },

  {
    name = "cgmm", wire = "+CGMM", section = "27.007 5.2",
    summary = both("Reads the model.", "查询模块型号"),
    forms = {
      { kind = "exec", info = { { untagged = true, fields = { { "model", word {}, both("model", "型号"), rest = true } } } } },
    },
  },

  {
    name = "cgmr", wire = "+CGMR", section = "27.007 5.3",
    summary = both("Reads the firmware version.", "查询软件版本"),
    forms = {
      { kind = "exec", info = { { untagged = true, fields = { { "version", word {}, both("firmware version", "软件版本号"), rest = true } } } } },
    },
  },

  {
    name = "cgsn", wire = "+CGSN", section = "27.007 5.4",
    summary = both("Reads the IMEI.", "查询国际移动设备识别码"),
    forms = {
      { kind = "exec", info = { { untagged = true, fields = { { "imei", digits { min = 15, max = 15 }, both("IMEI", "国际移动设备识别码") } } } } },
    },
  },

  {
    name = "cimi", wire = "+CIMI", section = "27.007 5.6",
    summary = both("Reads the IMSI of the SIM card.", "查询国际移动用户识别码"),
    forms = {
      { kind = "exec", info = { { untagged = true, fields = { { "imsi", digits { min = 14, max = 15 }, both("IMSI", "国际移动用户识别码") } } } } },
    },
  },

  {
    name = "creg", wire = "+CREG", section = "27.007 7.2",
    summary = both("Reads the network registration, or sets its notification.", "查询/设置网络注册状态"),
    notes = both("stat 1 or 5: the module is on the network.", "<stat>=1 或 5 时，模块已注册网络"),
    urcs = { "+CREG" },
    forms = {
      { kind = "read",
        info = { { prefix = "+CREG: ",
                   fields = {
                     { "n", notify, notify_doc },
                     { "stat", stat, both("registration state", "注册状态") },
                     { "other", word {}, both("area code, cell and access technology with n = 2", "n = 2 时为区域码、小区和接入技术"), optional = true, rest = true },
                   },
                   derived = { { "registered", from = "stat", among = { 1, 5 }, doc = both("stat is 1 or 5", "stat 为 1 或 5") } } } } },
      { kind = "set", args = { { "n", notify, notify_doc } } },
    },
  },

  {
    name = "cpin", wire = "+CPIN", section = "27.007 8.3",
    summary = both("Reads whether the SIM card is ready or waits for a PIN.", "查询 SIM 卡状态"),
    notes = both("Without a SIM card the command is refused.", "未识别到 SIM 卡时返回错误"),
    forms = {
      { kind = "read", timeout = 10,
        info = { { prefix = "+CPIN: ",
                   fields = { { "code", word {}, both("READY, SIM PIN, SIM PUK", "READY、SIM PIN、SIM PUK"), rest = true } },
                   derived = { { "ready", from = "code", among = { "READY" }, doc = both("code is READY", "code 为 READY") } } } } },
    },
  },

  {
    name = "csq", wire = "+CSQ", section = "27.007 8.5",
    summary = both("Reads the signal quality.", "查询信号质量"),
    notes = both("rssi 0: -113 dBm or less; 31: -51 dBm or more; 2 dB a step.", "<rssi> 0：<= -113 dBm；31：>= -51 dBm；每级 2 dB"),
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
  },
}
