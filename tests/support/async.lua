-- SPDX-License-Identifier: MIT
--
-- Makes a test body that may wait: it runs as a task, and an error in it
-- reaches the test with its traceback.
--
--     it("waits", async(function() core.sleep(1) end))

local core <const> = require "attest.core"

--- Wraps a test body.
-- @tparam function body what may wait
-- @treturn function what `it` takes
local function async(body)
  return function(...)
    if core.current() then
      return body(...)
    end
    local task <const> = core.spawn(body, ...)
    local ok, err, traceback = core.run(task)
    if not ok then
      -- luassert's failures are tables that busted must get unchanged.
      if type(err) == "string" and traceback then
        err = err .. "\n" .. traceback
      end
      error(err, 0)
    end
  end
end

return async
