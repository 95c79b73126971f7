-- SPDX-License-Identifier: MIT
--
-- What each command of the examples in ct12.lua beside it returns to a script:
-- the fields that the manual prints, typed from the manual, and those that are
-- derived from them by the manual's own table (dBm, registered or not).

local function moment(hour, min, sec)
  return {
    year = 2025, month = 10, day = 27, hour = hour, min = min, sec = sec,
    time = ("2025-10-27 %02d:%02d:%02d"):format(hour, min, sec),
  }
end

local function pings(times)
  local rows <const> = {}
  for i, ms in ipairs(times) do
    rows[i] = { ip_addr = "2409:8C54:870:310:0:FF:B0ED:40AC", wait_time = ms, ttl = 52 }
  end
  return rows
end

local PING_TIMES <const> = { 30, 45, 35, 35, 45, 40, 40, 40, 85, 35 }
local nothing <const> = {}

-- What each command of an example returns.
return {
  ["4.1.1-procedure"] = { { link_num = 3 }, nothing, nothing },
  ["6.1.2-gmr"] = { { version = "CT12_V1.0.1" } },
  ["6.1.3-gsn"] = { { imei = "860720087453595" } },
  ["6.1.4-ate0"] = { nothing },
  ["6.1.7-qccid"] = { { iccid = "898604E6192391620488" } },
  ["6.1.8-ipr-set"] = { { baudrate = 115200, databits = 8, stopbits = 1, parity = 0 } },
  ["6.1.9-singlesim-set"] = { nothing },
  ["6.1.11-gpio-input"] = { { pin = 0, value = 1 } },
  ["6.1.11-gpio-output"] = { nothing },
  ["6.2.1-creg-not-registered"] = { { n = 0, stat = 0, registered = false } },
  ["6.2.1-creg-registered"] = { { n = 0, stat = 1, registered = true } },
  ["6.2.2-csq"] = { { rssi = 15, ber = 99, rssi_dbm = -83 } },
  ["6.2.3-qntp-set"] = { moment(21, 53, 20) },
  ["6.2.4-qlts"] = { moment(21, 55, 56) },
  ["6.2.5-qping"] = { pings(PING_TIMES) },
  ["6.2.6-cpsi"] = { {
    plmn = "460-0", mcc = "460", mnc = "0", tac = "0x25ef", scell_id = "47198990",
    pcell_id = "411", dlbw = "5", ulbw = "5", rsrp = "-19", rsrq = "-82", rssi = "-69", sinr = "0",
  } },
  ["6.3.1-syssleep-set"] = { nothing },
  ["6.3.2-csclk-set"] = { nothing },
  ["6.4.1-qiopen"] = { { link_num = 3 } },
  ["6.4.2-qisend"] = { nothing },
  ["6.4.5-qiclose-tcp"] = { nothing },
  ["6.4.5-qiclose-udp"] = { nothing },
  ["6.4.6-qistate"] = { { {
    link_num = 3, type = "TCP", server_ip = "112.125.89.8", server_port = 34287,
    local_port = 61563,
  } } },
  ["6.5.2-simpleclient-set"] = { nothing },
  ["6.6.1-qmtcfg-set"] = { nothing },
  ["6.6.1-qmtcfg-read"] = { {
    configured = true, clientid = "CT12-9999", username = "MQTT1", password = "123456",
    will_qos = 1, will_retain = 1, will_topic = "QQQ", will_message = "123456",
  } },
  ["6.6.2-qmtconncfg-read"] = { { configured = false } },
  ["6.6.2-qmtconncfg-set"] = { nothing },
  ["6.6.3-qmtstart-read"] = { { clean_session = 1, keepalive = 60 } },
  ["6.6.3-qmtstart-set"] = { nothing },
  ["6.6.4-qmtsub"] = { nothing },
  ["6.6.5-qmtpub"] = { nothing },
  ["6.6.6-qmtunsub"] = { nothing },
  ["6.6.7-qmtstatu-0"] = { { statu = 0, connected = false } },
  ["6.6.7-qmtstatu-1"] = { { statu = 1, connected = true } },
  ["6.6.7-qmtstatu-2"] = { { statu = 2, connected = false } },
  ["6.6.8-qmtdisc"] = { nothing },
}
