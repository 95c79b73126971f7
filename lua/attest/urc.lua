-- SPDX-License-Identifier: MIT
--- Delivers what the module says unasked.
--
-- Handlers of one DUT run in one task, in the order of the lines, from a bounded
-- queue, so that they may issue commands. What does not fit is dropped, and who
-- must know is told. An error in a handler goes to the owner of whoever made the
-- router.

local core <const> = require "attest.core"
local error_object <const> = require "attest.error"

local urc <const> = {}

--- Events that wait, and bytes of their payloads.
local LIMIT <const>, MOST_BYTES <const> = 256, 4 << 20

local methods <const> = {}
local mt <const> = { __name = "attest.urc", __index = methods }

local handle_mt <const> = { __name = "attest.urc.handle" }

--- Stops a handler. The order is copied: a dispatch may be walking it.
local function off(handle)
  local list <const> = handle.list
  if not list[handle] then
    return
  end
  list[handle] = nil
  list.count = list.count - 1
  list.router:change()
  local order <const> = {}
  for _, each in ipairs(list.order) do
    if each ~= handle then
      order[#order + 1] = each
    end
  end
  list.order = order
end
handle_mt.__index = { off = off }
handle_mt.__close = off

local function size_of(payload)
  return type(payload) == "string" and #payload or 0
end

local function run(router)
  while router.first <= router.last do
    local event <const> = router.queue[router.first]
    router.queue[router.first] = nil
    router.first = router.first + 1
    router.bytes = router.bytes - event.bytes
    if event.handle.list[event.handle] then
      event.handle.fn(event.fields, event.name)
    end
  end
end

--- Runs the queue; a handler's error leaves the rest to a new task.
local function serve(router)
  local guard <close> = setmetatable({}, { __close = function() -- luacheck: ignore 211/guard
    router.task = nil
    if router.first <= router.last and not router.closed then
      router:start()
    end
  end })
  run(router)
end

function methods:start()
  self.task = core.spawn(serve, self)
end

local function enqueue(self, handle, name, fields)
  local bytes <const> = size_of(fields.payload)
  if self.last - self.first + 1 >= LIMIT or self.bytes + bytes > MOST_BYTES then
    if handle.dropped then
      handle.dropped(fields)
    end
    return false
  end
  self.last, self.bytes = self.last + 1, self.bytes + bytes
  self.queue[self.last] = { handle = handle, name = name, fields = fields, bytes = bytes }
  if not self.task then
    self:start()
  end
  return true
end

local function hand_on(self, list, name, fields)
  local complete = true
  if list then
    local order <const> = list.order -- off() makes a new one
    for i = 1, #order do
      complete = not list[order[i]] or enqueue(self, order[i], name, fields) and complete
    end
  end
  return complete
end

--- Hands a URC to its handlers and to whoever awaits it.
-- @tparam string name
-- @tparam table fields
-- @treturn boolean false when a handler's queue was full
function methods:dispatch(name, fields)
  local complete <const> = hand_on(self, self.handlers[name], name, fields)
  local all <const> = hand_on(self, self.handlers["*"], name, fields)
  local waiting <const> = self.waiting[name]
  if waiting then
    self.waiting[name] = nil
    for wait in pairs(waiting) do
      wait.fields = fields
      core.wake(wait.task)
    end
  end
  return complete and all
end

--- Calls a function for every URC of a name.
-- @tparam string name such as "RDY"; "*" for all
-- @tparam function fn called with the fields and the name
-- @tparam[opt] function dropped called at once, with the fields of an event that found no room; it
--   must not wait
-- @treturn table handle with `off()`
function methods:on(name, fn, dropped)
  local list = self.handlers[name]
  if not list then
    list = { order = {}, count = 0, router = self }
    self.handlers[name] = list
  end
  local handle <const> = setmetatable({ list = list, fn = fn, dropped = dropped }, handle_mt)
  list[handle] = true
  list.order[#list.order + 1] = handle
  list.count = list.count + 1
  self:change()
  return handle
end

--- Lists the names that somebody wants to hear.
-- @treturn ?{string,...} nil: all
function methods:names()
  local names <const> = {}
  for name, list in pairs(self.handlers) do
    if list.count > 0 then
      names[#names + 1] = name
    end
  end
  for name in pairs(self.waiting) do
    names[#names + 1] = name
  end
  local all <const> = self.handlers["*"]
  return not (all and all.count > 0) and names or nil
end

--- What is wanted has changed.
function methods:change()
  self.version = self.version + 1
  if self.on_change then
    self.on_change()
  end
end

--- Waits for the next URC of a name.
-- @tparam string name
-- @tparam number timeout seconds
-- @treturn[1] table its fields
-- @treturn[2] nil
-- @treturn[2] attest.error "timeout" or "closed"
function methods:await(name, timeout)
  if self.closed then
    return nil, self.closed
  end
  local waiting <const> = self.waiting[name] or {}
  self.waiting[name] = waiting
  local wait <const> = { task = core.current() }
  waiting[wait] = true
  self:change()
  local leave <close> = setmetatable({}, { -- luacheck: ignore 211/leave
    __close = function() waiting[wait] = nil end,
  })
  local deadline <const> = core.now() + timeout
  while not wait.fields and not self.closed do
    local left <const> = deadline - core.now()
    if left <= 0 then
      return nil, error_object.new {
        code = "timeout",
        message = ("%s did not come within %g s"):format(name, timeout),
      }
    end
    core.wait(left)
  end
  return wait.fields, not wait.fields and self.closed or nil
end

--- Ends everything that waits.
-- @tparam attest.error err
function methods:close(err)
  self.closed = err
  for name, waiting in pairs(self.waiting) do
    self.waiting[name] = nil
    for wait in pairs(waiting) do
      core.wake(wait.task)
    end
  end
end

--- Makes a router.
-- @tparam[opt] function on_change called when other names are wanted
-- @treturn attest.urc
function urc.new(on_change)
  return setmetatable({
    handlers = {}, waiting = {}, queue = {}, first = 1, last = 0, bytes = 0,
    version = 0, on_change = on_change,
  }, mt)
end

return urc
