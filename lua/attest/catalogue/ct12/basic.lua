-- SPDX-License-Identifier: MIT
--- DX-CT12-B&C manual, chapter 6.1: basic commands.
-- luacheck: read globals both int enum str word digits

-- After a restart OK may be missing, and each word may take its time.
local restart <const> = { { "OK", optional = true }, { RDY = "ok", later = 60 } }
local boot_words <const> = { "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" }

local baudrate <const> = enum {
  [4800]   = both("4800", "4800"),     [9600]   = both("9600", "9600"),
  [19200]  = both("19200", "19200"),   [38400]  = both("38400", "38400"),
  [57600]  = both("57600", "57600"),   [115200] = both("115200", "115200"),
  [230400] = both("230400", "230400"), [460800] = both("460800", "460800"),
  [921600] = both("921600", "921600"),
}
local databits <const> = enum { [7] = both("7 data bits", "7 bit 数据位"), [8] = both("8 data bits", "8 bit 数据位") }
local stopbits <const> = enum(
  { [0] = both("1 stop bit", "1 bit 停止位"), [1] = both("1.5 stop bits", "1.5 bit 停止位"), [2] = both("2 stop bits", "2 bit 停止位") },
  { [0] = 1, [1] = 1, [2] = 2 }) -- modules answer 1 for one stop bit, as the example does
local parity <const> = enum(
  { [0] = both("none", "None"), [1] = both("odd", "Odd"), [2] = both("even", "Even") },
  { [0] = "none", [1] = "odd", [2] = "even" })

local slot <const> = enum { [0] = both("USIM0", "USIM0"), [1] = both("USIM1", "USIM1") }
local pin <const> = enum { [0] = both("IO1", "IO1"), [1] = both("IO2", "IO2"), [2] = both("IO3", "IO3") }
local pin_doc <const> = both("IO pin", "对应的 io 口")
local level <const> = enum { [0] = both("low", "低电平"), [1] = both("high", "高电平") }

