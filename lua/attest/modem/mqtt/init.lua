-- SPDX-License-Identifier: MIT
--- MQTT through the module, with one interface on every module.
--
-- What to send is in a command set of its own (attest.modem.mqtt.qmt for ct12's
-- QMT commands, attest.modem.mqtt.mqtt for ml302's); which one a module has is
-- in its profile. Whatever the module cannot carry is refused before the wire.

local check_options <const> = require("attest.modem.options").check
local core <const> = require "attest.core"
local error_object <const> = require "attest.error"

local sets <const> = {
  mqtt = require "attest.modem.mqtt.mqtt",
  qmt = require "attest.modem.mqtt.qmt",
}

local mqtt <const> = {}

--- Messages that wait for `receive`, and bytes of their payloads; what comes while so many do is
-- lost, and counted where it would stand.
local MOST_UNREAD <const>, MOST_BYTES <const> = 1024, 16 << 20

local events <const> = {
  message = true, connected = true, lost = true, reconnecting = true, timeout = true,
}

local soft <const> = {}
local loud <const> = {}
local mt <const> = { __name = "attest.mqtt", __index = loud }

-- messages and events ------------------------------------------------------------

local function tell(self, event, value)
  for _, fn in ipairs(self.handlers[event] or {}) do
    fn(value)
  end
end

local function wake(self)
  if self.waiter then
    core.wake(self.waiter)
  end
end

local function lose(self)
  local newest = self.inbox[#self.inbox]
  if not newest or not newest.lost then
    newest = { lost = 0, payload = "" }
    self.inbox[#self.inbox + 1] = newest
  end
  newest.lost = newest.lost + 1
  wake(self)
end

local function received(self, fields)
  if not fields.payload then -- longer than any that is taken
    return lose(self)
  end
  local message <const> = {
    topic = fields.topic, payload = fields.payload, qos = fields.qos, duplicate = fields.dup == 1,
    retained = fields.retained == 1, is_damaged = fields.fault ~= nil,
  }
  if #self.inbox >= MOST_UNREAD or self.bytes >= MOST_BYTES then
    lose(self)
  else
    self.inbox[#self.inbox + 1] = message
    self.bytes = self.bytes + #message.payload
    wake(self)
  end
  tell(self, "message", message)
end

local function lost(self, reason)
  if self.state == "connected" or self.state == "reconnecting" then
    self.state = "disconnected"
    tell(self, "lost", reason)
  end
  wake(self)
end

local function came_back(self)
  if self.state == "disconnected" and self.was_connected or self.state == "reconnecting" then
    self.state = "connected"
    tell(self, "connected")
  end
end

local function listen(self)
  local dut <const>, words <const> = self.dut, self.dut.module.profile.mqtt
  self.urcs[#self.urcs + 1] = dut.dialog.router:on(words.received,
    function(fields) received(self, fields) end, function() lose(self) end)
  self.urcs[#self.urcs + 1] = dut:on(words.connected, function() came_back(self) end)
  self.urcs[#self.urcs + 1] = dut:on(words.lost, function() lost(self, words.lost) end)
  self.urcs[#self.urcs + 1] = dut:on(dut.module.profile.boot_word, function()
    lost(self, "reset")
  end)
  self.set.listen(self, function(event, value)
    if event == "reconnecting" then
      self.state = "reconnecting"
    end
    tell(self, event, value)
  end)
end

-- options ---------------------------------------------------------------------------

local known <const> = {
  host = "string", port = "number", client_id = "string", user = "string", password = "string",
  will = "table", keepalive = "number", clean = "boolean", reconnect = "boolean",
  timeout = "seconds above 0",
}
local known_will <const> = {
  topic = "string", message = "string", qos = "number", retain = "boolean",
}
local known_publish <const> = { qos = "number", retain = "boolean" }
local known_wait <const> = { timeout = "seconds from 0" }

--- A broker ends the older of two connections of one name: each module has its own.
local function name_of(dut, given)
  if given.client_id then
    return given.client_id
  end
  local imei <const>, err <const> = dut.try:imei()
  return imei and "attest-" .. imei, err
end

local function settings(dut, given)
  if not given.host then
    return nil, error_object.new { code = "invalid", message = "mqtt: host is missing" }
  end
  local client_id <const>, err <const> = name_of(dut, given)
  if not client_id then
    return nil, err
  end
  local will <const> = given.will
  return {
    host = given.host, port = given.port or 1883, client_id = client_id,
    user = given.user, password = given.password, keepalive = given.keepalive or 60,
    clean = given.clean ~= false, reconnect = given.reconnect == true, timeout = given.timeout,
    will = will and {
      topic = will.topic, message = will.message or "", qos = will.qos or 0,
      retain = will.retain == true,
    },
  }
end

-- methods that may fail ---------------------------------------------------------------

--- Connects to a broker.
-- @tparam table given `host`; `port` (1883), `client_id` ("attest-" and the IMEI), `user`,
--   `password`, `will` (`topic`, `message`, `qos`, `retain`), `keepalive` (seconds, 60), `clean`
--   (true), `reconnect` (false: by the module itself), `timeout` (seconds)
-- @treturn boolean true
-- @raise attest.error "invalid", "rejected" (wrong password, nobody there), "timeout"
function soft.connect(self, given)
  given = given or {}
  check_options("mqtt", given, known)
  check_options("mqtt will", given.will, known_will)
  local wanted <const>, err <const> = settings(self.dut, given)
  if not wanted then
    return nil, err
  end
  local done <const>, failed <const> = self.set.connect(self.dut, wanted)
  if not done then
    return nil, failed
  end
  self.state, self.was_connected = "connected", true
  return true
end

--- Subscribes to a topic filter.
-- @tparam string topic
-- @tparam[opt=0] int qos
-- @treturn boolean true
-- @raise attest.error "invalid", "rejected" (also when the broker refuses), "timeout"
function soft.subscribe(self, topic, qos)
  return self.set.subscribe(self.dut, topic, qos or 0)
end

--- Ends a subscription.
-- @tparam string topic
-- @treturn boolean true
function soft.unsubscribe(self, topic)
  return self.set.unsubscribe(self.dut, topic)
end

--- Publishes a message of any bytes; the command that can carry it is chosen by size and content.
-- @tparam string topic
-- @tparam string payload
-- @tparam[opt] table given `qos` (0), `retain` (false)
-- @treturn boolean true
-- @raise attest.error "invalid" for more than the module carries, "rejected", "timeout"
function soft.publish(self, topic, payload, given)
  given = given or {}
  check_options("publish", given, known_publish)
  if type(payload) ~= "string" then
    error(("publish: a payload is a string, got a %s"):format(type(payload)), 0)
  end
  return self.set.publish(self.dut, topic, payload, given.qos or 0, given.retain and 1 or 0)
end

local function overflow(count)
  return error_object.new {
    code = "overflow", lost = count,
    message = ("%d MQTT messages are lost: more came than wait to be received"):format(count),
  }
end

--- Waits for the next message.
-- @tparam[opt] table given `timeout` in seconds, default 10
-- @treturn table `topic`, `payload`, `qos` and `retained` where the module tells
-- @raise attest.error "timeout", "closed" when the connection is lost; "overflow", with how many
--   are `lost`, once where messages are missing
function soft.receive(self, given)
  check_options("receive", given, known_wait)
  local timeout <const> = given and given.timeout or 10
  local deadline <const> = core.now() + timeout
  while #self.inbox == 0 do
    local left <const> = deadline - core.now()
    if self.is_closed or self.state == "disconnected" then
      return nil, error_object.new { code = "closed", message = "the MQTT connection is lost" }
    elseif left <= 0 then
      return nil, error_object.new {
        code = "timeout", seconds = timeout,
        message = ("no MQTT message within %g s"):format(timeout),
      }
    end
    self.waiter = core.current()
    core.wait(left)
    self.waiter = nil
  end
  local message <const> = table.remove(self.inbox, 1)
  self.bytes = self.bytes - #message.payload
  if message.lost then
    return nil, overflow(message.lost)
  end
  return message
end

--- Asks the module for the state of the connection.
-- @treturn string "connected", "connecting" or "disconnected"
function soft.status(self)
  return self.set.status(self.dut)
end

local function stop_listening(self)
  self.is_closed, self.was_connected, self.state = true, false, "disconnected"
  for _, handle in ipairs(self.urcs) do
    handle:off()
  end
end

--- Disconnects; doing it again is quiet.
-- @treturn boolean true
function soft.disconnect(self)
  if self.is_closed then
    return true
  end
  stop_listening(self)
  local done <const>, err <const> = self.set.disconnect(self.dut)
  if not done and not error_object.is(err, "rejected") then
    return nil, err
  end
  return true
end

for name, fn in pairs(soft) do
  loud[name] = error_object.raising(fn)
end

--- Calls a function at an event, in the task of the DUT's URCs: "message", "lost" (with the word
-- that said so), "connected" (again), "reconnecting" (with the attempt), "timeout" (with its kind).
-- @tparam string event
-- @tparam function fn
function loud.on(self, event, fn)
  if not events[event] then
    error(("mqtt: no event %q"):format(tostring(event)), 2)
  end
  self.handlers[event] = self.handlers[event] or {}
  table.insert(self.handlers[event], fn)
end

--- A connection that goes out of scope is ended; where that cannot be (the task was cancelled, the
-- port is gone), it is the teardown's.
function mt.__close(self)
  pcall(soft.disconnect, self)
end

--- Makes the MQTT object of a module, and connects when a host is given.
-- @tparam attest.dut dut
-- @tparam[opt] table given as for `connect`
-- @treturn attest.mqtt
-- @raise attest.error "unsupported" for a module without MQTT, and as `connect`
function mqtt.open(dut, given)
  check_options("mqtt", given, known)
  check_options("mqtt will", given and given.will, known_will)
  local profile <const> = dut.module.profile.mqtt
  if not profile then
    return nil, error_object.new {
      code = "unsupported", message = ("%s has no MQTT commands"):format(dut.module.name),
    }
  end
  local self <const> = setmetatable({
    dut = dut, set = sets[profile.commands], inbox = {}, handlers = {},
    urcs = {}, state = "idle", bytes = 0, try = {},
  }, mt)
  setmetatable(self.try, { __index = function(_, name)
    return function(_, ...) return soft[name](self, ...) end
  end })
  listen(self)
  if given and next(given) ~= nil then
    local done <const>, err <const> = soft.connect(self, given)
    if not done and (err.code == "invalid" or err.code == "rejected") then
      stop_listening(self)
      return nil, err
    elseif not done then
      soft.disconnect(self) -- it may still be connecting
      return nil, err
    end
  end
  return self
end

return mqtt
