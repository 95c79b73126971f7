-- SPDX-License-Identifier: MIT
--
-- What each command of the examples in ml302.lua beside it returns to a
-- script, and what each line that comes unasked tells it: the fields that the
-- manual prints, typed from the manual, and those that follow from its tables
-- (accepted or not).

local nothing <const> = {}

local function granted(pack_id, code, topic)
  return { pack_id = pack_id, code = code, topic = topic, accepted = true }
end

local function message(qos, pack_id, topic, length, payload)
  return {
    dup = 0, qos = qos, retained = 0, pack_id = pack_id, topic = topic, msg_len = length,
    payload = payload,
  }
end

local function short(event)
  event.fault = "short"
  return event
end

return {
  -- What each command of an example returns.
  commands = {
    ["2.3.1-mqttcfg-set"] = { nothing },
    ["2.3.1-mqttcfg-read"] = { {
      configured = true, host = "183.230.40.39", port = 6002, id = "532337966", keep_alive = 60,
      user = "246883", passwd = "***", clean = 0, version = "", encrypt = 0,
    } },
    ["2.3.2-mqttopen"] = { nothing },
    ["2.3.4-mqttsub-set"] = { granted(2, 2, "dev/gsm/u") },
    ["2.3.4-mqttsub-read"] = { { { topic = "dev/gsm/u" } } },
    ["2.3.5-mqttunsub"] = { { pack_id = 8, topic = "test" } },
    ["2.3.6-mqttpub-qos2"] = { { dup = 0, pack_id = 2 } },
    ["2.3.6-mqttpub-qos1"] = { { dup = 0, pack_id = 5 } },
    ["2.3.6-mqttpub-json"] = { nothing },
    ["2.3.7-mqttdisc"] = { nothing },
    ["2.3.8-mqttping-set"] = { nothing },
    ["2.3.9-mqttrec-set"] = { nothing },
    ["3.1-mqttcfg-set"] = { nothing },
    ["3.2-1-mqttopen"] = { nothing },
    ["3.2-2-mqttsub"] = { granted(1, 1, "pyr") },
    ["3.2-3-mqttpub"] = { { dup = 0, pack_id = 1 } },
    ["3.2-4-mqttpub"] = { { dup = 0, pack_id = 3 } },
    ["3.2-5-mqttpub"] = { { dup = 0, pack_id = 4 } },
    ["3.2-6-mqttunsub"] = { { pack_id = 5, topic = "pyr" } },
    ["3.2-7-mqttpub"] = { { dup = 0, pack_id = 6 } },
    ["3.3-1-mqttdisc"] = { nothing },
    ["3.3-2-mqttdel"] = { nothing },
  },

  -- What comes unasked in an example: name of the line and its fields.
  unasked = {
    -- 14 bytes are announced and 12 printed.
    ["2.4.1-publish-qos0"] = {
      { "+MQTTPUBLISH", short(message(0, 0, "test", 14, 'abc"xxxx"abc')) },
    },
    -- 14 bytes are announced and 9 printed.
    ["2.4.1-publish-qos1"] = { { "+MQTTPUBLISH", short(message(1, 1, "test", 14, "abxxxxabc")) } },
    ["2.4.1-publish-qos2"] = {
      { "+MQTTPUBLISH", message(2, 1, "test", 23, '{"action":"leave_hbcd"}') },
      { "+MQTTPUBREL", { dup = 0, pack_id = 1 } },
    },
    ["3.2-4-mqttpub"] = { { "+MQTTPUBLISH", message(1, 1, "pyr", 3, "abc") } },
    ["3.2-5-mqttpub"] = { { "+MQTTPUBLISH", message(1, 1, "pyr", 6, "abcdef") } },
    ["3.4-connection-loss"] = {
      { "+MQTTPINGRSP", {} }, { "+MQTTPINGRSP", {} },
      { "+MQTTTO", { type = 5 } }, { "+MQTTTO", { type = 5 } }, { "+MQTTTO", { type = 5 } },
      { "+MQTTREC", { attempt = 0 } }, { "+MQTTREC", { attempt = 1 } },
      { "+MQTTREC", { attempt = 2 } },
      { "+MQTTDISC", {} },
    },
  },
}
