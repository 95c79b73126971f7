-- SPDX-License-Identifier: MIT
-- Run by a stock lua5.4: os.exit closes the state from inside a task.

local core <const> = require "attest.core"

local pty <const> = assert(core.pty {})
pty:listen(function() end)
core.run(core.spawn(function()
  core.spawn(core.sleep, 1000)
  core.sleep(0.01)
end))
os.exit(0, true)
