-- SPDX-License-Identifier: MIT
--- MQTT by ct12's QMT commands (manual 6.6): what attest.modem.mqtt sends.

local codec <const> = require "attest.codec"

local qmt <const> = {}

local states <const> = { [0] = "disconnected", [1] = "connected", [2] = "connecting" }

--- Listens to what only these commands tell: nothing.
function qmt.listen() end

local function client(o)
  local will <const> = o.will
  if will then
    return {
      clientid = o.client_id, username = o.user or "", password = o.password or "",
      will_qos = will.qos, will_retain = will.retain and 1 or 0, will_topic = will.topic,
      will_message = will.message,
    }
  elseif o.user or o.password then
    return { clientid = o.client_id, username = o.user or "", password = o.password or "" }
  end
  return { clientid = o.client_id }
end

--- Connects: the session first, since the server's configuration connects at once.
function qmt.connect(dut, o)
  local steps <const> = {
    function()
      return dut.try:qmtstart { clean_session = o.clean and 1 or 0, keepalive = o.keepalive }
    end,
    function() return dut.try:qmtcfg(client(o)) end,
    function()
      return dut.try:qmtconncfg(
        { address = o.host, port = o.port, reconnect = o.reconnect and 1 or 0 },
        { timeout = o.timeout })
    end,
  }
  for _, step in ipairs(steps) do
    local done <const>, err <const> = step()
    if not done then
      return nil, err
    end
  end
  return true
end

local function truth(result, err)
  if result then
    return true
  end
  return nil, err
end

function qmt.subscribe(dut, topic, qos)
  return truth(dut.try:qmtsub { topic = topic, qos = qos })
end

function qmt.unsubscribe(dut, topic)
  return truth(dut.try:qmtunsub { topic = topic })
end

--- Publishes: as text where that can carry it, else with a length and a prompt.
function qmt.publish(dut, topic, payload, qos, retain)
  local entry <const> = dut.module.entries.qmtpub
  local text <const> = { topic = topic, qos = qos, retain = retain, message = payload }
  if codec.encode(dut.module, entry, text) then
    return truth(dut.try:qmtpub(text))
  end
  return truth(dut.try:qmtpubex { topic = topic, qos = qos, retain = retain, payload = payload })
end

function qmt.status(dut)
  local answer <const>, err <const> = dut.try:qmtstatu()
  return answer and states[answer.statu], err
end

function qmt.disconnect(dut)
  return truth(dut.try:qmtdisc())
end

return qmt
