-- SPDX-License-Identifier: MIT
--
-- A day of eight slots on the virtual clock: simulated modules of both kinds,
-- each beside a broker in the process, ask for their signal and send a message
-- there and back once a minute. Modules reboot, brokers hang up or are gone for
-- minutes, at seeded moments. Every failure must have such a cause shortly
-- before it, every slot must come back, and nothing grows.
--
--     attest lua tests/endurance/soak.lua [MINUTES]

local here <const> = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../../?.lua;" .. package.path

local attest <const> = require "attest"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local flat <const> = require "tests.support.flat"
local mqtt_peer <const> = require "tests.support.mqtt_peer"
local sim <const> = require "attest.sim"

core.virtual()

local MINUTES <const> = flat.count(24 * 60, 60)
local SLOTS <const> = 8
local MODULES <const> = { "ct12", "ml302" }
local BROKER <const> = "192.0.2.1:1883"
local MINUTE <const> = 60
-- Seconds that a disturbance excuses: an outage, a boot, a connection's timeouts.
local EXCUSE <const> = 400
local LONGEST_OUTAGE <const> = 180

-- The codes that a reboot or a lost broker may give.
local EXPECTED <const> = { reset = true, timeout = true, closed = true, rejected = true }

local methods <const> = {}
local mt <const> = { __index = methods }

-- Sends every message back to who sent it.
local function echo(broker)
  local acknowledge <const> = broker.answers.publish
  function broker.answers.publish(packet)
    broker:send {
      type = "publish", topic = packet.topic, payload = packet.payload, qos = 0,
      retain = false, dup = false,
    }
    return acknowledge(packet)
  end
end

local function new_slot(number)
  local net <const> = fake_net.new()
  local self <const> = setmetatable({
    number = number, net = net, broker = mqtt_peer.new(net), disturbed = -math.huge,
    rounds = 0, good = 0, failures = 0, losses = 0, reboots = 0, unexplained = {},
  }, mt)
  echo(self.broker)
  net.servers[BROKER] = self.broker.serve
  local ours <const>, theirs <const> = core.pair()
  local module <const> = MODULES[number % #MODULES + 1]
  self.sim = assert(sim.new { module = module, net = net })
  self.sim:serve(theirs)
  self.dut = assert(attest.attach(ours, { module = module, simulated = self.sim }))
  return self
end

function methods:disturb(seconds)
  self.disturbed = core.now() + seconds
end

-- Something happens to the slot some time within the next minute.
function methods:schedule()
  local dice <const>, delay <const> = math.random(120), math.random() * MINUTE
  if dice == 1 then
    core.after(delay, function()
      self.reboots = self.reboots + 1
      self:disturb(0)
      self.sim.machine:reboot()
    end)
  elseif dice <= 3 then
    local outage <const> = dice == 3 and math.random() * LONGEST_OUTAGE or 0
    core.after(delay, function()
      self:lose_broker(outage)
    end)
  end
end

function methods:lose_broker(outage)
  self.losses = self.losses + 1
  self:disturb(outage)
  if self.broker.peer then
    self.broker:close()
  end
  self.net.servers[BROKER] = nil
  core.after(outage + 0.01, function()
    self.net.servers[BROKER] = self.broker.serve
  end)
end

-- What a fake network and its broker have noted is not needed.
function methods:forget()
  self.broker:take()
  for _, list in ipairs { self.net.sent, self.net.connects } do
    for i = #list, 1, -1 do
      list[i] = nil
    end
  end
end

function methods:connect()
  self.dut:ready { timeout = 120 }
  self.dut:registered { timeout = 120 }
  self.session = self.dut:mqtt {
    host = "192.0.2.1", port = 1883, client_id = "soak" .. self.number, keepalive = 60,
  }
  self.session:subscribe("soak", 1)
end

function methods:drop_session()
  if self.session then
    self.session.try:disconnect()
    self.session = nil
  end
end

local function exchange(self)
  if not self.session then
    self:connect()
  end
  assert(#self.dut:at("AT+CSQ").lines == 1, "no signal was told")
  local payload <const> = ("%d/%d"):format(self.number, self.rounds)
  self.session:publish("soak", payload, { qos = 1 })
  local got <const> = self.session:receive { timeout = 10 }
  assert(got.payload == payload, "another message came")
end

function methods:failed(err)
  self.failures = self.failures + 1
  local is_excused <const> = core.now() - self.disturbed < EXCUSE
  if not is_excused or not attest.error.is(err) or not EXPECTED[err.code] then
    self.unexplained[#self.unexplained + 1] = tostring(err)
  end
  self:drop_session()
end

function methods:round()
  self.rounds = self.rounds + 1
  self:schedule()
  local start <const> = core.now()
  local ok <const>, err <const> = pcall(exchange, self)
  if ok then
    self.good = self.good + 1
  else
    self:failed(err)
  end
  self:forget()
  core.sleep(math.max(1, MINUTE - (core.now() - start)))
end

function methods:close()
  self:drop_session() -- whatever it was doing, it comes back
  local ok <const>, err <const> = pcall(exchange, self)
  if not ok then
    self.unexplained[#self.unexplained + 1] = "at the end: " .. tostring(err)
  end
  self.dut:close()
end

function methods:report()
  print(("slot %d: %d rounds, %d good, %d failures, %d reboots, %d broker losses"):format(
    self.number, self.rounds, self.good, self.failures, self.reboots, self.losses))
  for _, text in ipairs(self.unexplained) do
    print(("FAILED slot %d: %s"):format(self.number, text))
  end
  return #self.unexplained == 0 and self.good > self.rounds // 2
end

local function run()
  local slots <const>, tasks <const> = {}, {}
  local watch <const> = flat.new("soak", MINUTES * SLOTS)
  for number = 1, SLOTS do
    local slot <const> = new_slot(number)
    slots[number] = slot
    tasks[number] = core.spawn(function()
      for _ = 1, MINUTES do
        slot:round()
        watch:step()
      end
    end)
  end
  local results <const> = {}
  for number, task in ipairs(tasks) do
    assert(task:join())
    results[number] = slots[number]
  end
  core.sleep(EXCUSE) -- what was still to happen has happened
  results[SLOTS + 1] = watch:finish()
  for number, slot in ipairs(slots) do
    slot:close()
    results[number] = slot:report()
  end
  return results
end

math.randomseed(1)
attest.run(function()
  flat.exit(run())
end)
