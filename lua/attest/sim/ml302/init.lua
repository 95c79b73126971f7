-- SPDX-License-Identifier: MIT
--
-- The ML302 as a model for attest.sim.machine. Its manual covers MQTT only and
-- stores nothing: after a reboot everything is as it was delivered. The basic
-- commands are those of 3GPP TS 27.007.

local refusal <const> = require "attest.sim.ml302.refusal"
local session <const> = require "attest.sim.ml302.session"

local ml302 = {}

local NOTIFY <const>, NOTIFY_CELL <const> = 1, 2 -- <n> of AT+CREG

ml302.factory = {}
ml302.kept = {}

--- What a reboot forgets.
function ml302.memory()
  return { creg = 0 }
end

--- The manual names no command that changes it.
function ml302.baud(machine)
  return machine.module.profile.baud
end

function ml302.has_card(machine)
  return machine.settings.imsi ~= ""
end

--- The cell that it is in: area code; cell and access technology.
ml302.cell = { area = "25EF", more = '"02D0318E",7' }

function ml302.registered(machine)
  local n <const> = machine.memory.creg
  if n == NOTIFY then
    machine:announce("+CREG", { stat = machine.stat })
  elseif n == NOTIFY_CELL then
    local cell <const> = ml302.cell
    machine:announce("+CREG", { stat = machine.stat, area = cell.area, more = cell.more })
  end
end

ml302.refusal = refusal

function ml302.start(machine)
  machine.mqtt = session.new(machine)
end

function ml302.stop(machine)
  if machine.mqtt then
    machine.mqtt:stop()
  end
end

ml302.behaviours = {}

for _, chapter in ipairs { "basic", "mqtt" } do
  for name, behaviour in pairs(require("attest.sim.ml302." .. chapter)) do
    ml302.behaviours[name] = behaviour
  end
end

return ml302
