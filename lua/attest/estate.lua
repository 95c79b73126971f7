-- SPDX-License-Identifier: MIT
--
-- What a script started in one run: tasks, timers, handles, ports. It ends
-- with the run.
--
-- wrap() makes a library's functions note what they return. Once the estate is
-- closed nothing more can be started through it. Things are held weakly: what
-- has ended by itself is forgotten.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"

local estate <const> = {}

-- How long tasks may take to leave, all together, in seconds.
local GRACE <const> = 1

local methods <const> = {}
local mt <const> = { __name = "attest.estate", __index = methods }

--- How each kind of thing ends; what has ended already is quiet.
local ENDS <const> = {
  handle = function(handle)
    if not handle:is_closing() then
      handle:close()
    end
  end,
  port = function(port)
    port:close()
  end,
  stream = function(stream)
    stream:flush()
  end,
  task = function(task, err)
    if task:status() ~= "done" and task:status() ~= "failed" then
      task:cancel(err)
    end
  end,
  timer = function(timer)
    timer:stop()
  end,
}

--- Makes a function whose first result ends with the run.
-- @tparam function fn
-- @tparam string kind "handle", "port", "stream", "task" or "timer"
-- @treturn function
function methods:wrap(fn, kind)
  local function note(thing, ...)
    if type(thing) == "userdata" or type(thing) == "table" then
      self.things[thing] = kind
    end
    return thing, ...
  end
  return function(...)
    if self.is_closed then
      error("the run that this belongs to is over", 2)
    end
    return note(fn(...))
  end
end

--- Tells whether an error is only how a task learnt of the end.
-- @param err
-- @treturn boolean
function methods:is_end(err)
  return err == self.ending
end

-- Tasks leave by an error where they wait; one that does not is left behind.
local function await(tasks)
  local deadline <const> = core.now() + GRACE
  for _, task in ipairs(tasks) do
    task:join(math.max(0, deadline - core.now()))
  end
end

--- Ends everything; waits until tasks have left. Closing twice is quiet.
function methods:close()
  if self.is_closed then
    return
  end
  self.is_closed = true
  local tasks <const> = {}
  for thing, kind in pairs(self.things) do
    pcall(ENDS[kind], thing, self.ending)
    tasks[#tasks + 1] = kind == "task" and thing or nil
  end
  if core.current() then
    await(tasks)
  end
end

mt.__close = methods.close

--- Makes an estate.
-- @treturn table
function estate.new()
  return setmetatable({
    things = setmetatable({}, { __mode = "k" }),
    ending = errors.new { code = "cancelled", message = "the run is over" },
  }, mt)
end

return estate
