-- SPDX-License-Identifier: MIT
--
-- The MQTT life of a simulated ML302: what AT+MQTTCFG and AT+MQTTOPEN said, the
-- list of topics, and what goes on between commands: pings, messages, and
-- reconnecting (manual, 3.4). Its phase is one of
--
--     closed    not connected, by command or for good
--     opening   AT+MQTTOPEN waits for the broker
--     open      connected
--     lost      connecting again, or waiting to do so
--     closing   AT+MQTTDISC waits for the connection's end
--
-- Lines that an answer of the broker causes are printed when it comes, so that
-- they stand in the broker's order; the command's own end comes after them.

local await <const> = require "attest.sim.await"
local codec <const> = require "attest.codec"
local core <const> = require "attest.core"
local events <const> = require "attest.sim.ml302.events"
local mqtt_client <const> = require "attest.sim.mqtt_client"

local session = {}

local REFUSED <const>, IS_OPEN <const> = 601, 602
local DUPLICATE <const>, FAILED <const>, BAD_SOCKET <const>, GAVE_UP <const> = 606, 608, 613, 615
local ACK_PATIENCE <const> = 10 -- seconds (2.3.10)
local MARGIN <const> = 10 -- seconds after which an answer that never comes is given up

local methods <const> = {}
local mt <const> = { __name = "attest.sim.ml302.session", __index = methods }

--- Makes one that was never configured.
-- @tparam machine machine
function session.new(machine)
  local self <const> = setmetatable({
    machine = machine,
    phase = "closed",
    topics = {}, -- list of { topic, qos }
    requests = {}, -- by packet identifier
    rsp_echo = 1,
    recon = 1,
    attempts = 0,
    missed = 0,
    timeout = ACK_PATIENCE,
  }, mt)
  self.client = mqtt_client.new {
    net = machine.peers.net,
    rules = machine.peers.rules,
    ack_timeout = ACK_PATIENCE,
    connect_timeout = machine.settings.connect,
    events = events(self),
  }
  return self
end

function methods:is_open()
  return self.phase == "open"
end

--- Tells whether it is connected, or connects again.
function methods:is_alive()
  return self.phase == "open" or self.phase == "lost"
end

--- Prints a line that nobody may be waiting for.
function methods:tell(name, values)
  self.machine:announce(name, values)
end

--- Prints a message that came. The manual's own lengths are often wrong; this
-- one is true.
function methods:tell_message(packet)
  local machine <const> = self.machine
  local dialect <const> = machine.settings.topic == "bare" and "table" or machine.dialect
  local head <const> = codec.announce(machine.module, "+MQTTPUBLISH", {
    dup = packet.dup and 1 or 0,
    qos = packet.qos,
    retained = packet.retain and 1 or 0,
    pack_id = packet.id or 0,
    topic = packet.topic,
    msg_len = #packet.payload,
  }, dialect)
  machine.engine:announce(("\r\n%s,%s\r\n"):format(head, machine.faults:cut(packet.payload)))
  self:keep_pace()
end

--- Stops listening to the broker while the client of the module reads too slowly.
function methods:keep_pace()
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

-- ----------------------------------------------------------------- requests

--- Ends what the running command waits for.
-- @tparam[opt] integer refusal
function methods:finish(refusal)
  local done <const> = self.done
  self.done = nil
  if done then
    done(refusal or false)
  end
end

-- Begins something and waits until finish() is called; `begin` may return a
-- refusal at once. Returns the refusal or nil.
local function run(self, seconds, begin)
  local refusal <const> = await(function(done)
    self.done = done
    local at_once <const> = begin()
    if at_once then
      self:finish(at_once)
    end
    return function()
      self.done = nil
    end
  end, seconds)
  if refusal == nil then
    return BAD_SOCKET
  end
  return refusal or nil
end

--- Tells why nothing can be sent.
-- @tparam integer number to refuse with while it is not connected
-- @treturn ?integer refusal
function methods:hindrance(number)
  if self.phase ~= "open" then
    return self.gave_up and GAVE_UP or number
  end
end

-- Notes a request that the client took; else tells the refusal.
local function note(self, number, request, id, err)
  if not id then
    return err.code == "invalid" and REFUSED or number
  end
  self.requests[id] = request
end

local function find(topics, topic)
  for i, each in ipairs(topics) do
    if each.topic == topic then
      return i
    end
  end
end

--- Adds a topic to the list, or takes it away.
function methods:list(topic, qos)
  local i <const> = find(self.topics, topic) or #self.topics + 1
  if qos then
    self.topics[i] = { topic = topic, qos = qos }
  else
    table.remove(self.topics, i)
  end
end

