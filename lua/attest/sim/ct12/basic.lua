-- SPDX-License-Identifier: MIT
--
-- Behaviour of the basic commands of the ct12 (manual, 6.1).
--
-- AT+OTA is refused like an unknown command: the manual forbids it without the
-- maker's help.

local INPUT <const>, PULL_UP <const> = 2, 2

local basic = {}

basic.ota = false

function basic.test() end

function basic.gmr(machine, call)
  call:row(1, { version = machine.settings.version })
end

function basic.gsn(machine, call)
  call:row(1, { imei = machine.settings.imei })
end

function basic.ate(machine, call)
  machine.engine.has_echo = call.args.mode == 1
end

local function reboot(machine, call)
  call:answer("OK")
  machine:reboot()
  return false
end

basic.rst = reboot

function basic.restore(machine, call)
  machine.flash:restore(machine.model.kept)
  return reboot(machine, call)
end

function basic.qccid(machine, call)
  local iccid <const> = machine.model.iccid(machine)
  if iccid == "" then
    return call:row(1, {}, "table") -- the remark's form for "no card"
  end
  call:row(1, { iccid = iccid })
end

function basic.ipr(machine, call)
  local stored <const> = machine.flash:get("ipr")
  if call.kind == "read" then
    return call:row(1, stored)
  end
  for name in pairs(stored) do
    stored[name] = call.args[name] or stored[name] -- later arguments may be left out
  end
  machine.flash:set("ipr", stored)
  return reboot(machine, call)
end

function basic.singlesim(machine, call)
  if call.kind == "read" then
    return call:row(1, { slot = machine.flash:get("sim_slot") })
  end
  machine.flash:set("sim_slot", call.args.id)
  return reboot(machine, call)
end

-- Output pins drive, 0 or 1; others have no level of their own.
local function driven(pin)
  return pin.dir < INPUT and pin.dir or nil
end

local function wired_level(machine, number)
  for _, wire in ipairs(machine.settings.wire) do
    for i, here in ipairs(wire) do
      local level <const> = here == number and driven(machine.memory.pins[wire[3 - i]])
      if level then
        return level
      end
    end
  end
end

local function level(machine, number)
  local pin <const> = machine.memory.pins[number]
  local pulled <const> = pin.dir == INPUT and pin.pull == PULL_UP and 1 or 0
  return driven(pin) or wired_level(machine, number) or pulled
end

function basic.gpio(machine, call)
  local args <const> = call.args
  if not args.dir then
    return call:row(1, { pin = args.pin, value = level(machine, args.pin) })
  end
  local is_input <const> = args.dir == INPUT
  local pull <const> = is_input and args.pull or 0
  machine.memory.pins[args.pin] = { dir = args.dir, pull = pull }
  if is_input then
    call:row(1, { pin = args.pin, value = pull }) -- as the manual's example
  end
end

return basic
