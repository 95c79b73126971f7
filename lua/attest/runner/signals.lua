-- SPDX-License-Identifier: MIT
--
-- SIGINT and SIGTERM, as calls.
--
-- The signals are taken only between watch() and its end, and go back to their
-- default then.

local uv <const> = require "luv"

local signals <const> = {}

local EXIT_CODES <const> = { sigint = 130, sigterm = 143 }

--- Watches for signals.
-- @tparam function on_signal on_signal(exit code)
-- @treturn function stop()
function signals.watch(on_signal)
  local handles <const> = {}
  for name, code in pairs(EXIT_CODES) do
    local handle <const> = uv.new_signal()
    handle:start(name, function()
      on_signal(code)
    end)
    handles[#handles + 1] = handle
  end
  return function()
    for _, handle in ipairs(handles) do
      handle:close()
    end
  end
end

return signals
