-- SPDX-License-Identifier: MIT
--
-- The TCP or UDP client that the ct12 keeps at power-off in simple mode 1
-- (manual, 6.5) and connects by itself. Until it is set the module complains
-- each second (4.2.1). Works beside the commands: what it prints waits until
-- none runs.

local client = {}

local SIMPLE_TCP <const> = 1 -- <mode> of AT+SIMPLEMODE
local NO_SERVER <const>, UNKNOWN <const> = 201, 104
local COMPLAINT <const> = 1 -- seconds from one to the next

--- Tells whether the module is in the mode that keeps a client.
function client.is_wanted(machine)
  return machine.flash:get("simplemode").mode == SIMPLE_TCP
end

--- Reads the client.
-- @treturn table|nil arguments of AT+SIMPLECLIENT
function client.get(machine)
  local kept <const> = machine.flash:get("simpleclient")
  return kept.type and kept or nil
end

-- An error that no command waits for.
local function complain(machine, number)
  machine.engine:announce("\r\n" .. machine:refuse(number) .. "\r\n")
end

local function serve(machine, link)
  machine:print(machine:spell("CONNECT", { link_num = link.id }))
  machine:serve_link(link)
end

local function tell(machine, link)
  machine.engine:when_idle(function()
    if not link then
      complain(machine, NO_SERVER)
    elseif machine.links:get(link.id) == link then
      serve(machine, link)
    end
  end)
end

--- Tells whether it is connecting.
function client.is_connecting(machine)
  return machine.memory.connecting ~= nil
end

local function connect(machine)
  local kept <const> = client.get(machine)
  if machine.memory.connecting then
    machine:stop_work(machine.memory.connecting)
  end
  machine.memory.connecting = machine:work(function()
    local link <const> = machine.links:open {
      type = kept.type,
      host = kept.server_ip,
      port = kept.server_port,
      local_port = kept.local_port,
      mode = kept.mode,
    }
    machine.memory.connecting = nil
    tell(machine, link)
  end)
end

--- Sets the client and connects it in the place of the one before.
-- @tparam machine machine
-- @tparam table args of AT+SIMPLECLIENT
function client.set(machine, args)
  machine.flash:set("simpleclient", args)
  for _, link in ipairs(machine.links:list()) do
    machine:close_link(link)
    machine:announce(machine.model.closed[link.type])
  end
  connect(machine)
end

local function flood(machine)
  machine:later(COMPLAINT, function()
    if not client.get(machine) then
      complain(machine, UNKNOWN)
      flood(machine)
    end
  end)
end

--- Begins to complain, where there is cause to.
function client.booted(machine)
  if client.is_wanted(machine) and not client.get(machine) then
    flood(machine)
  end
end

--- Connects the client, if there is one.
function client.online(machine)
  if client.is_wanted(machine) and client.get(machine) then
    connect(machine)
  end
end

return client
