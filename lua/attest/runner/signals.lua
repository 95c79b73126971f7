-- SPDX-License-Identifier: MIT
--
-- SIGINT, SIGTERM and SIGHUP, as calls.
--
-- A reader of stdout that has gone (SIGPIPE) ends no run: writing to it fails.
-- A second signal that meets a loop that is stuck ends the process at once.
-- The signals are taken only between watch() and its end, and go back to their
-- default then.

local core <const> = require "attest.core"
local uv <const> = require "luv"

local signals <const> = {}

local CLOSE_TIMEOUT <const> = 1 -- second
local EXIT_CODES <const> = { sighup = 129, sigint = 130, sigterm = 143 }

-- A signal that came last keeps its handle until it is delivered; the loop must
-- not end before.
local function close_all(handles)
  local task <const>, left = core.current(), #handles
  local is_awaited = true
  for _, handle in ipairs(handles) do
    handle:close(function()
      left = left - 1
      if left == 0 and is_awaited then
        core.wake(task)
      end
    end)
  end
  core.wait(CLOSE_TIMEOUT)
  is_awaited = false
end

--- Watches for signals.
-- @tparam function on_signal on_signal(exit code, name such as "sigint")
-- @treturn function stop(); waits, call it in a task
function signals.watch(on_signal)
  local handles <const> = {}
  for name, code in pairs(EXIT_CODES) do
    local handle <const> = uv.new_signal()
    handle:start(name, function()
      on_signal(code, name)
    end)
    handles[#handles + 1] = handle
  end
  core.force_on_signals()
  local pipe <const> = uv.new_signal()
  pipe:start("sigpipe", function() end)
  handles[#handles + 1] = pipe
  return function()
    close_all(handles)
  end
end

return signals
