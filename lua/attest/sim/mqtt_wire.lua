-- SPDX-License-Identifier: MIT
--
-- One TCP connection to an MQTT broker, from a name to packets and back. Knows
-- no session and no deadline. After `closed`, told once, and after close(),
-- which tells nothing, there are no more events.

local errors <const> = require "attest.error"
local mqtt_stream <const> = require "attest.sim.mqtt_stream"
local redirect <const> = require "attest.sim.redirect"

local mqtt_wire = {}

-- Bytes that a broker has not taken beyond which it is gone.
local MOST_UNSENT <const> = 4 * 1024 * 1024

local methods <const> = {}
local mt <const> = { __name = "attest.sim.mqtt_wire", __index = methods }

local function fail(self, reason, err)
  if not self.is_closed then
    self:close()
    self.on.closed(reason, err)
  end
end

local function receive(self, bytes)
  local packets, err = self.stream:feed(bytes)
  for _, packet in ipairs(packets or err.packets) do
    if self.is_closed then
      return
    end
    self.on.packet(packet)
  end
  if err then
    fail(self, "error", err)
  end
end

local function start(self, connection)
  self.connection = connection
  self.on.open()
  if self.is_closed then
    return
  end
  connection:start {
    data = function(bytes)
      if not self.is_closed then
        receive(self, bytes)
      end
    end,
    closed = function(err)
      self.connection = nil -- it closed itself
      fail(self, "by_peer", err)
    end,
  }
end

-- A step of opening: its abort is known while it is under way.
local function run(self, begin, done)
  local is_over = false
  local abort <const> = begin(function(...)
    is_over = true
    self.abort = nil
    done(...)
  end)
  if not is_over then
    self.abort = abort
  end
end

local function connect(self, net, address, port)
  run(self, function(done)
    return net.connect({ type = "TCP", address = address, port = port, local_port = 0 }, done)
  end, function(connection, err)
    if self.is_closed then
      if connection then
        connection:close()
      end
    elseif connection then
      start(self, connection)
    else
      fail(self, "refused", err)
    end
  end)
end

--- Makes a connection that is not open yet.
-- @tparam table options `host`, `port`, `net`, `rules` (see
--   attest.sim.redirect), `largest` (bytes of a packet, or nil) and `on`:
--   `open()`, `packet(packet)`, `closed(reason, err)` with "refused" (nobody
--   there), "by_peer" (gone) or "error" (malformed)
function mqtt_wire.new(options)
  return setmetatable({
    options = options,
    on = options.on,
    stream = mqtt_stream.new(options.largest),
    unsent = 0,
  }, mt)
end

--- Begins to open it.
function methods:open()
  local told <const> = self.options
  local host <const>, port <const> = redirect.find(told.rules, told.host, told.port)
  run(self, function(done)
    return told.net.resolve(host, done)
  end, function(address, err)
    if self.is_closed then
      return
    elseif address then
      connect(self, told.net, address, port)
    else
      fail(self, "refused", err)
    end
  end)
end

--- Sends bytes.
-- @tparam string bytes
-- @tparam[opt] function done called when the network took them
function methods:write(bytes, done)
  self.unsent = self.unsent + #bytes
  if self.unsent > MOST_UNSENT then
    return fail(self, "by_peer", errors.new { code = "timeout", message = "it takes no bytes" })
  end
  self.connection:write(bytes, function(ok, err)
    self.unsent = self.unsent - #bytes
    if not ok then
      fail(self, "by_peer", err)
    elseif done then
      done()
    end
  end)
end

--- Stops receiving for a while.
function methods:pause()
  if self.connection then
    self.connection:pause()
  end
end

--- Receives again.
function methods:resume()
  if self.connection then
    self.connection:resume()
  end
end

--- Closes without a word, in whatever state; twice is legal.
function methods:close()
  self.is_closed = true
  local abort <const>, connection <const> = self.abort, self.connection
  self.abort, self.connection = nil, nil
  if abort then
    abort()
  end
  if connection then
    connection:close()
  end
end

return mqtt_wire
