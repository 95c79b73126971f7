-- SPDX-License-Identifier: MIT
--
-- Who owns an error in a callback: the slot whose task registered it.
--
-- An owner is any object with fail(err, traceback). install() wraps luv's
-- functions and handle methods once per process, so that a callback runs with
-- the owner of the task that gave it, and what it raises goes to that owner.
-- No error in a callback ends the process.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local text <const> = require "attest.text"
local uv <const> = require "luv"

local owner <const> = {}

local INSTALLED <const> = "attest.owner"

-- Their functions run in another thread's state or at once: not callbacks.
local UNTOUCHED <const> = { new_thread = true, walk = true, run = true }

--- Gives an error to its owner; without one it is told on stderr.
-- @param err what was raised
-- @tparam[opt] string traceback
-- @tparam[opt] table who owner
function owner.report(err, traceback, who)
  if who and who.fail then
    who:fail(err, traceback)
  else
    io.stderr:write("attest: error in a callback: ", text.printable(errors.text(err)), "\n")
    io.stderr:write(traceback and text.printable_lines(traceback) .. "\n" or "")
  end
end

-- What was raised, with where; no script can make one.
local raised_mt <const> = {}

local function with_traceback(err)
  return setmetatable({ err = err, traceback = debug.traceback(errors.text(err), 2) }, raised_mt)
end

--- Binds a callback to the owner of the current task.
-- @tparam function fn callback
-- @treturn function
function owner.bind(fn)
  local who <const> = core.owner()
  return function(...)
    local before <const> = core.owner()
    core.set_owner(who)
    local results <const> = table.pack(xpcall(fn, with_traceback, ...))
    core.set_owner(before)
    if results[1] then
      return table.unpack(results, 2, results.n)
    end
    local raised <const> = results[2]
    if getmetatable(raised) == raised_mt then
      owner.report(raised.err, raised.traceback, who)
    else
      owner.report(raised, nil, who) -- out of memory or of stack: no handler ran
    end
  end
end

local function binding(raw)
  return function(...)
    local arguments = nil
    for i = 1, select("#", ...) do
      local value <const> = select(i, ...)
      if type(value) == "function" then
        arguments = arguments or table.pack(...)
        arguments[i] = owner.bind(value)
      end
    end
    if arguments then
      return raw(table.unpack(arguments, 1, arguments.n))
    end
    return raw(...)
  end
end

-- The work itself runs in another thread's state; what comes after it does not.
local function binding_work(raw)
  return function(work, after)
    return raw(work, type(after) == "function" and owner.bind(after) or after)
  end
end

local function bind_all(functions, bound)
  for name, raw in pairs(functions) do
    if type(raw) == "function" and not UNTOUCHED[name] then
      bound[raw] = bound[raw] or (name == "new_work" and binding_work or binding)(raw)
      functions[name] = bound[raw]
    end
  end
end

--- Makes errors in luv's and the core's callbacks their owners' affair. Doing
-- it again is quiet.
function owner.install()
  core.on_error(owner.report)
  local registry <const> = debug.getregistry()
  if registry[INSTALLED] then
    return
  end
  registry[INSTALLED] = true
  local bound <const> = {}
  bind_all(uv, bound)
  for name, metatable in pairs(registry) do
    local is_handle <const> = type(name) == "string" and name:find("^uv_")
      and type(metatable) == "table" and type(metatable.__index) == "table"
    if is_handle then
      bind_all(metatable.__index, bound)
    end
  end
end

return owner
