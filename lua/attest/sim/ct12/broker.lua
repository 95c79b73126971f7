-- SPDX-License-Identifier: MIT
--
-- The ct12 and its MQTT broker: what was configured (manual, 6.6), the one
-- connection, its subscriptions, and connecting again by itself. Lives from
-- power-on to power-off; what must outlive it is in the flash, and only in
-- simple mode 2 (6.5.1). Parses no command; its waiting calls are for the
-- command's task.
--
-- Where the manual is silent:
--   * an unanswered ping, publish or subscribe means that the broker is gone
--   * the first attempt to connect again comes after `--set reconnect`
--     seconds, each further one waits twice as long, up to 16 times the first
--   * the subscriptions outlive a lost connection, and are made again where
--     the broker forgot them; QMTDISC ends those of a temporary session

local core <const> = require "attest.core"
local mqtt_client <const> = require "attest.sim.mqtt_client"
local mqtt_topic <const> = require "attest.sim.mqtt_topic"
local requests <const> = require "attest.sim.ct12.requests"

local broker = {}

local SIMPLE_MQTT <const> = 2 -- <mode> of AT+SIMPLEMODE
local FIRST_SESSION <const> = { clean_session = 1, keepalive = 60 }
local MOST_DOUBLINGS <const> = 4
local SHORTEST <const> = 0.1 -- seconds
local REFUSED <const> = 128 -- code of a SUBACK

local methods <const> = {}
local mt <const> = { __name = "attest.sim.ct12.broker", __index = methods }

local function keeps(machine)
  return machine.flash:get("simplemode").mode == SIMPLE_MQTT
end

local function save(self)
  if keeps(self.machine) then
    self.machine.flash:set("mqtt", self.kept)
  end
end

-- ------------------------------------------------------------------- events

local function retry_later(self)
  local first <const> = self.machine.settings.reconnect
  local delay <const> = math.max(first, SHORTEST) * 2 ^ math.min(self.failures, MOST_DOUBLINGS)
  self.failures = self.failures + 1
  self.retry = core.after(delay, function()
    self.retry = nil
    self:attempt()
  end)
end

local function farewell(self)
  local channel <const> = self.channel
  self.channel = nil
  self.machine:lose(channel, self.machine.module.profile.mqtt.lost)
end

local events <const> = {}

function events.connack(self, code, has_session)
  if code ~= 0 then
    return
  end
  self.is_connected, self.is_commanded, self.failures = true, false, 0
  self.machine:announce(self.machine.module.profile.mqtt.connected)
  for _, each in ipairs(has_session and {} or self.kept.topics) do
    self.client:subscribe(each.topic, each.qos)
  end
end

-- The printed failure of a connection that a command asked for.
local function tell_failure(self)
  local CONNECT_FAILED <const> = 203
  local text <const> = self.machine:refuse(CONNECT_FAILED)
  self.machine.engine:announce("\r\n" .. text .. "\r\n")
end

function events.closed(self)
  local was_connected <const>, is_commanded <const> = self.is_connected, self.is_commanded
  local is_leaving <const> = self.is_leaving
  self.is_connected, self.is_commanded, self.is_leaving = false, false, false
  self.requests:fail()
  if was_connected or is_leaving then
    farewell(self)
  elseif is_commanded then
    tell_failure(self)
  end
  if not is_leaving and self.kept.server.reconnect == 1 then
    retry_later(self)
  end
end

function events.timeout(self, kind, id)
  if kind == "ping" and self.is_paused then
    return -- nobody listened
  elseif kind ~= "connect" then
    self.requests:fail(id)
    self.client:cut()
  end
end

-- What the client reads too slowly is left to the network.
local function pause(self)
  local line <const> = self.machine.line
  if self.is_paused or not line:is_crowded() then
    return
  end
  self.is_paused = true
  self.client:pause()
  line:when_drained(function()
    self.is_paused = false
    self.client:resume()
  end)
end

function events.publish(self, packet)
  local name <const> = self.machine.module.profile.mqtt.received
  self.machine:announce_payload(name, { topic = packet.topic }, packet.payload)
  pause(self)
end

function events.suback(self, id, codes)
  self.requests:answer(id, codes[1])
end

for _, name in ipairs { "unsuback", "puback", "pubcomp" } do
  events[name] = function(self, id)
    self.requests:answer(id, true)
  end
end

-- After power-off nothing is heard.
local function listen(self)
  local heard <const> = {}
  for name, fn in pairs(events) do
    heard[name] = function(...)
      if not self.is_off then
        fn(self, ...)
      end
    end
  end
  return heard
end

--- Makes what knows the broker, at power-on.
-- @tparam machine machine
function broker.new(machine)
  local kept <const> = keeps(machine) and machine.flash:get("mqtt") or {}
  kept.topics = kept.topics or {}
  kept.session = kept.session or FIRST_SESSION
  local self <const> = setmetatable({ machine = machine, kept = kept, failures = 0 }, mt)
  self.client = mqtt_client.new {
    net = machine.peers.net,
    rules = machine.peers.rules,
    events = listen(self),
  }
  self.requests = requests.new(self.client)
  return self
end

--- Ends everything at once; the broker sees the connection go without a word.
function methods:power_off()
  self.is_off = true
  if self.retry then
    self.retry:stop()
  end
  self.client:cut()
