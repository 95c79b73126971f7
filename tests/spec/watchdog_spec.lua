-- SPDX-License-Identifier: MIT
-- A script that runs on without waiting is stopped, wherever it does so.
-- In real time: the limit is short.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"

local LIMIT <const> = 0.1

local function watched(body)
  return async(function()
    core.watchdog(LIMIT, function(where) return { hog = where } end)
    local ok <const>, err <const> = pcall(body)
    core.watchdog(0)
    assert(ok, err)
  end)
end

local function outcome(fn)
  local ok <const>, err <const> = core.spawn(fn):join(5)
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

  it("leaves alone who waits in between", watched(function()
    local stop <const> = core.now() + 3 * LIMIT
    while core.now() < stop do core.sleep(0.001) end
  end))
end)
