-- SPDX-License-Identifier: MIT
--
-- Behaviour of the network commands of the ct12 (manual, 6.2): registration,
-- signal, time, ping and the serving cell.

local ntp <const> = require "attest.sim.ntp"

local NO_SERVER <const> = 201
local DEFAULT_PINGS <const> = 4

local network = {}

function network.creg(machine, call)
  if call.kind == "read" then
    return call:row(1, { n = machine.memory.creg, stat = machine.stat })
  end
  machine.memory.creg = call.args.n
end

function network.csq(machine, call)
  call:row(1, { rssi = machine.settings.rssi, ber = machine.settings.ber })
end

local function print_time(machine, call)
  local seconds <const> = math.floor(machine:time() + machine.settings.tz * 3600)
  call:row(1, os.date("!*t", seconds))
end

function network.qntp(machine, call)
  if call.kind == "read" then
    return call:row(1, machine.memory.ntp)
  end
  local server <const> = { server_addr = call.args.server_addr, port = call.args.port }
  machine.memory.ntp = server
  local offset <const> = ntp.query(machine.peers, server.server_addr, server.port)
  if not offset then
    return NO_SERVER
  end
  machine.clock_offset = offset
  print_time(machine, call)
end

network.qlts = print_time

function network.qping(machine, call)
  local answers = 0
  local function reply(address, ms, ttl)
    answers = answers + 1
    call:row(1, { ip_addr = address, wait_time = math.floor(ms + 0.5), ttl = ttl })
  end
  machine.peers:ping(call.args.addr, call.args.num_pings or DEFAULT_PINGS, reply)
  if answers == 0 then
    return NO_SERVER
  end
end

-- The example's cell.
function network.cpsi(_, call)
  call:row(1, {
    plmn = "460-0", tac = "0x25ef", scell_id = 47198990, pcell_id = 411,
    dlbw = 5, ulbw = 5, rsrp = -19, rsrq = -82, rssi = -69, sinr = 0,
  })
end

return network
