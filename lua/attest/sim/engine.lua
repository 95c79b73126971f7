-- SPDX-License-Identifier: MIT
--
-- Takes turns with the client: echoes what is typed, runs one command line at
-- a time in a task of its own, captures payloads for it, and keeps unasked
-- lines out of a payload exchange. Knows neither a command nor a module; what
-- a line means is decided by `execute`, and in data mode nothing is a line.
--
-- Invariant: while a command runs, input waits; it is echoed when its turn
-- comes, so echo and answers never mix.

local core <const> = require "attest.core"
local input <const> = require "attest.sim.input"

local engine = {}

-- Seconds after a CR within which an LF still belongs to it.
local LF_WINDOW <const> = 0.01
-- Seconds of silence that end a command which has no line end.
local BARE_SILENCE <const> = 0.5
-- Lines kept back; a module has only so much memory.
local MOST_HELD <const> = 1024
-- Seconds of silence behind a payload that is over.
local SURPLUS <const> = 0.02

local methods <const> = {}
local mt <const> = { __name = "attest.sim.engine", __index = methods }

--- Makes an engine that answers from power_on() on. What came before the first
-- one is kept, as a line keeps what nobody has read yet.
-- @tparam table options `write(bytes)`; `execute(text, is_long)`, which runs
--   in a task and may wait; `is_bare(text)`: a command without a line end
-- @treturn engine
function engine.new(options)
  return setmetatable({
    write = options.write,
    execute = options.execute,
    is_bare = options.is_bare,
    input = input.new(),
    idle = {},
    is_on = false,
    is_new = true,
    has_echo = true,
    held = {},
  }, mt)
end

function methods:power_on()
  self.is_on = true
  self.is_new = false
  self.has_echo = true
end

--- Ends the running command without a word and forgets all input.
function methods:power_off()
  self.is_on = false
  self.input:reset()
  self.held, self.idle = {}, {}
  self.is_holding, self.is_raw = false, false
  self.sink, self.bare_at = nil, nil
  self.capturing = nil
  local task <const> = self.task
  self.task = nil
  if task and task ~= core.current() then
    task:cancel("power off")
  end
  self:stop_timer()
end

function methods:stop_timer()
  if self.timer then
    self.timer:stop()
    self.timer = nil
  end
end

--- Tells whether the calling task runs the current command; not so after a
-- reboot has ended it.
function methods:is_running()
  return self.task ~= nil and self.task == core.current()
end

local function take_bare(self)
  self.bare_at = nil
  self:start(self.input:finish(), false)
end

-- What comes after the silence is no part of the command, even when the bytes
-- are seen before the timer is.
local function end_silence(self)
  if self.bare_at and core.now() >= self.bare_at then
    self:stop_timer()
    take_bare(self)
  end
  self.bare_at = nil
end

--- Takes bytes from the line; a module that restarts hears nothing.
function methods:receive(bytes)
  if not self.is_on and not self.is_new then
    return
  elseif self.sink then
    return self.sink(bytes)
  end
  end_silence(self)
  self.input:feed(bytes)
  if self.capturing then
    core.wake(self.capturing)
  else
    self:pump()
  end
end

function methods:echo(bytes)
  if self.has_echo then
    self.write(bytes)
  end
end

function methods:wait_for_lf()
  self.timer = core.after(LF_WINDOW, function()
    self.timer = nil
    self.input:settle()
    self:pump()
  end)
end

function methods:wait_for_silence()
  if self.is_bare(self.input:unfinished()) then
    self.bare_at = core.now() + BARE_SILENCE
    self.timer = core.after(BARE_SILENCE, function()
      self.timer = nil
      take_bare(self)
    end)
  end
end

-- Works through the input until a command runs or nothing is left.
function methods:pump()
  while self.is_on and not self.task and not self.sink do
    local kind <const>, bytes <const>, text <const>, is_long <const> = self.input:next()
    self:stop_timer()
    if kind == "pending" then
      return self:wait_for_lf()
    elseif kind == nil then
      return self:wait_for_silence()
    end
    self:echo(bytes)
    if kind == "line" then
      self:start(text, is_long)
    end
  end
end

local function run(self, text, is_long)
  if not self:is_running() then
    return -- ended before it began
  end
  local ok, err <const> = xpcall(self.execute, function(reason)
    return type(reason) == "string" and debug.traceback(reason, 2) or reason
  end, text, is_long)
  if not self:is_running() then
    return
  end
  self.task = nil
  self:release()
  self:run_idle()
  self:pump()
  if not ok then
    error(err, 0)
  end
end

function methods:start(text, is_long)
  self.task = core.spawn(run, self, text, is_long)
end

--- Prints a line nobody asked for; during a payload exchange, and where it
-- would be taken for data, it waits.
function methods:announce(bytes)
  if self.is_holding or self.is_raw then
    self.held[#self.held + 1] = #self.held < MOST_HELD and bytes or nil
  else
    self.write(bytes)
  end
end

--- Keeps unasked lines back until the running command has ended.
function methods:hold()
  self.is_holding = true
end

function methods:release()
  self.is_holding = false
  if self.is_raw then
    return
  end
  for _, bytes in ipairs(self.held) do
    self.write(bytes)
  end
  self.held = {}
end

function methods:run_idle()
  local list <const> = self.idle
  self.idle = {}
  for _, fn in ipairs(list) do
    fn()
  end
end

--- Calls `fn` while no command runs: now, or when the one that does has ended.
function methods:when_idle(fn)
  if self.task then
    self.idle[#self.idle + 1] = fn
  else
    fn()
  end
end

--- Begins data mode: everything that comes, what waits already first, goes to
-- `sink`.
-- @tparam function sink called with bytes
-- @tparam boolean is_raw lines nobody asked for wait until take_back()
function methods:divert(sink, is_raw)
  self.sink, self.is_raw = sink, is_raw
  self:stop_timer()
  local bytes <const> = self.input:leave()
  if bytes ~= "" then
    sink(bytes)
  end
end

--- Ends data mode.
function methods:take_back()
  self.sink, self.is_raw = nil, false
  if not self.is_holding then
    self:release()
  end
  self:pump()
end

-- Waits for input until `take` is content or `idle` seconds pass in silence.
local function capture(self, take, idle)
  self.capturing = core.current()
  local bytes = take()
  while not bytes and core.wait(idle) do
    bytes = take()
  end
  self.capturing = nil
  return bytes
end

--- Captures a payload for the running command; it is not echoed.
-- Waits until it is complete.
-- @tparam integer length bytes
-- @tparam number idle seconds of silence after which it is given up
-- @treturn string|nil nil when it was given up; what had come is forgotten
function methods:payload(length, idle)
  local bytes <const> = capture(self, function()
    return self.input:payload(length)
  end, idle)
  if not bytes then
    self.input:rest()
  end
  return bytes
end

--- Swallows what follows a payload without a pause; waits for the pause.
-- @treturn boolean whether anything did but a line end, which people type
function methods:swallow()
  capture(self, function() end, SURPLUS)
  return self.input:rest():find("[^\r\n]") ~= nil
end

--- Captures a payload of unknown length for the running command: a mark, the
-- limit or silence ends it.
-- @tparam string mark one byte
-- @tparam integer limit most bytes
-- @tparam number idle seconds of silence that end it
-- @treturn string
function methods:payload_until(mark, limit, idle)
  return capture(self, function()
    return self.input:payload_until(mark, limit)
  end, idle) or self.input:rest()
end

return engine
