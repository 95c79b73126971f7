-- SPDX-License-Identifier: MIT
--
-- A recording as a module again: serves a transcript on a port, on whatever
-- clock the core runs on. Shares nothing with the simulated module.
--
--     local replay <close> = assert(replay.open { path = "field.txt" })
--     replay:serve(core.pty {})
--
-- Strict (the default), or by command: see attest.replay.strict and .command.
-- Where the recorded port went, the served one is closed; it comes back where
-- the caller of `on("back")` gives another, and is the end elsewhere.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local masks <const> = require "attest.replay.masks"
local recording <const> = require "attest.replay.recording"

local replay = {}

local MODES <const> = {
  strict = require "attest.replay.strict", command = require "attest.replay.command",
}
local OPTIONS <const> = {
  path = true, mode = true, slot = true, speed = true, session = true, alone = true,
  loop = true,
}
local EVENTS <const> = { away = true, back = true, over = true, failed = true }

-- Longest wait for a client to read what was said before a close, in seconds,
-- and how often it is looked at: the kernel hands bytes on within that.
local PATIENCE <const>, LOOK <const> = 2, 0.02

local methods <const> = {}
local mt <const> = { __name = "attest.replay", __index = methods }

--- Opens a recording.
-- @tparam table options `path`; optional `mode` ("strict" or "command"), `slot` (where the file
--   holds several), `speed` (2: half the pauses; 0: none; default 1), `session` (from which
--   opening of the port on, default 1), `alone` (no further than to the next), `loop` (begins
--   again when it is over, on the same port where that is still open)
-- @treturn[1] attest.replay
-- @treturn[2] nil
-- @treturn[2] attest.error "not_found", "io", "invalid"
function replay.open(options)
  for key in pairs(options) do
    if not OPTIONS[key] then
      error(("replay.open: unknown option %q"):format(tostring(key)), 2)
    end
  end
  local mode <const>, speed <const> = options.mode or "strict", options.speed or 1
  if not MODES[mode] then
    error(("replay.open: mode %q, expected strict or command"):format(tostring(mode)), 2)
  end
  local source <const>, err <const> = recording.load(options.path, options)
  if not source then
    return nil, err
  elseif source.gap and mode == "strict" then
    return nil, errors.new {
      code = "invalid", message = ("%s:%d: the recording lost bytes here and can be replayed by "
        .. "command only"):format(source.path, source.gap),
    }
  end
  return setmetatable({
    source = source, mode = MODES[mode], scale = speed == 0 and 0 or 1 / speed, hooks = {},
    loops = options.loop,
  }, mt)
end

--- Sets the function that is called at an event.
-- @tparam string event "away" (the port went), "back" (returns the port it comes back on), "over"
--   (all is said, and all sent), "failed" (with the error: the host sent something else)
-- @tparam function fn it must not wait
function methods:on(event, fn)
  if not EVENTS[event] then
    error(("replay:on: unknown event %q"):format(tostring(event)), 2)
  end
  self.hooks[event] = fn
end

local function tell(self, event, ...)
  local fn <const> = self.hooks[event]
  if fn then
    return fn(...)
  end
end

local function attach(self, port)
  self.port = port
  port:data(true)
  port:listen(function(kind, bytes)
    if kind == "data" then
      self.player:hear(bytes)
    elseif kind == "closed" then
      self:close()
    end
  end)
end

--- Starts to serve on a port.
-- @tparam port port a PTY, a serial port or one end of a pair; closed with the replay
function methods:serve(port)
  if self.player then
    error("replay:serve: it serves already", 2)
  end
  self.player = self.mode.new(self.source, self)
  attach(self, port)
  self.player:proceed()
end

-- Calls `fn` once the client has what was said, or does not take it.
local function when_taken(self, fn)
  local port <const> = self.port
  core.spawn(function()
    if port:is_closed() then
      return
    end
    local deadline <const> = core.now() + PATIENCE
    port:drain(PATIENCE)
    local unread = not port:is_closed() and port:client_unread()
    while unread and core.now() < deadline do
      core.sleep(LOOK)
      unread = not port:is_closed() and port:client_unread() ~= 0
    end
    if not self.is_closed then
      fn()
    end
  end)
end

local function hang_up(self)
  when_taken(self, function()
    self.port:close()
    tell(self, "away")
    if self.hooks.back then
      self.player:proceed()
    else
      self:over()
    end
  end)
  return "wait"
end

local function come_back(self)
  local port <const> = tell(self, "back")
  if port then
    attach(self, port)
  else
    self:close()
  end
end

--- Does a step of the module; for the players. What a full queue refuses is lost,
-- as it is on a real line without flow control.
-- @treturn ?string "wait": proceed() is called when it is done
function methods:act(step)
  if step.kind == "closed" then
    return hang_up(self)
  elseif step.kind == "opened" then
    come_back(self)
  elseif step.kind == "<" and not self.port:is_closed() then
    self.port:write(masks.fill(step))
  end
end

local function rewind(self)
  local ahead <const> = self.player.ahead
  self.player:stop()
  self.player = self.mode.new(self.source, self)
  if self.port:is_closed() then
    come_back(self)
  end
  self.player:proceed()
  self.player:hear(ahead or "")
end

local function finish(self)
  if self.loops then
    rewind(self)
  else
    tell(self, "over")
  end
end

--- Ends, or begins again: the host has all; for the players.
function methods:over()
  if not self.port:is_closed() then
    when_taken(self, function()
      finish(self)
    end)
  else
    finish(self)
  end
end

--- Ends because the host sent something else; for the players.
-- @tparam table err error object
function methods:fail(err)
  self.failure = err
  tell(self, "failed", err)
  self:close()
end

--- Tells in which line of the file stands what a strict replay still expects.
-- @treturn ?integer nil also after a failure
function methods:missing()
  return self.player and not self.failure and self.player:missing() or nil
end

--- Closes it and its port. Closing twice is quiet.
function methods:close()
  if self.is_closed then
    return
  end
  self.is_closed = true
  if self.player then
    self.player:stop()
    self.port:close()
  end
end

mt.__close = methods.close
mt.__tostring = function(self)
  return ("attest.replay %s%s"):format(self.source.path, self.is_closed and " (closed)" or "")
end

return replay
