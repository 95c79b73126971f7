-- SPDX-License-Identifier: MIT
--
-- The data mode of a simulated module: what the client types goes to the far
-- side of a channel, what comes from there is printed as it is, until `+++`
-- with its silences. Knows no command, no link and no broker: a channel is
--
--     send(bytes)       takes what was typed; never waits
--     piece             most bytes at once, where the far side takes pieces:
--                       a short silence ends one, too; nil: any bytes
--     is_raw            lines that nobody asked for would be taken for data
--     entered(), left() data mode begins, ends
--     hold()            what it delivers is wanted no more until entered()
--
-- Invariant: no byte is lost, doubled or moved, in both directions, whatever
-- the client does between the two modes; only the three pluses of an escape
-- go nowhere.

local core <const> = require "attest.core"

local passthrough = {}

-- Seconds of silence that end a piece.
local PAUSE <const> = 0.05

local methods <const> = {}
local mt <const> = { __name = "attest.sim.passthrough", __index = methods }

--- Makes one that has no channel.
-- @tparam table options `engine` (see attest.sim.engine), `write(bytes)` and
--   `guard` (seconds of silence on both sides of `+++`)
function passthrough.new(options)
  return setmetatable({
    engine = options.engine,
    write = options.write,
    guard = options.guard,
    pending = "",
    is_open = false,
  }, mt)
end

local function stop_timer(self, name)
  if self[name] then
    self[name]:stop()
    self[name] = nil
  end
end

local function take_piece(self, size)
  local bytes <const> = self.pending:sub(1, size)
  self.pending = self.pending:sub(size + 1)
  self.channel.send(bytes)
end

local function flush(self)
  stop_timer(self, "pause")
  if self.pending ~= "" then
    take_piece(self, #self.pending)
  end
end

local function send(self, bytes)
  local piece <const> = self.channel.piece
  if bytes == "" then
    return
  elseif not piece then
    return self.channel.send(bytes)
  end
  self.pending = self.pending .. bytes
  while #self.pending >= piece do
    take_piece(self, piece)
  end
  stop_timer(self, "pause")
  self.pause = core.after(PAUSE, function()
    flush(self)
  end)
end

-- Ends the data mode; the channel stays.
local function close(self)
  stop_timer(self, "escape_timer")
  stop_timer(self, "pause")
  self.escape, self.pending = nil, ""
  self.is_open = false
  self.channel.left()
end

local function escaped(self)
  flush(self)
  close(self)
  self.write("\r\nOK\r\n")
  self.engine:take_back()
end

local function watch_silence(self)
  stop_timer(self, "escape_timer")
  local seconds <const> = self.escape:wait()
  if not seconds then
    return
  end
  self.escape_timer = core.after(seconds, function()
    local verdict <const>, released <const> = self.escape:tick()
    send(self, released)
    if verdict == "done" then
      escaped(self)
    else
      watch_silence(self)
    end
  end)
end

local function receive(self, bytes)
  local verdict <const>, released <const> = self.escape:feed(bytes)
  send(self, released)
  if verdict == "done" then
    escaped(self)
    return self.engine:receive(bytes)
  elseif verdict == "data" then
    send(self, bytes)
  end
  watch_silence(self)
end

--- Begins the data mode of a new channel.
-- @tparam table channel
function methods:enter(channel)
  self.channel = channel
  channel.kept = {}
  self:resume()
end

--- Goes on with the data mode; prints first what came meanwhile.
-- @treturn boolean false when there is no channel
function methods:resume()
  local channel <const> = self.channel
  if not channel then
    return false
  end
  self.escape = core.escape { side = "module", before = self.guard, after = self.guard }
  self.is_open = true
  for _, bytes in ipairs(channel.kept) do
    self.write(bytes)
  end
  channel.kept = {}
  self.engine:divert(function(bytes)
    receive(self, bytes)
  end, channel.is_raw)
  channel.entered()
  return true
end

--- Takes bytes from the far side.
function methods:deliver(channel, bytes)
  if self.is_open and self.channel == channel then
    return self.write(bytes)
  end
  channel.kept[#channel.kept + 1] = bytes
  channel.hold()
end

--- The far side is gone: says so, in the middle of the data if need be, and
-- takes commands again.
-- @tparam ?table channel nil when what is gone never was one
-- @tparam string farewell
function methods:lost(channel, farewell)
  local is_ours <const> = channel ~= nil and self.channel == channel
  if is_ours and self.is_open then
    close(self)
    self.channel = nil
    self.write(farewell)
    return self.engine:take_back()
  end
  self:forget(channel)
  self.engine:announce(farewell)
end

--- A channel was closed by a command: nothing can be resumed.
function methods:forget(channel)
  if self.channel == channel then
    self.channel = nil
  end
end

--- Ends everything without a word, as a power cycle does.
function methods:reset()
  stop_timer(self, "escape_timer")
  stop_timer(self, "pause")
  self.channel, self.escape, self.pending = nil, nil, ""
  self.is_open = false
end

return passthrough
