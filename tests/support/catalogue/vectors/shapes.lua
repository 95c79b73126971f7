--- Commands of the byte vectors that ct12's chapters 6.1-6.4 do not hold.
--
-- SPDX-License-Identifier: MIT
-- luacheck: read globals both int str word bytes either

local none <const> = both("-", "-")
local qos <const>, flag <const> = int(0, 2), int(0, 1)
local packet <const> = { { "dup", flag, none }, { "packet_id", int(0, 65535), none } }

return {
  title = both("Shapes", "格式"),

  { name = "cpin", wire = "+CPIN", section = "27.007", summary = none,
    forms = {
      { kind = "read", info = { { prefix = "+CPIN: ", fields = { { "state", word {}, none } } } } },
    } },

  { name = "mqttopen", wire = "+MQTTOPEN", section = "-", summary = none,
    forms = {
      { kind = "set", args = { { "flags", word {}, none } },
        info = { { prefix = "+MQTTOPEN:", optional = true, fields = { { "result", word {}, none } } } } },
    } },

  { name = "mqttpub", wire = "+MQTTPUB", section = "-", summary = none,
    forms = {
      { kind = "set", args = { { "topic", str { max = 512 }, none }, { "qos", qos, none } },
        info = {
          { prefix = "+MQTTPUBACK:", fields = packet },
          { prefix = "+MQTTPUBREC:", fields = packet },
          { prefix = "+MQTTPUBCOMP:", fields = packet },
        } },
    } },

  { name = "qmtpubex", wire = "+QMTPUBEX", section = "6.6.5", summary = none,
    forms = {
      { kind = "set",
        args = { { "topic", str { max = 256 }, none }, { "qos", qos, none }, { "retain", flag, none },
                 { "length", int(1, 2048), none, measures = "payload" } },
        payload = { bytes(1, 2048), none, prompt = ">" },
        completion = { { "OK", optional = true }, "prompt", "payload", "OK" } },
    } },

  { name = "qmtconncfg", wire = "+QMTCONNCFG", section = "6.6.2", summary = none,
    urcs = { "MQTTCONNECT" },
    forms = {
      { kind = "set", args = { { "address", str {}, none }, { "port", int(0, 65535), none },
                               { "reconnect", flag, none } },
        completion = { "OK", { MQTTCONNECT = "ok", later = 30 } } },
    } },

  { name = "simpleclient", wire = "+SIMPLECLIENT", section = "6.5.2", summary = none,
    urcs = { "CONNECT" },
    forms = {
      { kind = "set", args = { { "type", str {}, none }, { "server_ip", str {}, none },
                               { "server_port", int(0, 65535), none }, { "local_port", int(0, 65535), none },
                               { "mode", int(0, 1), none } } },
    } },
}
