-- SPDX-License-Identifier: MIT
--
-- An MQTT 3.1.1 client as a module has one: it shows every packet identifier,
-- acknowledgement, ping and deadline through events, and decides nothing: when
-- to reconnect, what to print and what a silent broker means are its owner's.
-- Never waits. Its session outlives its connections.
--
-- Events, all optional; each may call the client:
--
--     connack(code, has_session)    suback(id, codes)   unsuback(id)
--     puback(id)  pubrec(id)  pubcomp(id)               of our own messages
--     publish(packet)  pubrel(id)                       of messages that came
--     pingresp()
--     timeout(kind, id)    "connect" "publish" "subscribe" "unsubscribe" "ping"
--     closed(reason, err)  "refused" nobody there, or a code other than 0
--                          "by_peer" gone; err unless it was closed orderly
--                          "by_us"   disconnect() or cut()
--                          "error"   it broke the protocol, or no CONNACK came
--
-- Each connect() that returns true ends in exactly one `closed`. No CONNACK in
-- time is `timeout` and `closed`; any other timeout ends nothing, and an
-- answer that comes after it is no event.

local errors <const> = require "attest.error"
local inbox <const> = require "attest.sim.mqtt_inbox"
local mqtt_link <const> = require "attest.sim.mqtt_link"
local mqtt_packet <const> = require "attest.sim.mqtt_packet"
local mqtt_session <const> = require "attest.sim.mqtt_session"

local mqtt_client = {}

-- Seconds.
local PATIENCE <const> = 10

local OPTIONS <const> = {
  net = true, rules = true, events = true, largest = true,
  ack_timeout = true, connect_timeout = true,
}
local EVENTS <const> = {
  connack = true, suback = true, unsuback = true, puback = true, pubrec = true, pubcomp = true,
  publish = true, pubrel = true, pingresp = true, timeout = true, closed = true,
}
local CONNECT <const> = {
  host = true, port = true, client_id = true, user = true, password = true, will = true,
  keepalive = true, clean = true, ping_interval = true,
}

local methods <const> = {}
local mt <const> = { __name = "attest.sim.mqtt_client", __index = methods }

local function check_keys(given, allowed, what)
  for key in pairs(given) do
    if not allowed[key] then
      error(("%s: unknown option %q"):format(what, tostring(key)), 3)
    end
  end
end

--- Makes a client that is not connected.
-- @tparam table options `net` (see attest.sim.net), `events` (functions, see
--   above); optional `rules` (see attest.sim.redirect), `ack_timeout` and
--   `connect_timeout` (seconds, 10), `largest` (bytes of a packet that comes)
function mqtt_client.new(options)
  check_keys(options, OPTIONS, "mqtt_client.new")
  check_keys(options.events, EVENTS, "mqtt_client.new: events")
  return setmetatable({
    net = options.net,
    rules = options.rules or {},
    events = options.events,
    largest = options.largest,
    ack_timeout = options.ack_timeout or PATIENCE,
    connect_timeout = options.connect_timeout or PATIENCE,
    session = mqtt_session.new(),
  }, mt)
end

-- Tells an event; for the parts of this client only.
function methods:emit(name, ...)
  local fn <const> = self.events[name]
  if fn then
    fn(...)
  end
end

--- Tells how far the connection is.
-- @treturn string "closed", "connecting", "waiting" (for CONNACK),
--   "connected" or "closing"
function methods:state()
  return self.link and self.link.state or "closed"
end

--- Sets the time that the broker has for an answer, from the next request on.
-- @tparam number seconds
function methods:set_ack_timeout(seconds)
  self.ack_timeout = seconds
  if self.link then
    self.link.ack_timeout = seconds
  end
end

-- --------------------------------------------------------------- connection

local function start(self, options, hello)
  local link
  link = mqtt_link.new {
    host = options.host,
    port = options.port,
    net = self.net,
    rules = self.rules,
    largest = self.largest,
    hello = hello,
    ack_timeout = self.ack_timeout,
    connect_timeout = self.connect_timeout,
    ping_interval = options.ping_interval or (options.keepalive or 0) / 2,
    on = {
      packet = function(packet)
        inbox(self, link, packet)
      end,
      timeout = function(kind, id)
        self:emit("timeout", kind, id)
      end,
      closed = function(reason, err)
        self.link = nil
        self:emit("closed", reason, err)
      end,
    },
  }
  self.link = link
  link:open()
