-- SPDX-License-Identifier: MIT
--
-- Behaviour of the sleep commands of the ct12 (manual, 6.3). The two ways to
-- sleep exclude each other. A sleeping module wakes up at the first byte on
-- its UART, so nothing else is to be seen of it.

local BAD_STATE <const> = 102

local power = {}

local function switch(name, other)
  return function(machine, call)
    if call.kind == "read" then
      return call:row(1, { n = machine.flash:get(name) })
    elseif call.args.n == 1 and machine.flash:get(other) == 1 then
      return BAD_STATE
    end
    machine.flash:set(name, call.args.n)
  end
end

power.syssleep = switch("syssleep", "csclk")
power.csclk = switch("csclk", "syssleep")

return power
