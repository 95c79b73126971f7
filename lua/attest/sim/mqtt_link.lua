-- SPDX-License-Identifier: MIT
--
-- A connection of an MQTT client with everything that ends with it: its state,
-- the requests that wait for an answer, their deadlines and the pings. Knows
-- no session. Ends once, whatever the cause, with `on.closed`; then no timer
-- of it is left.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local mqtt_packet <const> = require "attest.sim.mqtt_packet"
local mqtt_wire <const> = require "attest.sim.mqtt_wire"

local mqtt_link = {}

-- Seconds for a DISCONNECT to leave.
local GOODBYE <const> = 1
-- What is due within this time is due: the core counts milliseconds.
local TICK <const> = 0.001

local methods <const> = {}
local mt <const> = { __name = "attest.sim.mqtt_link", __index = methods }

local function stop_timer(owner, name)
  if owner[name] then
    owner[name]:stop()
    owner[name] = nil
  end
end

local function stop_timers(self)
  for _, request in pairs(self.requests) do
    stop_timer(request, "deadline")
  end
  for _, name in ipairs { "deadline", "ping", "pong" } do
    stop_timer(self, name)
  end
end

--- Makes a link that is not open yet.
-- @tparam table options `host`, `port`, `net`, `rules`, `largest` as in
--   attest.sim.mqtt_wire; `hello` (bytes of CONNECT), `ack_timeout`,
--   `connect_timeout`, `ping_interval` (seconds; 0 is none) and `on`:
--   `packet(packet)`, `timeout(kind, id)`, `closed(reason, err)`
function mqtt_link.new(options)
  local self <const> = setmetatable({
    state = "connecting",
    on = options.on,
    requests = {},
    ack_timeout = options.ack_timeout,
    connect_timeout = options.connect_timeout,
    ping_interval = options.ping_interval,
  }, mt)
  self.wire = mqtt_wire.new {
    host = options.host,
    port = options.port,
    net = options.net,
    rules = options.rules,
    largest = options.largest,
    on = {
      open = function()
        self.state = "waiting"
        self:send_bytes(options.hello)
      end,
      packet = function(packet)
        if self.state ~= "closing" then
          self.on.packet(packet)
        end
      end,
      closed = function(reason, err)
        self:finish(reason, err)
      end,
    },
  }
  return self
end

--- Begins to connect.
function methods:open()
  self.deadline = core.after(self.connect_timeout, function()
    self.deadline = nil
    self.on.timeout("connect")
    self:finish("error", errors.new { code = "timeout", message = "no CONNACK in time" })
  end)
  self.wire:open()
end

--- Ends the link; a second end is none.
-- @tparam string reason
-- @tparam[opt] err
function methods:finish(reason, err)
  if self.state == "closed" then
    return
  end
  local is_goodbye <const> = self.state == "closing"
  self.state = "closed"
  stop_timers(self)
  self.wire:close()
  if is_goodbye then
    self.on.closed("by_us")
  else
    self.on.closed(reason, err)
  end
end

--- Sends bytes of a packet, unless the link ended.
function methods:send_bytes(bytes)
  if self.state == "waiting" or self.state == "connected" then
    self.sent_at = core.now()
    self.wire:write(bytes)
  end
end

--- Sends a packet made of nothing that could be wrong.
function methods:send(packet)
  self:send_bytes(assert(mqtt_packet.encode(packet)))
end

--- Sends DISCONNECT and ends when it has left.
function methods:say_goodbye()
  stop_timers(self)
  local function finish()
    self:finish("by_us")
  end
  if self.state ~= "connected" then
    return finish()
  end
  self.state = "closing"
  self.deadline = core.after(GOODBYE, finish)
  self.wire:write(assert(mqtt_packet.encode { type = "disconnect" }), finish)
end

-- -------------------------------------------------------------------- pings

local schedule_ping

-- One ping is under way at a time; a late answer is an answer to the next.
local function ping(self)
  self.pong = core.after(self.ack_timeout, function()
    self.pong = nil
    schedule_ping(self)
    self.on.timeout("ping")
  end)
  self:send { type = "pingreq" }
end

local function ping_due_in(self)
  return self.sent_at + self.ping_interval - core.now()
end

-- Counts from the last packet sent, whatever it was, as the broker does.
function schedule_ping(self)
  if self.ping_interval == 0 or self.ping then
    return
  end
  self.ping = core.after(math.max(ping_due_in(self), 0), function()
    self.ping = nil
    if ping_due_in(self) < TICK then
      ping(self)
    else
      schedule_ping(self)
    end
  end)
end

--- Notes that the broker accepted us: pings begin.
function methods:accepted()
  stop_timer(self, "deadline")
  self.state = "connected"
  schedule_ping(self)
end

--- Notes the answer to a ping.
function methods:ponged()
  stop_timer(self, "pong")
  schedule_ping(self)
end

-- ----------------------------------------------------------------- requests

--- Waits for an answer from now on.
-- @tparam table request `kind` as `on.timeout` says it; `is_late` is set when
--   no answer came in time
-- @tparam integer id
function methods:watch(request, id)
  stop_timer(request, "deadline")
  self.requests[id] = request
  request.deadline = core.after(self.ack_timeout, function()
    request.deadline = nil
    if not request.is_late then
      request.is_late = true
      self.on.timeout(request.kind, id)
    end
  end)
end

--- Ends a request.
-- @tparam integer id
-- @treturn boolean whether somebody still waited for its answer
function methods:answered(id)
  local request <const> = self.requests[id]
  self.requests[id] = nil
  if not request then
    return false
  end
  stop_timer(request, "deadline")
  return not request.is_late
end

return mqtt_link
