-- SPDX-License-Identifier: MIT
--- MQTT by ml302's MQTT commands (manual 2.3): what attest.modem.mqtt sends.

local codec <const> = require "attest.codec"
local error_object <const> = require "attest.error"

local mqtt <const> = {}

local kinds <const> = {
  "connect", "publish", "subscribe", "unsubscribe", "ping", "unknown",
}

--- Listens to what only these commands tell: attempts to reconnect, and what timed out.
function mqtt.listen(self, tell)
  self.urcs[#self.urcs + 1] = self.dut:on("+MQTTREC", function(fields)
    tell("reconnecting", fields.attempt)
  end)
  self.urcs[#self.urcs + 1] = self.dut:on("+MQTTTO", function(fields)
    tell("timeout", kinds[fields.type])
  end)
end

local function configure(dut, o)
  return dut.try:mqttcfg {
    host = o.host, port = o.port, id = o.client_id, keep_alive = o.keepalive,
    user = o.user or "", passwd = o.password or "", clean = o.clean and 1 or 0,
  }
end

local function open(dut, o)
  local will <const> = o.will or { topic = "", message = "", qos = 0 }
  return dut.try:mqttopen({
    usr_flag = o.user and 1 or 0, pwd_flag = o.password and 1 or 0, will_flag = o.will and 1 or 0,
    will_retain = will.retain and 1 or 0, will_qos = will.qos, will_topic = will.topic,
    will_mesg = will.message,
  }, { timeout = o.timeout })
end

function mqtt.connect(dut, o)
  local steps <const> = {
    function() return configure(dut, o) end,
    function() return dut.try:mqttrec { recon = o.reconnect and 1 or 0 } end,
    function() return open(dut, o) end,
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

function mqtt.subscribe(dut, topic, qos)
  local answer <const>, err <const> = dut.try:mqttsub { topic = topic, qos = qos }
  if answer and answer.accepted == false then
    return nil, error_object.new {
      code = "rejected", number = answer.code,
      message = ("the broker refused the subscription to %q"):format(topic),
    }
  end
  return truth(answer, err)
end

function mqtt.unsubscribe(dut, topic)
  return truth(dut.try:mqttunsub { topic = topic })
end

--- Publishes: as text where that can carry it, else with a length and a prompt.
function mqtt.publish(dut, topic, payload, qos, retain)
  local entry <const> = dut.module.entries.mqttpub
  local values <const> = { topic = topic, qos = qos, retain = retain, message = payload }
  if not codec.encode(dut.module, entry, values) then
    values.message, values.payload = #payload, payload
  end
  return truth(dut.try:mqttpub(values))
end

function mqtt.status(dut)
  local answer <const>, err <const> = dut.try:mqttstat()
  if not answer then
    return nil, err
  end
  return answer.connected and "connected" or answer.stat == 0 and "disconnected" or "connecting"
end

function mqtt.disconnect(dut)
  return truth(dut.try:mqttdisc())
end

return mqtt
