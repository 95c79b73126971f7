-- SPDX-License-Identifier: MIT
--
-- Behaviour of the MQTT commands of the ct12 (manual, 6.6). The connection
-- itself is attest.sim.ct12.broker. QMTSTART only configures: who connects is
-- QMTCONNCFG, although a table of the manual calls QMTSTART "connect".

local broker <const> = require "attest.sim.ct12.broker"

local BAD_LENGTH <const>, BAD_STATE <const>, BAD_DATA <const> = 101, 102, 103
local HAS_SERVER <const>, NO_BROKER <const> = 202, 203
local NOT_SET <const>, VALUES <const> = 1, 2 -- rows of the read forms
local LONGEST <const> = 2048
local CONTINUOUS <const> = 2 -- <stata> of AT+SIMPLEMODE

local NUMBERS <const> = { invalid = BAD_DATA, refused = BAD_DATA, lost = NO_BROKER }

local mqtt = {}

local function print_kept(machine, call, name)
  local values <const> = machine.memory.mqtt:get(name)
  call:row(values and VALUES or NOT_SET, values or {})
end

-- Only what was told: the catalogue fills in nothing here.
local function is_sound(args)
  for _, name in ipairs { "clientid", "username", "password", "will_message" } do
    if args[name] and not broker.is_sound(args[name]) then
      return false
    end
  end
  return not args.will_topic or broker.is_sound(args.will_topic, "name")
end

function mqtt.qmtcfg(machine, call)
  if call.kind == "read" then
    return print_kept(machine, call, "client")
  elseif not is_sound(call.args) then
    return BAD_DATA
  end
  machine.memory.mqtt:set("client", call.args)
end

function mqtt.qmtconncfg(machine, call)
  local server <const> = machine.memory.mqtt
  if call.kind == "read" then
    return print_kept(machine, call, "server")
  elseif server:is_busy() then
    return HAS_SERVER
  end
  server:set("server", call.args)
  call:answer("OK")
  server:connect()
  return false
end

function mqtt.qmtstart(machine, call)
  if call.kind == "read" then
    return call:row(1, machine.memory.mqtt:get("session"))
  end
  machine.memory.mqtt:set("session", call.args)
end

-- Makes a behaviour that needs a connection.
local function connected(fn)
  return function(machine, call)
    local server <const> = machine.memory.mqtt
    if server:status() ~= 1 then
      return BAD_STATE
    end
    return fn(machine, call, server)
  end
end

local function outcome(is_done, why)
  if not is_done then
    return NUMBERS[why]
  end
end

local subscribe <const> = connected(function(_, call, server)
  local args <const> = call.args
  if not server:has_room(args.topic) then
    return BAD_LENGTH
  end
  return outcome(server:subscribe(args.topic, args.qos))
end)

function mqtt.qmtsub(machine, call)
  if call.kind ~= "read" then
    return subscribe(machine, call)
  end
  for _, each in ipairs(machine.memory.mqtt:topics()) do
    call:row(1, each)
  end
end

mqtt.qmtunsub = connected(function(_, call, server)
  return outcome(server:unsubscribe(call.args.topic))
end)

local function message_of(args, payload)
  return { topic = args.topic, qos = args.qos, retain = args.retain == 1, payload = payload }
end

-- Continuous: the length means nothing, +++ ends it (6.5.1, 4.2.3).
local function stream(machine, call, server)
  machine:prompt()
  machine.passthrough:enter(server:stream(message_of(call.args), LONGEST))
  return false
end

-- The data must be exactly as long as announced.
local function publish_long(machine, call, server, length)
  if not broker.is_sound(call.args.topic, "name") then
    return BAD_DATA
  elseif machine.flash:get("simplemode").stata == CONTINUOUS then
    return stream(machine, call, server)
  end
  local payload <const> = call:payload(length)
  if not payload or machine.engine:swallow() then
    return BAD_LENGTH
  elseif server:status() ~= 1 then
    return NO_BROKER -- went while we waited
  end
  return outcome(server:publish(message_of(call.args, payload)))
end

-- A number without quotes is the length of a message to come (4.1.3).
mqtt.qmtpub = connected(function(machine, call, server)
  local message <const> = call.args.message
  if math.type(message) == "integer" then
    return publish_long(machine, call, server, message)
  end
  return outcome(server:publish(message_of(call.args, message)))
end)

mqtt.qmtpubex = connected(function(machine, call, server)
  return publish_long(machine, call, server, call.args.msg_len)
end)

function mqtt.qmtstatu(machine, call)
  call:row(1, { statu = machine.memory.mqtt:status() })
end

function mqtt.qmtdisc(machine, call)
  local server <const> = machine.memory.mqtt
  if server:status() == 0 then
    return BAD_STATE
  end
  call:answer("OK")
  server:disconnect()
  return false
end

return mqtt
