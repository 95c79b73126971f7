-- SPDX-License-Identifier: MIT
-- A plan that takes a module, wherever it was left, to every rate of its manual.

local attest <const> = require "attest"

local plan <const> = attest.plan { name = "rates", version = "1", module = "ct12" }

plan:phase("every rate", { timeout = 60 }, function(t)
  t.dut.port:set { baud = 9600 } -- where it was left
  t.dut:ready()
  for _, baud in ipairs { 4800, 19200, 38400, 57600, 230400, 460800, 921600, 115200, 9600 } do
    t:measure(("rate %d"):format(baud), t.dut:ipr({ baudrate = baud }).baudrate):equals(baud)
    t:measure(("version at %d"):format(baud), t.dut:gmr().version):equals("CT12_V1.0.1")
  end
end)

return plan
