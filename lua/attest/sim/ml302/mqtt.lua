-- SPDX-License-Identifier: MIT
--
-- Behaviour of the MQTT commands of the ML302 (manual, 2.3). What outlives a
-- command is in attest.sim.ml302.session; lines such as +MQTTPUBACK come from
-- there too, the moment their packet does.

local REFUSED <const>, IS_OPEN <const>, FAILED <const>, IS_CLOSED <const> = 601, 602, 608, 620
local MAX_MESSAGE <const> = 1024

local mqtt = {}

local CONFIG <const> = {
  "host", "port", "id", "keep_alive", "user", "passwd", "clean", "version", "encrypt",
}
local UNSET_ROW <const>, CONFIG_ROW <const> = 1, 2

local function show_config(session, call)
  if not session.config then
    return call:row(UNSET_ROW, {})
  end
  local shown <const> = { passwd = "***" }
  for _, name in ipairs(CONFIG) do
    shown[name] = shown[name] or session.config[name]
  end
  call:row(CONFIG_ROW, shown)
end

-- The version means something to the maker's platform only: that it is there
-- is all that is checked, and the connection stays in clear.
function mqtt.mqttcfg(machine, call)
  local session <const>, args <const> = machine.mqtt, call.args
  if call.kind == "read" then
    return show_config(session, call)
  elseif session:is_open() then
    return IS_OPEN
  elseif args.encrypt == 1 and args.version == "" then
    return REFUSED
  end
  local config <const> = { version = "", encrypt = 0 }
  for _, name in ipairs(CONFIG) do
    config[name] = args[name] or config[name]
  end
  session.config = config
end

function mqtt.mqttopen(machine, call)
  local refusal <const> = machine.mqtt:open(call.args)
  if refusal then
    return refusal
  elseif machine.dialect == "field" then
    call:answer("OK")
    machine:announce("+MQTTOPEN")
    return false
  end
end

-- State 3, CONNECT is being sent, lasts no time here.
function mqtt.mqttstat(machine, call)
  local STATES <const> = { connected = 1, connecting = 2, waiting = 4 }
  call:row(1, { stat = STATES[machine.mqtt.client:state()] or 0 })
end

local HEADER <const>, WITH_QOS <const>, TOPIC_ALONE <const> = 1, 3, 4

local function list_topics(machine, call)
  call:row(HEADER, {})
  local row <const> = machine.dialect == "table" and WITH_QOS or TOPIC_ALONE
  for _, each in ipairs(machine.mqtt.topics) do
    call:row(row, each)
  end
end

-- Real modules answer OK before the broker has judged.
function mqtt.mqttsub(machine, call)
  if call.kind == "read" then
    return list_topics(machine, call)
  end
  return machine.mqtt:subscribe(call.args.topic, call.args.qos, machine.dialect == "field")
end

function mqtt.mqttunsub(machine, call)
  return machine.mqtt:unsubscribe(call.args.topic)
end

-- <dup> is taken and forgotten: the module sets it to 0 (2.3.6).
function mqtt.mqttpub(machine, call)
  local args <const>, session <const> = call.args, machine.mqtt
  local refusal <const> = session:hindrance(FAILED)
  if refusal then
    return refusal
  end
  local message = args.message
  if math.type(message) == "integer" then
    message = call:payload(message, MAX_MESSAGE)
    machine.engine:release()
  end
  if not message then
    return FAILED
  end
  return session:publish {
    topic = args.topic, payload = message, qos = args.qos, retain = args.retain == 1,
  }
end

function mqtt.mqttdisc(machine, call)
  if not machine.mqtt:disconnect() then
    return IS_CLOSED
  end
  call:word("+MQTTDISC")
end

function mqtt.mqttping(machine, call)
  local session <const> = machine.mqtt
  if call.kind == "read" then
    return call:row(1, { rsp_echo = session.rsp_echo })
  elseif not session:is_alive() then
    return REFUSED
  end
  session.rsp_echo = call.args.rsp_echo
end

function mqtt.mqttrec(machine, call)
  local session <const> = machine.mqtt
  if call.kind == "read" then
    return call:row(1, { recon = session.recon, reconnum = session.attempts })
  end
  session.recon = call.args.recon
end

function mqtt.mqttto(machine, call)
  local session <const> = machine.mqtt
  if call.kind == "read" then
    return call:row(1, { timeout = session.timeout })
  end
  session:set_timeout(call.args.timeout)
end

function mqtt.mqttdel(machine)
  if machine.mqtt:is_alive() then
    return IS_OPEN
  end
  machine.mqtt:forget()
end

return mqtt
