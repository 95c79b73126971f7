-- SPDX-License-Identifier: MIT
--
-- Makes callbacks of luv safe: they run for the owner that made them, and an
-- error in one is reported through the core as that owner's, instead of
-- ending the process or going to nobody.

local core <const> = require "attest.core"

local function describe(err)
  return type(err) == "string" and debug.traceback(err, 2) or err
end

-- The core reports what escapes from a task that nobody joins.
local function report(err)
  core.spawn(error, err, 0)
end

--- Wraps a callback.
-- @tparam function fn
-- @treturn function that never raises and returns nothing
local function guard(fn)
  local owner <const> = core.owner()
  return function(...)
    local former <const> = core.owner()
    core.set_owner(owner)
    local ok, err <const> = xpcall(fn, describe, ...)
    if not ok then
      report(err)
    end
    core.set_owner(former)
  end
end

return guard
