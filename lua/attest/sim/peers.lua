-- SPDX-License-Identifier: MIT
--
-- What a simulated module can reach: the redirections of `--map`, then names,
-- then the network, each with a deadline. The only way from the module to a
-- network backend. Its functions wait, so they run in the command's task.

local await <const> = require "attest.sim.await"
local redirect <const> = require "attest.sim.redirect"

local peers = {}

local RESOLVE_PATIENCE <const> = 8
local CONNECT_PATIENCE <const> = 10
local WRITE_PATIENCE <const> = 8
local PING_PATIENCE <const> = 60

local methods <const> = {}
local mt <const> = { __name = "attest.sim.peers", __index = methods }

--- Makes the peers of one module.
-- @tparam table net backend, see attest.sim.net
-- @tparam table rules list of `{ host, addr, port }`
function peers.new(net, rules)
  return setmetatable({ net = net, rules = rules }, mt)
end

--- Finds the address and port behind what the module was told.
-- @treturn[1] string address
-- @treturn[1] integer port
-- @treturn[2] nil
-- @treturn[2] error
function methods:find(host, port)
  local name <const>, real_port <const> = redirect.find(self.rules, host, port)
  local address <const>, err <const> = await(function(done)
    return self.net.resolve(name, done)
  end, RESOLVE_PATIENCE)
  if not address then
    return nil, err
  end
  return address, real_port
end

--- Opens a connection.
-- @tparam table options `type` TCP or UDP, `host`, `port`, optional `local_port`
-- @treturn[1] connection
-- @treturn[2] nil
-- @treturn[2] error
function methods:connect(options)
  local address <const>, port <const> = self:find(options.host, options.port)
  if not address then
    return nil, port
  end
  return await(function(done)
    return self.net.connect({
      type = options.type,
      address = address,
      port = port,
      local_port = options.local_port or 0,
    }, done)
  end, CONNECT_PATIENCE)
end

--- Hands bytes to the network and waits until it took them.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] error
function methods:write(connection, bytes) -- luacheck: ignore 212/self
  return await(function(done)
    connection:write(bytes, done)
  end, WRITE_PATIENCE)
end

--- Pings a host; waits for the last answer.
-- @tparam string host
-- @tparam integer count
-- @tparam function reply called with address, milliseconds and TTL of each answer
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] error
function methods:ping(host, count, reply)
  local address <const>, err <const> = self:find(host, 0)
  if not address then
    return nil, err
  end
  return await(function(done)
    return self.net.ping({ address = address, count = count }, function(ms, ttl)
      reply(address, ms, ttl)
    end, done)
  end, PING_PATIENCE)
end

return peers
