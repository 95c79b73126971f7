-- SPDX-License-Identifier: MIT
--
-- Sends a command that restarts the module, and waits until it is ready and on
-- its network again.
--
--     restart.by(t, "AT+SIMPLEMODE=1,0")

local inbox <const> = require "inbox"

local restart = {}

local BOOT <const> = 60 -- seconds

--- Sends the command; the reset that follows is wanted.
-- @tparam table t of the phase
-- @tparam string command
function restart.by(t, command)
  local dut <const> = t.dut
  local started <close> = inbox.new(dut, dut.module.profile.boot_word)
  t:expect_reset(function()
    dut:at(command)
    started:next(BOOT)
  end)
  dut:ready()
  dut:registered()
end

return restart
