-- SPDX-License-Identifier: MIT
-- Run by a stock lua5.4: ends by an error while everything is open.

local uv <const> = require "luv"
local core <const> = require "attest.core"

local timer <const> = uv.new_timer()
timer:start(1000, 0, function() end)
local pty <const> = assert(core.pty {})
local a <const>, b <const> = core.pair()
pty:listen(function() end)
a:listen(function() end)
b:write("x\r\n")

core.run(core.spawn(function()
  core.spawn(core.sleep, 1000)
  core.after(1000, function() end)
  core.sleep(0.02)
end))
error("on purpose")
