-- SPDX-License-Identifier: MIT
--
-- First contact: who is there, is it registered, and does a socket echo?
--
--     attest lua scripts/hello.lua                a simulated module
--     attest lua scripts/hello.lua /dev/ttyUSB0   a real one
--
-- The second and third argument are an echo server's address and port, which
-- must be reachable by the module.

local attest <const> = require "attest"
local path <const>, host <const>, port <const> = table.unpack(arg)

attest.run(function()
  local dut <close> = attest.open(path or "sim:ct12", { module = "ct12" })
  dut:ready()
  print("firmware", dut:gmr().version)        -- AT+GMR
  print("signal", dut:csq().rssi_dbm, "dBm")  -- AT+CSQ
  dut:registered { timeout = 30 }
  print("registered", dut:creg().stat)        -- AT+CREG?

  if host then
    local socket <close> = dut:socket { type = "TCP", host = host, port = tonumber(port) }
    socket:send("hello")
    print("echo", socket:receive(5, { timeout = 3 }))
  end
end)