return {
  title = both("Basic commands", "基础指令"),

  {
    name = "test", wire = "", section = "6.1.1",
    summary = both("Tests the serial line.", "测试指令"),
    forms = { { kind = "exec", timeout = 2 } },
  },

  {
    name = "gmr", wire = "+GMR", section = "6.1.2",
    summary = both("Reads the firmware version.", "查询软件版本"),
    notes = both("The version differs by module and by customer.", "依据不同的模块与定制需求版本会有区别"),
    forms = {
      { kind = "exec",
        info = { { prefix = "+VERSION=", also = { "+VERSION:" },
                   fields = { { "version", word {}, both("firmware version", "软件版本号"), rest = true } } } } },
    },
    examples = { { send = "AT+GMR", answer = { "AT+GMR", "+VERSION=CT12_V1.0.1", "OK" } } },
  },

  {
    name = "gsn", wire = "+GSN", section = "6.1.3",
    summary = both("Reads the IMEI.", "查询国际移动设备识别码"),
    notes = both("The IMEI is the unique number of each mobile device.", "国际移动设备识别码：是每部移动通信设备的唯一标识码。"),
    forms = {
      { kind = "exec",
        info = { { untagged = true,
                   fields = { { "imei", digits { min = 15, max = 15 }, both("IMEI", "国际移动设备识别码") } } } } },
    },
    examples = { { send = "AT+GSN", answer = { "AT+GSN", "860720087453595", "OK" } } },
  },

  {
    name = "ate", wire = "E", section = "6.1.4",
    summary = both("Switches the command echo.", "设置指令回显"),
    notes = both("With echo the module first repeats the command, then answers.", "开启回显：先返回输入的指令，再输出响应；关闭回显：模块直接输出响应"),
    forms = {
      { kind = "set", effects = { echo = "mode" },
        args = { { "mode", enum { [0] = both("echo off", "关闭指令回显"), [1] = both("echo on (default)", "开启指令回显（默认）") },
                   both("echo", "指令回显") } } },
    },
    examples = { { send = "ATE0", answer = { "OK" } } },
  },

  {
    name = "rst", wire = "+RST", section = "6.1.5",
    summary = both("Restarts the module.", "重启模块"),
    forms = { { kind = "exec", completion = restart, timeout = 10 } },
    effects = { reboots = true }, urcs = boot_words,
  },

  {
    name = "restore", wire = "+RESTORE", section = "6.1.6",
    summary = both("Restores the factory settings and restarts.", "恢复出厂设置"),
    notes = both("Erases every parameter stored in flash, restores the defaults and restarts the module. AT+SINGLESIM keeps its setting.",
                 "该命令将擦除所有保存到 flash 的参数，并恢复为默认参数，运行该命令会重启设备"),
    forms = { { kind = "exec", completion = restart, timeout = 10 } },
    effects = { reboots = true, writes_flash = true, line = true }, urcs = boot_words,
  },

  {
    name = "qccid", wire = "+QCCID", section = "6.1.7",
    summary = both("Reads the ICCID of the SIM card.", "查询 SIM 卡 ICCID"),
    notes = both("An answer without a number: no SIM card was recognised.", "如返回+QICCID: ，则说明模块未识别到 SIM 卡"),
    forms = {
      { kind = "exec",
        info = { { prefix = "+QCCID:", table = "+QICCID: ",
                   fields = { { "iccid", word {}, both("ICCID; absent without a SIM card", "ICCID；未识别到 SIM 卡时为空"), optional = true } } } } },
    },
    examples = { { send = "AT+QCCID", answer = { "AT+QCCID", "+QCCID:898604E6192391620488", "OK" } } },
  },

  {
    name = "ipr", wire = "+IPR", section = "6.1.8",
    summary = both("Reads or sets the serial line's rate and format.", "查询/设置串口波特率"),
    notes = both("OK comes at the old rate; then the module restarts with the new setting. The manual's example writes 1 for one stop bit, its table says 1.5.", "设置完该指令后自动重启生效"),
    urcs = boot_words,
    forms = {
      { kind = "read",
        info = { { prefix = "+IPR:",
                   fields = {
                     { "baudrate", baudrate, both("rate", "UART 波特率"), unit = "bit/s" },
                     { "databits", databits, both("data bits", "数据位"), optional = true },
                     { "stopbits", stopbits, both("stop bits", "停止位"), optional = true },
                     { "parity", parity, both("parity", "校验位"), optional = true },
                   } } } },
      { kind = "set", completion = restart, timeout = 10, arity = { 1, 2, 3, 4 },
        effects = { reboots = true, writes_flash = true,
                    line = { baud = "baudrate", data_bits = "databits", stop_bits = "stopbits", parity = "parity" } },
        args = {
          { "baudrate", baudrate, both("rate; the module's default is 115200", "UART 波特率，默认：115200") },
          { "databits", databits, both("data bits", "数据位"), default = 8 },
          { "stopbits", stopbits, both("stop bits", "停止位"), default = 0 },
          { "parity", parity, both("parity", "校验位"), default = 0 },
        } },
    },
    examples = {
      { send = "AT+IPR=115200,8,1,0",
        answer = { "AT+IPR=115200,8,1,0", "OK", "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" } },
    },
  },

  {
    name = "singlesim", wire = "+SINGLESIM", section = "6.1.9",
    summary = both("Reads or sets the SIM card slot.", "查询/设置 SIM 双卡切换"),
    notes = both("Only once the module has started and has the network. The module restarts. AT+RESTORE does not reset it.",
                 "1. 该指令只能在初始化成功，获取网络状态后使用。2. 该指令设置后会重新启动。3. 恢复出厂设置无法恢复该指令。"),
    urcs = boot_words,
    forms = {
      { kind = "read", effects = { needs_network = true },
        info = { { prefix = "+SINGLESIM:", fields = { { "slot", slot, both("SIM card slot", "SIM 卡卡槽") } } } } },
      { kind = "set", completion = restart, timeout = 10,
        effects = { reboots = true, writes_flash = true, needs_network = true },
        args = { { "id", slot, both("number of the SIM card; the module's default is 0", "SIM 卡的序号，默认：0") } } },
    },
    examples = {
      { send = "AT+SINGLESIM=0",
        answer = { "AT+SINGLESIM=0", "OK", "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" } },
    },
  },

  {
    name = "ota", wire = "+OTA", section = "6.1.10",
    summary = both("Updates the firmware over the air.", "空中升级"),
    notes = both("Only with a link that the manufacturer's engineers published; never use it lightly. The host demands confirm = true.",
                 "该命令需要我司工程师发布升级链接，方可使用，切勿随意使用"),
    urcs = boot_words,
    forms = {
      { kind = "set", timeout = 600, completion = { { "OK", optional = true }, { RDY = "ok", later = 600 } },
        effects = { dangerous = true, reboots = true, writes_flash = true, needs_network = true },
        args = {
          { "mode", int(0, 255), both("update mode; the manual names no values", "升级模式") },
          { "url", str { min = 1, max = 256 }, both("update link", "升级连接") },
        } },
    },
  },

  {
    name = "gpio", wire = "+GPIO", section = "6.1.11",
    summary = both("Reads or sets an IO pin.", "查询/设置 GPIO"),
    notes = both("With the pin alone the command is the query. pull counts only when dir is 2. Used as a module, the pull-down cannot be set (the manual's example does it).",
                 "1. 当只设置<pin>时，用于查询指定 GPIO 配置；2. 当<dir>设置为 2 时，用于设置输入引脚模式，并可设置参数<pull>，<dir>设置其他参数时，设置参数<pull>无效; 3. 当作为模组使用时，无法设置为输入下拉。"),
    forms = {
      { kind = "set", label = "query", summary = both("Reads the pin's level.", "查询 GPIO 状态"),
        args = { { "pin", pin, pin_doc } },
        info = { { prefix = "+GPIO:",
                   fields = { { "pin", pin, pin_doc }, { "value", level, both("level that was read", "读取的电平值") } } } } },
      { kind = "set", label = "set", summary = both("Sets the pin.", "设置 GPIO 状态"),
        args = {
          { "pin", pin, pin_doc },
          { "dir", enum { [0] = both("output low", "输出低电平"), [1] = both("output high", "输出高电平"),
                          [2] = both("input", "输入"), [3] = both("high impedance", "高阻态") },
            both("direction", "引脚输入输出状态") },
          { "pull", enum { [0] = both("floating", "浮空"), [1] = both("pull-down", "下拉"), [2] = both("pull-up", "上拉") },
            both("input mode", "引脚模式"), optional = true },
        },
        info = { { prefix = "+GPIO:", optional = true,
                   fields = { { "pin", pin, pin_doc }, { "value", int(0, 3), both("level or setting", "电平值或配置") } } } } },
    },
    examples = {
      { title = both("input with pull-down", "设置下拉输入"), send = "AT+GPIO=0,2,1",
        answer = { "AT+GPIO=0,2,1", "+GPIO:0,1", "OK" } },
      { title = both("output high", "设置输出高电平"), send = "AT+GPIO=0,1",
        answer = { "AT+GPIO=0,1", "OK" } },
    },
  },
}
