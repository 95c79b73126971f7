-- SPDX-License-Identifier: MIT
-- A plan for a foreign modem on which a call comes in the middle of an echo.

local attest <const> = require "attest"

local plan <const> = attest.plan { name = "ring", version = "1" }

plan:phase("a call in the middle of an echo", { timeout = 20 }, function(t)
  local seen <const> = {}
  t.dut:observe(function(event, value)
    if event == "echo" or event == "urc" or event == "info" then
      seen[#seen + 1] = value and event .. " " .. value or event
    end
  end)
  t:measure("classes", t.dut:at("AT+FCLASS=?").lines[1]):equals("0,1,1.0")
  t:measure("what came", table.concat(seen, "; ")):equals("urc RING; echo; info 0,1,1.0")
end)

plan:phase("answers after it", { timeout = 10 }, function(t)
  t:measure("ATI3", t.dut:at("ATI3").lines[1]):equals("www.soft-switch.org")
end)

return plan
