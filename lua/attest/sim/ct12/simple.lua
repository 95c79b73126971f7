-- SPDX-License-Identifier: MIT
--
-- Behaviour of the simple pairing commands of the ct12 (manual, 6.5). What the
-- module does by itself in mode 1 is attest.sim.ct12.client, in mode 2
-- attest.sim.ct12.broker.

local client <const> = require "attest.sim.ct12.client"

local BAD_STATE <const> = 102
local NOT_SET <const>, VALUES <const> = 1, 2 -- rows of the read form

local simple = {}

local function is_single(machine)
  return #machine.links:list() <= 1
end

function simple.simplemode(machine, call)
  local flash <const>, args <const> = machine.flash, call.args
  if call.kind == "read" then
    return call:row(1, flash:get("simplemode"))
  elseif not is_single(machine) then
    return BAD_STATE
  end
  if args.mode ~= flash:get("simplemode").mode then -- what another mode kept is of no use
    flash:set("simpleclient", {})
    flash:set("mqtt", {})
  end
  flash:set("simplemode", { mode = args.mode, stata = args.stata })
  call:answer("OK")
  machine:reboot()
  return false
end

function simple.simpleclient(machine, call)
  if call.kind == "read" then
    local kept <const> = client.get(machine)
    return call:row(kept and VALUES or NOT_SET, kept or {})
  elseif not client.is_wanted(machine) or not is_single(machine) then
    return BAD_STATE
  end
  call:answer("OK")
  client.set(machine, call.args)
  return false
end

return simple
