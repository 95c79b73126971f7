-- SPDX-License-Identifier: MIT
--
-- An MQTT client of a simulated module with a log of its events, for tests:
-- each is a line such as "puback 3". Knows no broker.

local core <const> = require "attest.core"
local mqtt_client <const> = require "attest.sim.mqtt_client"

local mqtt_bench = {}

local EVENTS <const> = {
  "connack", "suback", "unsuback", "puback", "pubrec", "pubcomp", "publish", "pubrel",
  "pingresp", "timeout", "closed",
}

local methods <const> = {}
local mt <const> = { __index = methods }
mt.__close = function(self)
  self.client:cut()
end

local function describe(value)
  if type(value) ~= "table" then
    return tostring(value)
  elseif value.type == "publish" then
    return ("%s %q qos=%d%s%s"):format(value.topic, value.payload, value.qos,
      value.retain and " retain" or "", value.dup and " dup" or "")
  elseif value.code then
    return value.code
  end
  return table.concat(value, ",")
end

local function on_event(self, name, ...)
  local words <const> = { name }
  for i = 1, select("#", ...) do
    local value <const> = select(i, ...)
    if value ~= nil then
      words[#words + 1] = describe(value)
    end
  end
  self.log[#self.log + 1] = table.concat(words, " ")
  self.at[#self.log] = core.now()
  if name == "publish" then
    self.messages[#self.messages + 1] = (...)
  end
  if self.on[name] then
    self.on[name](...)
  end
  if self.waiter then
    core.wake(self.waiter)
  end
end

--- Makes a client.
-- @tparam table options of attest.sim.mqtt_client, without `events`
-- @treturn table `client`, `log` (lines), `at` (when they came), `messages`,
--   `on`, functions by event to set, and `patience` in seconds
function mqtt_bench.new(options)
  local self <const> = setmetatable({
    log = {}, at = {}, seen = {}, messages = {}, on = {}, patience = 3,
  }, mt)
  local events <const> = {}
  for _, name in ipairs(EVENTS) do
    events[name] = function(...)
      on_event(self, name, ...)
    end
  end
  options.events = events
  self.client = mqtt_client.new(options)
  return self
end

local function find(self, line)
  for i, each in ipairs(self.log) do
    if each == line and not self.seen[i] then
      self.seen[i] = true
      return i
    end
  end
end

--- Waits for a line of the log that was not waited for yet.
-- @tparam string line
-- @tparam[opt] number timeout seconds; default: `patience`
-- @treturn integer its index
function methods:await(line, timeout)
  local deadline <const> = core.now() + (timeout or self.patience)
  while true do
    local index <const> = find(self, line)
    if index then
      return index
    end
    local left <const> = deadline - core.now()
    if left <= 0 then
      error(("no %q in: %s"):format(line, table.concat(self.log, "; ")), 2)
    end
    self.waiter = core.current()
    core.wait(left)
    self.waiter = nil
  end
end

--- Takes the log.
function methods:take()
  local log <const> = self.log
  self.log, self.at, self.seen = {}, {}, {}
  return log
end

return mqtt_bench