end

--- Connects to a broker; a clean session forgets the one before.
-- @tparam table options `host`, `port`, `client_id`; optional `user`,
--   `password`, `will` (`topic`, `message`, `qos`, `retain`), `keepalive`
--   (seconds, 0 is none), `clean`, `ping_interval` (seconds between the last
--   packet sent and a ping, 0 is none; half of `keepalive`)
-- @treturn[1] boolean true; `closed` follows, `connack` may come before
-- @treturn[2] nil
-- @treturn[2] error `busy` or `invalid`
function methods:connect(options)
  check_keys(options, CONNECT, "connect")
  if self.link then
    return nil, errors.new { code = "busy", message = "MQTT is connected already" }
  end
  local hello <const>, err <const> = mqtt_packet.encode {
    type = "connect",
    client_id = options.client_id,
    clean = options.clean,
    keepalive = options.keepalive,
    will = options.will,
    user = options.user,
    password = options.password,
  }
  if not hello then
    return nil, err
  end
  if options.clean then
    self.session = mqtt_session.new()
  end
  start(self, options, hello)
  return true
end

local function not_connected()
  return nil, errors.new { code = "closed", message = "MQTT is not connected" }
end

--- Sends DISCONNECT, so that the broker drops the will, and closes.
-- @treturn[1] boolean true; `closed` follows when it has left
-- @treturn[2] nil
-- @treturn[2] error `closed`
function methods:disconnect()
  if self:state() == "closed" or self:state() == "closing" then
    return not_connected()
  end
  self.link:say_goodbye()
  return true
end

--- Drops the connection without a word, so that the broker tells the will.
-- Twice is legal.
function methods:cut()
  if self.link then
    self.link:finish("by_us")
  end
end

--- Stops receiving for a while, because what came cannot be told fast enough.
function methods:pause()
  if self.link then
    self.link.wire:pause()
  end
end

--- Receives again.
function methods:resume()
  if self.link then
    self.link.wire:resume()
  end
end

-- ----------------------------------------------------------------- requests

local function send_publish(self, packet)
  local bytes <const>, err <const> = mqtt_packet.encode(packet)
  if not bytes then
    return nil, err
  end
  self.link:send_bytes(bytes)
  return 0
end

-- Sends what wants an answer, with a fresh identifier.
local function request(self, kind, packet)
  if self:state() ~= "connected" then
    return not_connected()
  elseif packet.type == "publish" and packet.qos == 0 then
    return send_publish(self, packet)
  end
  local link <const> = self.link
  packet.id = self.session:free_id(link.requests)
  if not packet.id then
    return nil, errors.new { code = "busy", message = "every packet identifier is in use" }
  end
  local bytes <const>, err <const> = mqtt_packet.encode(packet)
  if not bytes then
    return nil, err
  end
  self.session:claim(packet.id)
  if packet.type == "publish" then
    self.session:add(packet)
  end
  link:watch({ kind = kind }, packet.id)
  link:send_bytes(bytes)
  return packet.id
end

--- Subscribes.
-- @tparam string filter
-- @tparam integer qos 0, 1 or 2
-- @treturn[1] integer packet identifier; `suback` or `timeout` follows
-- @treturn[2] nil
-- @treturn[2] error `closed`, `busy` or `invalid`
function methods:subscribe(filter, qos)
  return request(self, "subscribe", {
    type = "subscribe",
    filters = { { filter = filter, qos = qos } },
  })
end

--- Unsubscribes.
-- @tparam string filter
-- @treturn[1] integer packet identifier; `unsuback` or `timeout` follows
-- @treturn[2] nil
-- @treturn[2] error `closed`, `busy` or `invalid`
function methods:unsubscribe(filter)
  return request(self, "unsubscribe", { type = "unsubscribe", filters = { filter } })
end

--- Publishes.
-- @tparam table message `topic`, `payload`, `qos` and `retain`
-- @treturn[1] integer packet identifier, 0 with QoS 0; else `puback`, or
--   `pubrec` and `pubcomp`, or `timeout` follows
-- @treturn[2] nil
-- @treturn[2] error `closed`, `busy` or `invalid`
function methods:publish(message)
  return request(self, "publish", {
    type = "publish",
    topic = message.topic,
    payload = message.payload,
    qos = message.qos or 0,
    retain = message.retain,
  })
end

return mqtt_client
