-- SPDX-License-Identifier: MIT
--- DX-CT12-B&C manual, chapter 6.4: TCP and UDP.
-- luacheck: read globals both int enum str address bytes

local link <const> = int(3, 20)
local link_doc <const> = both("link identifier, from the answer to AT+QIOPEN", "连接标识，由 AT+QIOPEN 返回")
local transport <const> = enum { TCP = both("TCP", "TCP"), UDP = both("UDP", "UDP") }
local port <const> = int(0, 65535)

return {
  title = both("TCP and UDP", "TCP/UDP 指令"),

  {
    name = "qiopen", wire = "+QIOPEN", section = "6.4.1",
    summary = both("Opens a TCP or UDP link.", "建立 TCP/UDP 连接"),
    notes = both("AT mode: data goes through commands, and commands are answered at any time; several links may be open. Direct mode: the module forwards every byte until +++ with its silences; one link only. With TCP a local port that the server uses as well makes the command fail. Completed by CONNECT; an OK before or after it is accepted.",
                 "1. 在 TCP 模式下设置本地端口，如果服务器有占用这个端口，设置本地端口会失败。2. 传输模式：AT 透传模式下，模块通过指令中携带数据完成传输，传输完成后，仍可正常响应指令；直接透传模式下，模块切换透传模式，直接传输数据，如需发送指令需先通过指定格式退出透传"),
    urcs = { "CONNECT", "DISCONNECT", "UDP_CLOSE", "+QIRD" },
    forms = {
      { kind = "set", timeout = 30, completion = { { "OK", optional = true }, { CONNECT = "ok" } },
        effects = { needs_network = true, enters_data = { mode = 1 } },
        args = {
          { "type", transport, both("transport", "传输协议类型") },
          { "server_ip", address {}, both("server's address", "服务器 IP 地址") },
          { "server_port", port, both("server's port", "服务器端口号") },
          { "local_port", port, both("local port; 0 lets the module choose", "本地端口号，0 为自动"), default = 0 },
          { "mode", enum { [0] = both("AT mode", "AT 透传模式"), [1] = both("direct mode", "直接透传模式") },
            both("transfer mode", "传输模式"), default = 0 },
        } },
    },
    examples = {
      { send = "AT+QIOPEN=\"TCP\",\"112.125.89.8\",33124,0,0",
        answer = { "AT+QIOPEN=\"TCP\",\"112.125.89.8\",33124,0,0", "CONNECT,ID:3" } },
    },
  },

  {
    name = "qisend", wire = "+QISEND", section = "6.4.2",
    summary = both("Sends data on a link in AT mode.", "TCP/UDP 发送数据"),
    notes = both("Only in AT mode. The data must be as long as the length says; a line end counts. For UDP the manual lets the length be absent; the host always sends it.",
                 "该指令，只能在 AT 透传模式下使用；数据长度需与该指令<length>参数一致，结束符亦计入长度，即数据结尾无回车换行"),
    forms = {
      { kind = "set", timeout = 10, effects = { needs_network = true },
        args = {
          { "link_num", link, link_doc },
          { "length", int(1, 1024), both("bytes that follow", "数据长度（字节）"), optional = true, measures = "payload" },
        },
        payload = { bytes(1, 1024), both("data to send", "发送的数据"), prompt = ">" },
        completion = { "OK", "prompt", "payload", { ["SEND OK"] = "ok", ["SEND FAIL"] = "send_failed" } } },
    },
    examples = {
      { send = "AT+QISEND=3,10", answer = { "AT+QISEND=3,10", "OK", ">" },
        payload = "1234567890", result = { "SEND OK" } },
    },
  },

  {
    name = "ato", wire = "O", section = "6.4.3",
    summary = both("Enters the direct mode of a link again.", "进入 TCP/UDP 透传模式"),
    notes = both("Sent without a line end. The manual documents no answer.", "1. 该指令只能在数据传输模式下；2. 该指令结尾无结束符，即指令结尾无回车换行"),
    forms = { { kind = "bare", completion = {}, effects = { enters_data = true } } },
  },

  {
    name = "escape", wire = "+++", bare = true, section = "6.4.4",
    summary = both("Leaves the direct mode of a link.", "退出 TCP/UDP 透传模式"),
    notes = both("Sent without a line end, with a silence before and after. The manual documents no answer; OK is accepted.", "该指令结尾无结束符，即指令结尾无回车换行"),
    forms = { { kind = "bare", completion = { { "OK", optional = true, settle = 1 } }, effects = { leaves_data = true } } },
  },

  {
    name = "qiclose", wire = "+QICLOSE", section = "6.4.5",
    summary = both("Closes a link.", "关闭 TCP/UDP 连接"),
    notes = both("DISCONNECT (TCP) or UDP_CLOSE (UDP) follows the OK and names no link.", "TCP 返回 DISCONNECT，UDP 返回 UDP_CLOSE"),
    urcs = { "DISCONNECT", "UDP_CLOSE" },
    forms = {
      { kind = "set", timeout = 10, args = { { "link_num", link, link_doc } },
        completion = { "OK", { DISCONNECT = "ok", UDP_CLOSE = "ok", later = 2, optional = true } } },
    },
    examples = {
      { title = both("close a TCP link", "关闭 TCP 连接"), send = "AT+QICLOSE=3",
        answer = { "AT+QICLOSE=3", "OK", "DISCONNECT" } },
      { title = both("close a UDP link", "关闭 UDP 连接"), send = "AT+QICLOSE=3",
        answer = { "AT+QICLOSE=3", "OK", "UDP_CLOSE" } },
    },
  },

  {
    name = "qistate", wire = "+QISTATE", section = "6.4.6",
    summary = both("Lists the links.", "查询 TCP/UDP 状态"),
    notes = both("Without links there is only OK. The table of the manual prints +CIPOPEN: and leaves the local port out.", "无连接时仅返回 OK"),
    forms = {
      { kind = "exec",
        info = { { prefix = "+QISTATE:", repeated = true,
                   table = { prefix = "+CIPOPEN:", order = { "link_num", "type", "server_ip", "server_port", "" } },
                   fields = {
                     { "link_num", link, both("link identifier", "连接标识") },
                     { "type", transport, both("transport", "传输协议类型") },
                     { "server_ip", str {}, both("server's address", "服务器 IP 地址") },
                     { "server_port", port, both("server's port", "服务器端口号") },
                     { "local_port", port, both("local port", "本地端口号"), optional = true },
                   } } } },
    },
    examples = {
      { send = "AT+QISTATE",
        answer = { "AT+QISTATE", "+QISTATE:3,\"TCP\",\"112.125.89.8\",34287,61563", "OK" } },
    },
  },
}
