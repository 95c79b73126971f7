-- SPDX-License-Identifier: MIT
--
-- A foreign program for tests: what it says can be waited for, signals can be
-- sent to it, and it never outlives the test, not even one that is killed.
-- Its functions wait, so they run in a task, in real time.

local core <const> = require "attest.core"
local uv <const> = require "luv"

local child = {}

local PATIENCE <const> = 60 -- seconds, on a machine that has much else to do

local methods <const> = {}
local mt <const> = { __index = methods }

local function close(handle)
  if not handle:is_closing() then
    handle:close()
  end
end

local function news(self)
  if self.waiter then
    core.wake(self.waiter)
  end
end

local function listen(self, pipe)
  pipe:read_start(function(_, bytes)
    if bytes then
      self.text = self.text .. bytes
    else
      self.pipes = self.pipes - 1
      close(pipe)
    end
    news(self)
  end)
end

-- Feeds what it reads, then ends it.
local function feed(pipe, bytes)
  local function finish()
    close(pipe)
  end
  if bytes == "" then
    return finish()
  end
  pipe:write(bytes, finish)
end

--- Starts a program.
-- @tparam table words program and arguments
-- @tparam[opt=""] string input what it reads
-- @treturn table child; `text` is all that it said so far
function child.start(words, input)
  local self <const> = setmetatable({ text = "", seen = 1, pipes = 2 }, mt)
  local pipes <const> = { uv.new_pipe(), uv.new_pipe(), uv.new_pipe() }
  -- Linux ends it when its parent is gone.
  local arguments <const> = { "--pdeathsig", "KILL", "--", table.unpack(words) }
  local handle <const>, pid <const> = uv.spawn("setpriv", {
    args = arguments,
    stdio = pipes,
  }, function(code, signal)
    self.ended = signal ~= 0 and "signal " .. signal or code
    close(self.handle)
    news(self)
  end)
  assert(handle, pid)
  self.handle, self.pid = handle, pid
  feed(pipes[1], input or "")
  listen(self, pipes[2])
  listen(self, pipes[3])
  return self
end

local function wait_for(self, is_there, what, timeout)
  local deadline <const> = core.now() + (timeout or PATIENCE)
  while not is_there() do
    local left <const> = deadline - core.now()
    if left <= 0 then
      error(("%s; it said: %q"):format(what, self.text), 3)
    end
    self.waiter = core.current()
    core.wait(left)
    self.waiter = nil
  end
end

--- Waits until it has said some words; what was waited for is not found again.
-- @tparam string words
-- @tparam[opt] number timeout seconds
function methods:await(words, timeout)
  local stop
  wait_for(self, function()
    stop = select(2, self.text:find(words, self.seen, true))
    return stop or self:is_over()
  end, ("%q did not come"):format(words), timeout)
  assert(stop, "it ended: " .. self.text)
  self.seen = stop + 1
end

--- Tells whether it ended and everything that it said has come.
function methods:is_over()
  return self.ended ~= nil and self.pipes == 0
end

--- Waits until it has ended.
-- @tparam[opt] number timeout seconds
-- @return its exit code, or the signal in words
function methods:join(timeout)
  wait_for(self, function()
    return self:is_over()
  end, "it did not end", timeout)
  return self.ended
end

--- Sends a signal, if it still runs.
-- @tparam string name such as "sigstop"
function methods:signal(name)
  if self.ended == nil then
    uv.kill(self.pid, name)
  end
end

--- Ends it; waits.
function methods:kill()
  self:signal("sigkill")
  self:join()
end

--- Starts a shell. An outermost bash takes the socket on its input for a login over the network,
-- and would read the user's own ~/.bashrc.
-- @tparam string script
-- @tparam[opt] string input
function child.shell(script, input)
  return child.start({ "env", "SHLVL=9", "bash", "-c", script }, input)
end

return child
