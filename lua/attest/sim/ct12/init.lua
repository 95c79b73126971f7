-- SPDX-License-Identifier: MIT
--
-- The DX-CT12 as a model for attest.sim.machine: what its flash holds, what a
-- reboot forgets, what it prints by itself, and its behaviours by chapter.

local broker <const> = require "attest.sim.ct12.broker"
local client <const> = require "attest.sim.ct12.client"

local ct12 = {}

--- Values of a new flash; stop bits and parity are codes: 0 is one stop bit,
-- none (6.1.8).
ct12.factory = {
  ipr = { baudrate = 115200, databits = 8, stopbits = 0, parity = 0 },
  sim_slot = 0,
  syssleep = 0,
  csclk = 0,
  simplemode = { mode = 0, stata = 0 },
  simpleclient = {},
  mqtt = {},
}

--- AT+RESTORE does not touch the SIM slot (6.1.9, remark 3).
ct12.kept = { "sim_slot" }

--- What a reboot forgets.
function ct12.memory()
  local INPUT <const>, FLOATING <const> = 2, 0
  local pins <const> = {}
  for number = 0, 2 do
    pins[number] = { dir = INPUT, pull = FLOATING }
  end
  return {
    creg = 0,
    ntp = { server_addr = "cn.pool.ntp.org", port = 123 },
    pins = pins,
  }
end

-- Bits by the code of AT+IPR (6.1.8); its example shows 1 for one stop bit, too.
local STOP_BITS <const>, PARITY_BITS <const> = { [0] = 1, 1, 2 }, { [0] = 0, 1, 1 }

function ct12.baud(machine)
  local ipr <const>, START_BIT <const> = machine.flash:get("ipr"), 1
  return ipr.baudrate,
    START_BIT + ipr.databits + (PARITY_BITS[ipr.parity] or 0) + (STOP_BITS[ipr.stopbits] or 1)
end

--- ICCID of the card in the chosen slot; empty without one.
function ct12.iccid(machine)
  local is_first <const> = machine.flash:get("sim_slot") == 0
  return is_first and machine.settings.iccid or machine.settings.iccid1
end

function ct12.has_card(machine)
  return ct12.iccid(machine) ~= ""
end

--- What a link prints when it closes; it does not say which (6.4.5).
ct12.closed = { TCP = "DISCONNECT", UDP = "UDP_CLOSE" }

--- Only <n>=1 asks for this line (6.2.1).
function ct12.registered(machine)
  if machine.memory.creg == 1 then
    machine:announce("+CREG", { stat = machine.stat })
  end
end

--- Comes to life: the MQTT client, and what simple mode does by itself.
function ct12.start(machine)
  machine.memory.mqtt = broker.new(machine)
  machine:later(machine.settings.boot, function()
    client.booted(machine)
  end)
end

function ct12.stop(machine)
  if machine.memory then
    machine.memory.mqtt:power_off()
  end
end

--- Connects to what it kept.
function ct12.online(machine)
  client.online(machine)
  machine.memory.mqtt:online()
end

ct12.behaviours = {}

for _, chapter in ipairs { "basic", "power", "network", "socket", "simple", "mqtt" } do
  for name, behaviour in pairs(require("attest.sim.ct12." .. chapter)) do
    ct12.behaviours[name] = behaviour
  end
end

return ct12
