-- SPDX-License-Identifier: MIT
--- DX-CT12-B&C manual, chapter 6.3: power.
-- luacheck: read globals both enum

local mode_doc <const> = both("mode; the module's default is 0", "模式，默认：0")
local sleep <const> = enum { [0] = both("no sleep", "不休眠"), [1] = both("sleep", "休眠") }
local dtr <const> = enum { [0] = both("DTR does not control sleep", "禁用 DTR 控制"), [1] = both("DTR controls sleep", "启用 DTR 控制") }

return {
  title = both("Power", "功耗指令"),

  {
    name = "syssleep", wire = "+SYSSLEEP", section = "6.3.1",
    summary = both("Reads or sets sleep by command.", "查询/设置指令控制休眠"),
    notes = both("Needs AT+CSCLK=0 first, else it fails. In standby the module sleeps; use of the UART wakes it.",
                 "1. 该指令可用于降低功耗；2. 设置指令控制休眠时，需要先发送指令 AT+CSCLK=0 将模块设为禁用 DTR 控制，否则设置失败；3. 待机时，进入休眠模式，串口使用时会唤醒模块，串口使用结束后，重新进入休眠模式"),
    forms = {
      { kind = "read", info = { { prefix = "+SYSSLEEP:", fields = { { "n", sleep, mode_doc } } } } },
      { kind = "set", args = { { "n", sleep, mode_doc } } },
    },
    examples = { { send = "AT+SYSSLEEP=0", answer = { "AT+SYSSLEEP=0", "OK" } } },
  },

  {
    name = "csclk", wire = "+CSCLK", section = "6.3.2",
    summary = both("Reads or sets sleep by DTR.", "查询/设置硬件控制休眠"),
    notes = both("Needs AT+SYSSLEEP=0 first, else it fails. With n = 1 a low DTR puts the module to sleep and a high one wakes it; in standby use of the UART wakes it, too.",
                 "1. <n>=0，无法通过硬件控制模块休眠；2. <n>=1，DTR 为低电平时，模块进入休眠模式；DTR 为高电平时，模块退出休眠模式；3. 设置硬件控制休眠时，需先发送指令 AT+SYSSLEEP=0 将模块设为不休眠模式，否则设置失败；4. 待机时，进入休眠模式，串口使用时会唤醒模块，串口使用结束后，重新进入休眠模式"),
    forms = {
      { kind = "read", info = { { prefix = "+CSCLK:", fields = { { "n", dtr, mode_doc } } } } },
      { kind = "set", args = { { "n", dtr, mode_doc } } },
    },
    examples = { { send = "AT+CSCLK=0", answer = { "AT+CSCLK=0", "OK" } } },
  },
}