end

-- --------------------------------------------------------------- connection

--- Reads what was configured.
-- @tparam string name "client", "server" or "session"
-- @treturn table|nil
function methods:get(name)
  return self.kept[name]
end

--- Configures; the next connection uses it.
-- @tparam string name
-- @tparam table values
function methods:set(name, values)
  self.kept[name] = values
  save(self)
end

local function some(text)
  return text ~= "" and text or nil
end

-- Without QMTCFG: as in the manual's answer, CT12- and four digits.
local function default_client(machine)
  return { clientid = "CT12-" .. machine.settings.imei:sub(-4) }
end

local function will_of(client)
  return client.will_topic and {
    topic = client.will_topic,
    message = client.will_message,
    qos = client.will_qos,
    retain = client.will_retain == 1,
  }
end

--- Tries once to connect; what comes of it is told by lines.
function methods:attempt()
  local client <const> = self.kept.client or default_client(self.machine)
  local server <const>, session <const> = self.kept.server, self.kept.session
  local is_begun <const> = self.client:connect {
    host = server.address,
    port = server.port,
    client_id = client.clientid,
    user = some(client.username),
    password = some(client.username) and some(client.password),
    will = will_of(client),
    clean = session.clean_session == 1,
    keepalive = session.keepalive,
  }
  if not is_begun then
    self.is_commanded = false
    tell_failure(self)
  end
end

--- Connects; MQTTCONNECT or a failure is told later.
function methods:connect()
  self:stop_retrying()
  self.is_commanded, self.failures = true, 0
  self:attempt()
end

--- The network is there: connects to the broker that was kept.
function methods:online()
  if keeps(self.machine) and self.kept.server then
    self:connect()
  end
end

function methods:stop_retrying()
  if self.retry then
    self.retry:stop()
    self.retry = nil
    return true
  end
end

--- Tells how far the connection is.
-- @treturn integer <statu> of AT+QMTSTATU: 0 none, 1 connected, 2 connecting
function methods:status()
  local NONE <const>, CONNECTED <const>, CONNECTING <const> = 0, 1, 2
  if self.is_connected and not self.is_leaving then
    return CONNECTED
  elseif self.is_leaving or not self.retry and self.client:state() == "closed" then
    return NONE
  end
  return CONNECTING
end

--- Tells whether a connection is there, or under way.
function methods:is_busy()
  return self.client:state() ~= "closed"
end

--- Disconnects, or ends the attempts to connect; MQTTDISCONNECT is told later.
function methods:disconnect()
  if self.kept.session.clean_session == 1 then
    self.kept.topics = {}
    save(self)
  end
  if self:stop_retrying() then
    return farewell(self)
  end
  self.is_leaving = true
  self.client:disconnect()
end

-- ----------------------------------------------------------------- requests

local function find(topics, topic)
  for i, each in ipairs(topics) do
    if each.topic == topic then
      return i
    end
  end
end

--- Lists the subscriptions.
-- @treturn table list of `{ topic, qos }`
function methods:topics()
  return self.kept.topics
end

--- Tells whether another topic fits.
function methods:has_room(topic)
  local most <const> = self.machine.module.profile.mqtt.subscriptions
  return find(self.kept.topics, topic) ~= nil or #self.kept.topics < most
end

--- Subscribes, once more too; waits.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string "invalid", "refused" by the broker, or "lost"
function methods:subscribe(topic, qos)
  local code <const>, why <const> = self.requests:run("subscribe", topic, qos)
  if not code then
    return nil, why
  elseif code == REFUSED then
    return nil, "refused"
  end
  local topics <const> = self.kept.topics
  topics[find(topics, topic) or #topics + 1] = { topic = topic, qos = qos }
  save(self)
  return true
end

--- Unsubscribes; waits. The broker may know topics of an older session.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string as of subscribe()
function methods:unsubscribe(topic)
  local is_done <const>, why <const> = self.requests:run("unsubscribe", topic)
  local at <const> = is_done and find(self.kept.topics, topic)
  if at then
    table.remove(self.kept.topics, at)
    save(self)
  end
  return is_done, why
end

--- Publishes; waits until the broker has the message.
-- @tparam table message `topic`, `qos`, `retain`, `payload`
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string as of subscribe()
function methods:publish(message)
  return self.requests:run("publish", message)
end

--- Makes a channel (see attest.sim.passthrough) that publishes what is typed,
-- in messages of `piece` bytes at most. Lines that nobody asked for come in
-- between: there is no other data.
-- @tparam table message `topic`, `qos`, `retain`
-- @tparam integer piece
function methods:stream(message, piece)
  local function ignore() end
  self.channel = {
    piece = piece,
    send = function(bytes)
      self.client:publish {
        topic = message.topic, qos = message.qos, retain = message.retain, payload = bytes,
      }
    end,
    entered = ignore,
    left = ignore,
    hold = ignore,
  }
  return self.channel
end

--- Tells whether MQTT can carry a text, as a filter or as a name.
-- @tparam string text
-- @tparam[opt="text"] string use "text", "name" or "filter"
function broker.is_sound(text, use)
  return mqtt_topic["check_" .. (use or "text")](text) == nil
end

return broker