--- Subscribes.
-- @tparam string topic
-- @tparam integer qos
-- @tparam boolean is_early do not wait for the broker's answer
-- @treturn ?integer refusal
function methods:subscribe(topic, qos, is_early)
  local hindrance <const> = self:hindrance(BAD_SOCKET)
  if hindrance or find(self.topics, topic) then
    return hindrance or DUPLICATE
  end
  local function begin()
    return note(self, BAD_SOCKET, { topic = topic }, self.client:subscribe(topic, qos))
  end
  if is_early then
    return begin()
  end
  return run(self, self.timeout + MARGIN, begin)
end

--- Subscribes anew, without a word, where the broker has forgotten it.
function methods:resubscribe()
  for _, each in ipairs(self.topics) do
    note(self, BAD_SOCKET, { topic = each.topic, is_quiet = true },
      self.client:subscribe(each.topic, each.qos))
  end
end

--- Unsubscribes; waits for the broker's answer.
-- @treturn ?integer refusal
function methods:unsubscribe(topic)
  return self:hindrance(BAD_SOCKET) or run(self, self.timeout + MARGIN, function()
    return note(self, BAD_SOCKET, { topic = topic }, self.client:unsubscribe(topic))
  end)
end

--- Publishes; waits for the broker's answer.
-- @tparam table message of attest.sim.mqtt_client
-- @treturn ?integer refusal
function methods:publish(message)
  local refusal <const> = self:hindrance(FAILED)
  if refusal then
    return refusal
  elseif message.qos == 0 then
    return note(self, FAILED, nil, self.client:publish(message))
  end
  return run(self, 2 * self.timeout + MARGIN, function()
    return note(self, FAILED, {}, self.client:publish(message))
  end)
end

-- --------------------------------------------------------------- connection

--- Begins to connect as AT+MQTTCFG and AT+MQTTOPEN said.
-- @return what the client says
function methods:connect()
  local config <const>, flags <const> = self.config, self.flags
  self.code, self.is_late, self.missed, self.requests = nil, false, 0, {}
  return self.client:connect {
    host = config.host,
    port = config.port,
    client_id = config.id,
    user = flags.usr_flag == 1 and config.user or nil,
    password = flags.pwd_flag == 1 and config.passwd or nil,
    will = flags.will_flag == 1 and {
      topic = flags.will_topic,
      message = flags.will_mesg,
      qos = flags.will_qos,
      retain = flags.will_retain == 1,
    } or nil,
    keepalive = config.keep_alive,
    clean = config.clean == 1,
    ping_interval = config.keep_alive * self.machine.settings.ping,
  }
end

-- Ends reconnecting without a word.
local function abandon(self)
  self.phase = "closed"
  if self.retry then
    self.retry:stop()
    self.retry = nil
  end
  self.client:cut()
end

--- Connects; waits for the broker's judgement. Takes over from reconnecting.
-- @tparam table flags arguments of AT+MQTTOPEN
-- @treturn ?integer refusal
function methods:open(flags)
  if self.phase == "open" then
    return IS_OPEN
  elseif not self.config then
    return REFUSED
  end
  abandon(self)
  self.flags, self.attempts = flags, 0
  self.gave_up, self.has_recovered = false, false
  return run(self, self.machine.settings.connect + MARGIN, function()
    self.phase = "opening"
    if not self:connect() then
      self.phase = "closed"
      return REFUSED
    end
  end)
end

-- A clean session ends with its connection.
local function forget_topics(self)
  if self.config.clean == 1 then
    self.topics = {}
  end
end

--- Disconnects; waits until it is done.
-- @treturn boolean false when there was nothing to disconnect
function methods:disconnect()
  if self.phase == "lost" then
    abandon(self)
  elseif self.phase ~= "open" then
    return false
  else
    run(self, MARGIN, function()
      self.phase = "closing"
      self.client:disconnect()
    end)
    self.phase = "closed"
  end
  forget_topics(self)
  return true
end

--- Notes that it is not connected any more and shall not be.
function methods:give_up()
  self.phase = "closed"
  forget_topics(self)
  self:tell("+MQTTDISC")
end

--- Waits for its turn to connect again.
-- @tparam number seconds
function methods:retry_in(seconds)
  self.phase = "lost"
  self.retry = core.after(seconds, function()
    self.retry = nil
    if self.recon == 0 then
      return self:give_up()
    end
    self:tell("+MQTTREC", { attempt = self.attempts })
    self.attempts = self.attempts + 1
    if not self:connect() then -- AT+MQTTCFG has changed it meanwhile
      self:give_up()
    end
  end)
end

function methods:set_timeout(seconds)
  self.timeout = seconds
  self.client:set_ack_timeout(seconds)
end

--- Forgets what AT+MQTTCFG said.
function methods:forget()
  self.config, self.topics, self.gave_up = nil, {}, false
end

--- Ends everything without a word, so that the broker tells the will.
function methods:stop()
  abandon(self)
end

return session
