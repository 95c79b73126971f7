-- SPDX-License-Identifier: MIT
--
-- Replay by command: a command line gets what followed it in the recording,
-- whatever came before. A command that was recorded several times gets its
-- answers in turn, then the last one again; one that was not gets ERROR.
--
-- What the module said on its own follows the command it was recorded behind,
-- in its time, also when the host has gone on; so does the loss of the port. A
-- payload is taken by its length, or up to its ^Z, and may be another one.

local exchanges <const> = require "attest.replay.exchanges"
local masks <const> = require "attest.replay.masks"
local timeline <const> = require "attest.replay.timeline"

local command = {}

local CTRL_Z <const> = "\26"

local methods <const> = {}
local mt <const> = { __index = methods }

local function play(self, exchange)
  local line
  line = timeline.new {
    steps = exchange.steps, origin = exchange.at, scale = self.stage.scale,
    act = function(step)
      if step.kind == "closed" then
        self.paused = line
      end
      return self.stage:act(step)
    end,
    over = function()
      self.running[line] = nil
    end,
  }
  self.running[line], self.latest, self.payload = true, line, ""
  line:proceed()
end

-- The next of the exchanges that began with this line.
local function take(group)
  local exchange <const> = group[group.next]
  group.next = math.min(group.next + 1, #group)
  return exchange
end

local function find(self, text)
  local group <const> = self.book.by_text[text]
  if group then
    return take(group)
  end
  for _, masked in ipairs(self.book.masked) do
    if #text == #masked.text and masks.cover(text, 0, masked.masks) == masked.text then
      return take(masked)
    end
  end
end

local function execute(self, text)
  local exchange <const> = find(self, text)
  if exchange then
    return play(self, exchange)
  end
  local echo <const> = self.book.echoes and text .. "\r\n" or ""
  self.stage:act { kind = "<", bytes = echo .. "\r\nERROR\r\n" }
end

-- Takes a payload's bytes; returns those behind it.
local function take_payload(self, step, bytes)
  self.payload = self.payload .. bytes
  local last = #step.bytes
  if step.bytes:sub(-1) == CTRL_Z then
    last = self.payload:find(CTRL_Z, 1, true) or math.huge
  end
  if #self.payload < last then
    return ""
  end
  local rest <const> = self.payload:sub(last + 1)
  self.payload = ""
  self.latest:hear(#step.bytes)
  return rest
end

-- Takes a command line's bytes; returns those behind it.
local function take_line(self, bytes)
  local text <const>, rest <const> = bytes:match("^([^\r\n]*)[\r\n](.*)$")
  self.line = self.line .. (text or bytes)
  if text or self.book.open[self.line] then
    local line <const> = self.line
    self.line = ""
    if line ~= "" then
      execute(self, line)
    end
  end
  return rest or ""
end

--- Takes bytes of the host.
-- @tparam string bytes
function methods:hear(bytes)
  while bytes ~= "" and not self.is_stopped do
    local step <const> = self.latest and self.latest:awaited()
    if step then
      bytes = take_payload(self, step, bytes)
    else
      bytes = take_line(self, bytes)
    end
  end
end

--- Nothing is missing: the host sends what it likes.
function methods.missing()
  return nil
end

--- Starts with what the module said before any command, or goes on.
function methods:proceed()
  local line <const> = self.paused
  self.paused = nil
  if line then
    return line:proceed()
  end
  play(self, self.book.prelude)
end

function methods:stop()
  self.is_stopped = true
  for line in pairs(self.running) do
    line:stop()
  end
end

--- Makes a replay by command.
-- @tparam table source recording
-- @tparam table stage of attest.replay
-- @treturn table; proceed() starts it
function command.new(source, stage)
  return setmetatable({
    stage = stage, book = exchanges.read(source.events), running = {}, line = "", payload = "",
  }, mt)
end

return command
