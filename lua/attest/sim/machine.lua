-- SPDX-License-Identifier: MIT
--
-- A simulated module as hardware: power, boot clock, registration, flash,
-- line, links and clock, put together. Commands reach it through dispatch;
-- what they do is in the model (attest.sim.ct12), which it gets as data:
--
--     model.factory       values of a new flash
--     model.kept          names of values that RESTORE leaves alone
--     model.memory()      fresh values that a reboot forgets
--     model.baud(machine) its own speed after a boot, and the bits of a byte
--                         with its frame; 10 without
--     model.has_card(machine)
--     model.registered(machine)  what it says when <stat> has changed
--     model.closed        what a closed link of each type prints
--     model.refusal(machine, number, entry)  line that refuses a command; the
--                         entry is nil for an unknown one; ERROR=<number>
--     model.start(machine), model.stop(machine)  at power on and off, for what
--                         else lives with it
--     model.online(machine)  when it may reach peers
--     model.behaviours    one function per catalogue entry, false for one that
--                         is refused; for the others see attest.sim.declared
--
-- Invariant: after power_off() nothing of the former life prints any more.

local core <const> = require "attest.core"
local codec <const> = require "attest.codec"
local declared <const> = require "attest.sim.declared"
local dispatch <const> = require "attest.sim.dispatch"
local engines <const> = require "attest.sim.engine"
local lines <const> = require "attest.sim.line"
local links <const> = require "attest.sim.links"
local passthrough <const> = require "attest.sim.passthrough"
local peers <const> = require "attest.sim.peers"
local storm <const> = require "attest.sim.fault.storm"

local machine = {}

local methods <const> = {}
local mt <const> = { __name = "attest.sim.machine", __index = methods }

-- <stat> of AT+CREG
local IDLE <const>, HOME <const>, SEARCHING <const>, ROAMING <const> = 0, 1, 2, 5

local function make_links(self, net, rules)
  self.peers = peers.new(net, rules)
  self.links = links.new {
    peers = self.peers,
    received = function(link, bytes)
      if link.channel then
        return self.passthrough:deliver(link.channel, bytes)
      end
      self:announce_payload(self.module.profile.received, { link_num = link.id }, bytes)
    end,
    lost = function(link)
      self:lose(link.channel, self.model.closed[link.type])
    end,
    line = function()
      return self.line
    end,
  }
end

--- Builds a machine that is off.
-- @tparam table parts `module` (its catalogue), `model`, `settings`, `faults`,
--   `flash`, `net`, `rules` and `dialect`
-- @treturn machine
function machine.new(parts)
  local self <const> = setmetatable({
    module = parts.module,
    model = parts.model,
    behaviours = declared.complete(parts.module, parts.model.behaviours),
    settings = parts.settings,
    faults = parts.faults,
    flash = parts.flash,
    dialect = parts.dialect,
    clock_offset = 0,
    timers = {},
    tasks = {},
  }, mt)
  make_links(self, parts.net, parts.rules)
  self.engine = engines.new {
    write = function(bytes)
      self:write(bytes)
    end,
    execute = function(text, is_long)
      dispatch.execute(self, text, is_long)
    end,
    is_bare = function(text)
      return dispatch.is_bare(self, text)
    end,
  }
  self.passthrough = passthrough.new {
    engine = self.engine,
    write = function(bytes)
      self:write(bytes)
    end,
    guard = self.settings.guard,
  }
  return self
end

-- Speed, and bits of a byte: start, 8, stop.
local function speed(self)
  local baud <const>, bits <const> = self.model.baud(self)
  return baud, bits or 10
end

--- Connects the machine to a port, which it owns from now on.
-- @tparam port port
-- @tparam function closed called when the port has gone
function methods:attach(port, closed)
  local baud <const>, bits <const> = speed(self)
  self.line = lines.new {
    port = port,
    faults = self.faults,
    baud = baud,
    bits = bits,
    is_paced = self.settings.pace == "on",
    receive = function(bytes)
      self.engine:receive(bytes)
    end,
    closed = closed,
  }
end

-- Most bytes of a datagram in direct mode.
local DATAGRAM <const> = 1024

-- A link as the far side of a data mode.
local function channel_of(self, link)
  return {
    is_raw = true,
    piece = link.type == "UDP" and DATAGRAM or nil,
    send = function(bytes)
      self.links:stream(link, bytes)
    end,
    entered = function()
      self.links:listen(link)
    end,
    left = function()
      self.links:listen()
    end,
    hold = function()
      self.links:hold(link)
    end,
  }
end

--- Begins to serve a link that was opened and told; a direct one takes the
-- client with it into data mode.
function methods:serve_link(link)
  if link.mode == links.DIRECT then
    link.channel = channel_of(self, link)
    self.passthrough:enter(link.channel)
  end
  self.links:start(link)
