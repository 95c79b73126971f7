-- SPDX-License-Identifier: MIT
-- A script that runs on without waiting is stopped, wherever it does so.
-- In real time: the limit is short.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"

local LIMIT <const> = 0.3

local function watched(body, limit)
  return async(function()
    core.watchdog(limit or LIMIT, function(where) return { hog = where } end)
    local ok <const>, err <const> = pcall(body)
    core.watchdog(0)
    assert(ok, err)
  end)
end

local function outcome(fn)
  local ok <const>, err <const> = core.spawn(fn):join(30)
  assert.is_nil(ok)
  return err
end

describe("the watchdog", function()
  it("stops a task and names the line", watched(function()
    assert.matches("watchdog_spec.lua:%d+", outcome(function() while true do end end).hog)
  end))

  it("stops a task that swallows the error", watched(function()
    assert.is_truthy(outcome(function()
      while true do pcall(function() while true do end end) end
    end).hog)
  end))

  it("stops a coroutine of the script's own", watched(function()
    assert.is_truthy(outcome(function()
      coroutine.wrap(function() while true do end end)()
    end))
  end))

  it("stops a callback, whose owner is told, and the loop goes on", watched(function()
    local seen
    core.on_error(function(err) seen = err end)
    core.after(0.001, function() while true do end end)
    core.sleep(3 * LIMIT)
    assert.is_truthy(seen and seen.hog)
  end))

  it("kills a task that Lua needs too long to unwind", watched(function()
    local function nest() pcall(nest) pcall(nest) end
    assert.is_truthy(outcome(nest).hog)
  end))

  it("stops variables of a failed task that never close", watched(function()
    local closed <const> = core.spawn(function()
      local guard <close> = setmetatable({}, { -- luacheck: ignore 211/guard
        __close = function() while true do end end,
      })
      error("failed")
    end)
    local _, err <const> = closed:join(30)
    assert.matches("failed", err)
  end))

  local fifo <const> = os.tmpname()

  setup(function() -- which may take longer than the limit
    assert(os.execute(("rm %s && mkfifo %s"):format(fifo, fifo)))
  end)

  teardown(function()
    os.remove(fifo)
  end)

  it("interrupts a system call that blocks", watched(function()
    local err <const> = outcome(function() io.open(fifo) error("opened") end)
    assert.is_truthy(err.hog)
  end))

  it("leaves what comes after a hog alone", watched(function()
    core.on_error(function() end)
    core.after(0.001, function()
      while true do pcall(function() while true do end end) end
    end)
    local ran = false
    core.after(0.002, function() for _ = 1, 1000 do ran = true end end)
    core.sleep(4 * LIMIT)
    assert.is_true(ran)
  end))

  -- Where the machine is busy some of the time is its, not the hog's.
  local LONG <const> = 1
  it("takes its time off the clock, for the others", watched(function()
    local before <const> = core.now()
    local other <const> = core.spawn(function() core.sleep(0.01) return core.now() end)
    core.spawn(function() while true do end end):join(30)
    local _, at <const> = other:join(30)
    assert.is_true(at - before < LONG, ("%g s"):format(at - before))
  end, LONG))

  it("leaves alone who waits in between", watched(function()
    local stop <const> = core.now() + 3 * LIMIT
    while core.now() < stop do core.sleep(0.001) end
  end))
end)
