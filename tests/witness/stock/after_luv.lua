-- SPDX-License-Identifier: MIT
-- Run by a stock lua5.4: a luv timer fires while a task of ours sleeps.

local uv <const> = require "luv"
local core <const> = require "attest.core"

local timer <const> = uv.new_timer()
timer:start(10, 0, function()
  print("timer")
  timer:close()
end)

assert(core.run(core.spawn(function()
  core.sleep(0.1)
  print("slept")
end)))