end

--- Closes a link by a command.
function methods:close_link(link)
  self.passthrough:forget(link.channel)
  self.links:close(link)
end

--- Tells, in the middle of its data if need be, that a far side is gone.
-- @tparam ?table channel of attest.sim.passthrough
-- @tparam string name of the URC
function methods:lose(channel, name)
  self.passthrough:lost(channel, "\r\n" .. self:spell(name) .. "\r\n")
end

--- Runs `fn` later, unless the power goes before.
function methods:later(seconds, fn)
  local timer
  timer = core.after(seconds, function()
    self.timers[timer] = nil
    fn()
  end)
  self.timers[timer] = true
end

local function describe(err)
  return type(err) == "string" and debug.traceback(err, 2) or err
end

--- Runs `fn` in a task of its own, unless the power goes before.
-- @treturn task
function methods:work(fn)
  local task
  task = core.spawn(function()
    local ok, err = xpcall(fn, describe)
    local is_wanted <const> = self.tasks[task]
    self.tasks[task] = nil
    if not ok and is_wanted then
      error(err, 0)
    end
  end)
  self.tasks[task] = true
  return task
end

--- Ends what work() began, if it runs still.
function methods:stop_work(task)
  self.tasks[task] = nil
  task:cancel("not wanted any more")
end

function methods:write(bytes)
  self.line:write(bytes)
end

--- Prints a line that answers a command.
function methods:print(text)
  self:write("\r\n" .. text .. "\r\n")
end

--- Prints the prompt for a payload, unless a fault eats it.
function methods:prompt()
  if not self.faults:loses_prompt() then
    self:write("\r\n>")
  end
end

--- Prints a URC of the catalogue.
function methods:announce(name, values)
  self.engine:announce("\r\n" .. self:spell(name, values) .. "\r\n")
end

--- Writes a URC or a result word in the machine's dialect, without line ends.
function methods:spell(name, values)
  return codec.announce(self.module, name, values, self.dialect)
end

--- Words the refusal of a command.
-- @tparam integer number as the model counts errors
-- @tparam ?table entry of the catalogue
function methods:refuse(number, entry)
  local refusal <const> = self.model.refusal
  return refusal and refusal(self, number, entry) or ("ERROR=%d"):format(number)
end

local function payload_of(module, name)
  for _, urc in ipairs(module.urcs) do
    if urc.name == name then
      return urc.payload
    end
  end
end

--- Prints a URC that counts raw bytes, and these, in the catalogue's form.
function methods:announce_payload(name, values, bytes)
  local payload <const> = payload_of(self.module, name)
  values[payload.length] = #bytes
  local head <const> = self:spell(name, values) .. (payload.next_line and "\r\n" or ",")
  self.engine:announce("\r\n" .. head .. self.faults:cut(bytes) .. "\r\n")
end

local function tell_model(self, event)
  local fn <const> = self.model[event]
  if fn then
    fn(self)
  end
end

local function register(self)
  self.stat = self.settings.creg
  self.model.registered(self)
  local word <const> = self.module.profile.network_word
  if word and self:has_network() then
    self:announce(word)
  end
  if self:has_network() then
    tell_model(self, "online")
  end
end

local function wake_up(self)
  local profile <const> = self.module.profile
  self.line:set_baud(speed(self))
  self.engine:power_on()
  storm.start(self)
  self:announce(profile.boot_word)
  self:later(0, function() self.engine:pump() end) -- what was typed before
  if self.model.has_card(self) then
    self:announce(profile.sim_word)
    self.stat = SEARCHING
    self:later(self.settings.register, function()
      register(self)
    end)
  end
end

--- Starts the boot clock; nothing is answered until it has run out.
function methods:power_on()
  self.memory = self.model.memory()
  self.stat = IDLE
  tell_model(self, "start")
  self:later(self.settings.boot, function()
    wake_up(self)
  end)
end

--- Ends everything at once, without a word.
function methods:power_off()
  self.engine:power_off()
  tell_model(self, "stop")
  self.passthrough:reset()
  self.links:close_all()
  self.stat = IDLE
  for timer in pairs(self.timers) do
    timer:stop()
  end
  for task in pairs(self.tasks) do
    self:stop_work(task)
  end
  self.timers = {}
end

--- Powers off and on again. In a command's task, do nothing after it that waits.
function methods:reboot()
  self:power_off()
  self:power_on()
end

--- Tells whether it is registered and may reach peers.
function methods:has_network()
  return self.stat == HOME or self.stat == ROAMING
end

--- Tells the time of its own clock.
-- @treturn number seconds since 1970, UTC
function methods:time()
  return core.wall() + self.clock_offset
end

return machine
