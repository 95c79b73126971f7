-- SPDX-License-Identifier: MIT
--
-- MQTT there and back, on any module that has it: connects with a will,
-- subscribes, publishes payloads of every kind and size, and compares what
-- comes back byte by byte.
--
--     attest run scripts/regression/mqtt_roundtrip.lua --port /dev/ttyUSB0 --module ml302 \
--       -D host=192.168.1.10 -D user=line4 -D password=...
--     attest run scripts/regression/mqtt_roundtrip.lua --sim ct12 \
--       --map broker.example.net=127.0.0.1:1883

local attest <const> = require "attest"

local plan <const> = attest.plan {
  name = "mqtt-roundtrip", version = "1.0",
  params = {
    host = "broker.example.net",
    port = 1883,
    user = "",          -- without one, nobody logs in
    password = "",
    client_id = "attest-roundtrip",  -- of each slot its own: its number is added
    topic = "attest/roundtrip",
  },
}

-- Every byte value, so that a line end, a quote or a NUL cannot hide.
local function pattern(length)
  local all <const> = {}
  for i = 0, 255 do
    all[#all + 1] = string.char(i)
  end
  return table.concat(all):rep(length // 256 + 1):sub(1, length)
end

local TEXTS <const> = {
  "1", "12345678", "with \"quotes\"", "two\r\nlines", "OK\r\n", ">", "+++", "a\\b",
  "\r\nOK\r\n\r\nERROR\r\n", "\0\26\27\255",
}
-- Around what a command line carries, and the most behind a prompt of a ct12
-- (512, 2048) or an ml302 (1024, 1024): what a module cannot carry it must refuse.
local SIZES <const> = { 1, 511, 512, 513, 1023, 1024, 1025, 2047, 2048 }

plan:setup({ timeout = 150 }, function(t)
  t.dut:ready()
  t.dut:registered()
end)

local function topic_of(t, name)
  return ("%s/%d/%s"):format(t.params.topic, t.slot, name)
end

local function connect(t)
  local p <const> = t.params
  return t.dut:mqtt {
    host = p.host, port = p.port, client_id = ("%s-%d"):format(p.client_id, t.slot),
    keepalive = 60, clean = true,
    user = p.user ~= "" and p.user or nil, password = p.password ~= "" and p.password or nil,
    will = { topic = topic_of(t, "will"), message = "gone", qos = 1 },
  }
end

-- Publishes, takes what comes back, and says how they differ.
local function difference(t, session, payload, qos)
  local topic <const> = topic_of(t, qos)
  session:publish(topic, payload, { qos = qos })
  local message <const> = session:receive { timeout = 20 }
  if message.topic ~= topic then
    return "topic " .. message.topic
  elseif message.payload ~= payload then
    return ("%d bytes came back as %d others"):format(#payload, #message.payload)
  end
  return "none"
end

plan:phase("messages come back", { timeout = 300 }, function(t)
  local session <close> = connect(t)
  t:measure("status", session:status()):equals("connected")
  for qos = 0, 2 do
    session:subscribe(topic_of(t, qos), qos)
  end
  for qos = 0, 2 do
    for i, text in ipairs(TEXTS) do
      t:measure(("text %d, QoS %d"):format(i, qos), difference(t, session, text, qos))
        :equals("none")
    end
  end
end)

plan:phase("payloads of every size", { timeout = 300 }, function(t)
  local session <close> = connect(t)
  local carried = 0
  session:subscribe(topic_of(t, 1), 1)
  for _, size in ipairs(SIZES) do
    local done <const>, result <const> = pcall(difference, t, session, pattern(size), 1)
    if done then
      carried = size
      t:measure(("%d bytes"):format(size), result):equals("none")
    else
      -- Refused before anything was sent, since it is more than the module takes.
      t:measure(("%d bytes refused"):format(size), result.code):equals("invalid")
    end
  end
  t:measure("largest message", carried, "B"):at_least(1024)
end)

plan:phase("what is not wanted does not come", { timeout = 120 }, function(t)
  local session <close> = connect(t)
  local topic <const> = topic_of(t, 0)
  session:subscribe(topic, 0)
  t:measure("before unsubscribing", difference(t, session, "wanted", 0)):equals("none")
  session:unsubscribe(topic)
  session:publish(topic, "unwanted")
  local _, err <const> = session.try:receive { timeout = 1 }
  t:measure("after unsubscribing", err and err.code):equals("timeout")
  session:disconnect()
  t:measure("status", session.dut:mqtt():status()):equals("disconnected")
end)

-- A session that a failure left open.
plan:teardown(function(t)
  t.dut:mqtt().try:disconnect()
end)

return plan
