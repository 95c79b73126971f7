-- SPDX-License-Identifier: MIT
--- DX-CT12-B&C manual, chapter 6.5: simple pairing.
-- luacheck: read globals both int enum str address

-- After a restart OK may be missing, and the word may take its time.
local restart <const> = { { "OK", optional = true }, { RDY = "ok", later = 60 } }
local boot_words <const> = { "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" }

local mode <const> = enum {
  [0] = both("normal mode", "正常模式"),
  [1] = both("TCP passthrough", "TCP 透传模式"),
  [2] = both("MQTT passthrough", "MQTT 透传模式"),
}
local stata <const> = enum {
  [0] = both("TCP client", "TCP 客户端"),
  [1] = both("MQTT, single messages", "MQTT 单发通讯"),
  [2] = both("MQTT, continuous", "MQTT 连发通讯"),
}
local mode_doc <const> = both("mode; the module's default is 0", "模式，默认：0")
local stata_doc <const> = both("what it is used for; the module's default is 0", "通讯方式，默认：0")

local transport <const> = enum { TCP = both("TCP", "TCP"), UDP = both("UDP", "UDP") }
local transport_doc <const> = both("transport", "传输协议类型")
local server_doc <const> = both("server's address", "服务器 IP 地址")
local port <const> = int(0, 65535)
local server_port_doc <const> = both("server's port", "服务器端口号")
local local_port_doc <const> = both("local port; 0 lets the module choose", "本地端口号，0 为自动")
local transfer <const> = enum { [0] = both("AT mode", "AT 透传模式"), [1] = both("direct mode", "进入透传模式") }
local transfer_doc <const> = both("transfer mode", "传输模式")

return {
  title = both("Simple pairing", "简易配对指令"),

  {
    name = "simplemode", wire = "+SIMPLEMODE", section = "6.5.1",
    summary = both("Reads or sets the simple pairing mode.", "查询/设置简易配对模式"),
    notes = both("Mode 0, the default, keeps no communication settings when the power goes. Mode 1 keeps those of TCP, and stata can only be 0. Mode 2 keeps those of MQTT and connects to the server again after a power cut, and stata can only be 1 or 2; with stata 2, AT+QMTPUBEX enters data mode, which +++ leaves. Only with a single connection; the module restarts. Until mode 1 has its client, the module prints ERROR=104 again and again.",
                 "1. <mode>=0，正常模式：模块默认为此模式，该模式断电不保存通讯相关指令。2. <mode>=1，TCP 透传模式：断电保存 TCP 相关指令，可快速进行 TCP 透传收发数据，且<stata>只能为 0。3. <mode>=2，MQTT 透传模式：断电保存 MQTT 相关指令，可断电自动重连 MQTT 服务器，且<stata>只能为 1 或 2，<stata>=2 时，设置发布长消息指令后，模块进入透传模式，取消回车换行，发送+++可退出透传。4. 具体操作请查看操作示例。5. 该指令只能在单连接模式下使用，设置完该指令后模块会重启。设置为 TCP 透传模式后，未配置客户端信息时，模块持续输出 ERROR=104"),
    urcs = boot_words,
    forms = {
      { kind = "read",
        info = { { prefix = "+SIMPLEMODE:", fields = { { "mode", mode, mode_doc }, { "stata", stata, stata_doc } } } } },
      { kind = "set", completion = restart, timeout = 10, effects = { reboots = true, writes_flash = true },
        args = { { "mode", mode, mode_doc }, { "stata", stata, stata_doc } },
        combinations = { { mode = 0 }, { mode = 1, stata = 0 }, { mode = 2, stata = { 1, 2 } } } },
    },
  },

  {
    name = "simpleclient", wire = "+SIMPLECLIENT", section = "6.5.2",
    summary = both("Reads or sets the client that the module keeps.", "查询/设置保存客户端配置数据"),
    notes = both("Only in the TCP passthrough mode and with a single connection. The data, which is all arguments as they are written, may take 60 bytes. CONNECT follows the OK once the client is connected.",
                 "1. 该指令只能在 TCP 透传模式下使用。2. 该指令只能在单连接模式下使用。3. 客户端配置数据最大长度为 60。4. 模块返回 CONNECT，ID<link_num>，即连接成功"),
    urcs = { "CONNECT", "DISCONNECT", "UDP_CLOSE", "+QIRD" },
    forms = {
      { kind = "read",
        info = {
          { prefix = "+SIMPLECLIENT:", literal = "NOT SET", constants = { configured = false },
            doc = both("no client was set", "未设置客户端") },
          { prefix = "+SIMPLECLIENT:", constants = { configured = true },
            fields = {
              { "type", transport, transport_doc },
              { "server_ip", str {}, server_doc },
              { "server_port", port, server_port_doc },
              { "local_port", port, local_port_doc },
              { "mode", transfer, transfer_doc, optional = true },
            } } } },
      { kind = "set", timeout = 10, max_text = 60,
        completion = { "OK", { CONNECT = "ok", later = 30, optional = true } },
        effects = { needs_network = true, writes_flash = true, enters_data = { mode = 1 } },
        args = {
          { "type", transport, transport_doc },
          { "server_ip", address {}, server_doc },
          { "server_port", port, server_port_doc },
          { "local_port", port, local_port_doc, default = 0 },
          { "mode", transfer, transfer_doc, default = 0 },
        } },
    },
    examples = {
      { send = "AT+SIMPLECLIENT=\"TCP\",\"8.137.154.246\",2057,0,0",
        answer = { "AT+SIMPLECLIENT=\"TCP\",\"8.137.154.246\",2057,0,0", "OK" } },
    },
  },
}
