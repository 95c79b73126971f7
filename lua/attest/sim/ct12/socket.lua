-- SPDX-License-Identifier: MIT
--
-- Behaviour of the TCP and UDP commands of the ct12 (manual, 6.4).

local client <const> = require "attest.sim.ct12.client"

local BAD_LENGTH <const>, BAD_STATE <const>, NO_SERVER <const> = 101, 102, 201
local MAX_PAYLOAD <const> = 1024

local socket = {}

-- Simple mode allows one connection (6.5.1, 6.5.2).
local function has_room(machine, mode)
  if machine.flash:get("simplemode").mode == 0 then
    return machine.links:has_room(mode)
  end
  return #machine.links:list() == 0 and not client.is_connecting(machine)
end

function socket.qiopen(machine, call)
  local args <const> = call.args
  if not has_room(machine, args.mode) then
    return BAD_STATE
  end
  local link <const> = machine.links:open {
    type = args.type,
    host = args.server_ip,
    port = args.server_port,
    local_port = args.local_port,
    mode = args.mode,
  }
  if not link then
    return NO_SERVER
  end
  call:word("CONNECT", { link_num = link.id })
  machine:serve_link(link)
  return false
end

function socket.qisend(machine, call)
  local link <const> = machine.links:get(call.args.link_num)
  if not link or link.mode ~= 0 then
    return BAD_STATE
  elseif not call.args.length and link.type ~= "UDP" then
    return BAD_LENGTH
  end
  call:answer("OK")
  local bytes <const> = call:payload(call.args.length, MAX_PAYLOAD)
  local is_sent <const> = bytes and machine.links:send(link, bytes)
  call:word(is_sent and "SEND OK" or "SEND FAIL")
  return false
end

-- Has no line end and, where it works, no answer.
function socket.ato(machine)
  if not machine.passthrough:resume() then
    return BAD_STATE
  end
  return false
end

function socket.qiclose(machine, call)
  local link <const> = machine.links:get(call.args.link_num)
  if not link then
    return BAD_STATE
  end
  machine:close_link(link)
  call:answer("OK")
  call:word(machine.model.closed[link.type])
  return false
end

function socket.qistate(machine, call)
  for _, link in ipairs(machine.links:list()) do
    call:row(1, {
      link_num = link.id,
      type = link.type,
      server_ip = link.host,
      server_port = link.port,
      local_port = link.local_port,
    })
  end
end

return socket
