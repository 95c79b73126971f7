-- SPDX-License-Identifier: MIT
--
-- Stands between a client and the port of a module: hands bytes on in both
-- directions, unchanged and at once, while the port's transcript is written.
--
-- The client's side is a PTY, and its rate is set on the port. A port that goes
-- is opened again as soon as it is there; what the client says meanwhile goes
-- nowhere, and a mark tells what it was.

local core <const> = require "attest.core"

local record = {}

-- Seconds between two looks for a port that is gone, and at rate and disk.
local RETRY <const>, LOOK <const> = 0.5, 1

local methods <const> = {}
local mt <const> = { __name = "attest.record", __index = methods }

local function later(self, name, seconds, fn)
  self.timers[name] = core.after(seconds, fn)
end

-- Forward: the port may go at any time.
local connect

local function try_again(self)
  local port <const>, far <const> = self.open(self.baud)
  if port then
    connect(self, port, far)
    self.say "it is back"
  else
    later(self, "retry", RETRY, function()
      try_again(self)
    end)
  end
end

local function disconnect(self)
  if self.port then
    self.port:close()
  end
  if self.far then
    self.far:close()
  end
  self.port, self.far = nil, nil
end

local function lose(self, why)
  disconnect(self)
  self.say(("it is gone (%s); waiting for it"):format(why))
  later(self, "retry", RETRY, function()
    try_again(self)
  end)
end

local function answer(self, bytes)
  local ok <const>, why <const> = self.client:write(bytes)
  if not ok then
    self.trace:mark(("%d bytes did not reach the client: %s"):format(#bytes, why))
  end
end

function connect(self, port, far)
  self.port, self.far = port, far
  port:data(true)
  port:trace(self.trace)
  port:listen(function(kind, what)
    if kind == "data" then
      answer(self, what)
    elseif kind == "closed" then
      lose(self, what)
    end
  end)
end

local function follow_rate(self)
  local baud <const> = self.client:client_baud()
  if not baud or baud == 0 or baud == self.baud then
    return
  end
  self.baud = baud
  local ok, why = true, nil
  if self.port then
    ok, why = self.port:set { baud = baud }
  end
  self.trace:mark(ok and ("baud %d"):format(baud) or ("baud %d: %s"):format(baud, why))
end

local function forward(self, bytes)
  follow_rate(self)
  local ok, why = nil, "the port is gone"
  if self.port then
    ok, why = self.port:write(bytes)
  end
  if not ok then
    self.trace:mark(("not forwarded, %s: %s"):format(why, bytes))
  end
end

local function look(self)
  follow_rate(self)
  local ok <const>, why <const> = self.trace:status()
  if not ok and not self.failure then
    self.failure = why
    self.say("the transcript is not complete: " .. why)
  end
  later(self, "look", LOOK, function()
    look(self)
  end)
end

--- Hands on what was said last; waits. Call it in a task before close().
-- @tparam number seconds longest wait
function methods:finish(seconds)
  core.sleep(math.min(seconds, 0.05)) -- what a client that has ended wrote last
  if self.port then
    self.port:drain(seconds)
  end
end

--- Waits until the transcript is written, or cannot be.
-- @tparam number seconds longest wait
-- @treturn ?string why it is not complete
function methods:settle(seconds)
  local deadline <const> = core.now() + seconds
  while self.trace:status() and self.trace:behind() > 0 and core.now() < deadline do
    core.sleep(0.01)
  end
  local ok <const>, why <const> = self.trace:status()
  local behind <const> = self.trace:behind()
  return self.failure or not ok and why
    or behind > 0 and ("%d bytes are not written after %g s"):format(behind, seconds) or nil
end

--- Closes the module's port, not the client's. Closing twice is quiet.
function methods:close()
  for _, timer in pairs(self.timers) do
    timer:stop()
  end
  self.timers = {}
  disconnect(self)
end

mt.__close = methods.close

--- Begins to hand on.
-- @tparam table facts `client` (a PTY's port), `port` and `far` as attest.port.open() returned
--   them, `open(baud)`, which opens them again, `baud`, `trace`, and `say(message)` for a person
-- @treturn attest.record
function record.start(facts)
  local self <const> = setmetatable({
    client = facts.client, open = facts.open, baud = facts.baud, trace = facts.trace,
    say = facts.say, timers = {},
  }, mt)
  connect(self, facts.port, facts.far)
  self.client:data(true)
  self.client:listen(function(kind, bytes)
    if kind == "data" then
      forward(self, bytes)
    end
  end)
  look(self)
  return self
end

return record
