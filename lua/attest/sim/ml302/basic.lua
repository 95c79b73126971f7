-- SPDX-License-Identifier: MIT
--
-- Behaviour of the basic commands of the ML302, as V.250 and 3GPP TS 27.007
-- have them; its own manual leaves them to another one.

local NO_CARD <const> = 10 -- 27.007, 9.2.1
local NOTIFY_CELL <const> = 2
local MAKER <const>, MODEL <const> = "CMIOT", "ML302"

local basic = {}

function basic.test() end

function basic.ate(machine, call)
  machine.engine.has_echo = call.args.value == 1
end

function basic.ati(machine, call)
  for _, text in ipairs { MAKER, MODEL, machine.settings.version } do
    call:row(1, { text = text })
  end
end

function basic.cgmi(_, call)
  call:row(1, { manufacturer = MAKER })
end

function basic.cgmm(_, call)
  call:row(1, { model = MODEL })
end

function basic.cgmr(machine, call)
  call:row(1, { version = machine.settings.version })
end

function basic.cgsn(machine, call)
  call:row(1, { imei = machine.settings.imei })
end

function basic.cimi(machine, call)
  if not machine.model.has_card(machine) then
    return NO_CARD
  end
  call:row(1, { imsi = machine.settings.imsi })
end

function basic.cpin(machine, call)
  if not machine.model.has_card(machine) then
    return NO_CARD
  end
  call:row(1, { code = "READY" })
end

function basic.creg(machine, call)
  local memory <const>, cell <const> = machine.memory, machine.model.cell
  if call.kind == "set" then
    memory.creg = call.args.n
    return
  end
  local tells_cell <const> = memory.creg == NOTIFY_CELL and machine:has_network()
  local other <const> = tells_cell and ('"%s",%s'):format(cell.area, cell.more) or nil
  call:row(1, { n = memory.creg, stat = machine.stat, other = other })
end

function basic.csq(machine, call)
  call:row(1, { rssi = machine.settings.rssi, ber = machine.settings.ber })
end

return basic
