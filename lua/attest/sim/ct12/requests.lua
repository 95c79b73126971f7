-- SPDX-License-Identifier: MIT
--
-- What a command asks of an MQTT broker, and the wait for its answer. One at a
-- time, as commands are.

local await <const> = require "attest.sim.await"

local requests = {}

-- Seconds; longer than the client gives a broker, which then fails the request.
local PATIENCE <const> = 15

local methods <const> = {}
local mt <const> = { __name = "attest.sim.ct12.requests", __index = methods }

--- Makes what runs requests.
-- @tparam mqtt_client client
function requests.new(client)
  return setmetatable({ client = client }, mt)
end

--- The broker answered.
-- @tparam integer id
-- @param result what run() returns
function methods:answer(id, result)
  local waiting <const> = self.waiting
  if waiting and waiting.id == id then
    waiting.done(result)
  end
end

--- No answer will come.
-- @tparam[opt] integer id; to any request without it
function methods:fail(id)
  local waiting <const> = self.waiting
  if waiting and (not id or waiting.id == id) then
    waiting.done(nil)
  end
end

local function wait_for(self, id)
  local result <const> = await(function(done)
    self.waiting = { id = id, done = done }
    return function()
      self.waiting = nil
    end
  end, PATIENCE)
  self.waiting = nil
  return result
end

--- Asks and waits for the answer; a message of QoS 0 has none.
-- @tparam string name method of the client
-- @param ... its arguments
-- @treturn[1] true, or what the broker said
-- @treturn[2] nil
-- @treturn[2] string "invalid" for what MQTT cannot say, else "lost"
function methods:run(name, ...)
  local id <const>, err <const> = self.client[name](self.client, ...)
  if not id then
    return nil, err.code == "invalid" and "invalid" or "lost"
  end
  local result <const> = id == 0 or wait_for(self, id)
  if not result then
    return nil, "lost"
  end
  return result
end

return requests
