-- SPDX-License-Identifier: MIT
--
-- A DUT on a simulated module in memory that has, beside its own, commands
-- whose answers can be told from all others: `tag`, `slow` and `put` answer
-- with the number that the command had, and its check. A command whose check
-- is wrong was damaged on its way and is refused.

local attest <const> = require "attest"
local core <const> = require "attest.core"
local sim <const> = require "attest.sim"

local tagged = {}

local BAD_DATA <const> = 103
local ROOT <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."

--- Where its commands are.
tagged.catalogue = { ROOT .. "/tests/support/catalogue" }

--- What proves a number.
-- @tparam integer n
-- @treturn integer
function tagged.check(n)
  return (n * 40503 + 12345 >> 3) & 0xffff
end

--- A sum of bytes, in order.
function tagged.sum(bytes)
  local sum = 1
  for i = 1, #bytes do
    sum = (sum * 31 + bytes:byte(i)) & 0xffff
  end
  return sum
end

local behaviours <const> = {}

function behaviours.tag(_, call)
  call:row(1, call.args)
end

function behaviours.slow(_, call)
  core.sleep(call.args.tenths / 10)
  call:row(1, call.args)
end

function behaviours.put(_, call)
  local payload <const> = call:payload(call.args.length)
  if not payload then
    return BAD_DATA
  end
  call:row(1, { n = call.args.n, check = call.args.check, sum = tagged.sum(payload) })
end

local function checked(behaviour)
  return function(machine, call)
    if call.args.check ~= tagged.check(call.args.n) then
      return BAD_DATA
    end
    return behaviour(machine, call)
  end
end

--- Opens one.
-- @tparam table options of sim.new; `module` is "tags" or "tags_ml302"
-- @treturn dut
-- @treturn sim
function tagged.open(options)
  options.catalogue = tagged.catalogue
  local module <const> = assert(sim.new(options))
  for name, behaviour in pairs(behaviours) do
    module.machine.behaviours[name] = checked(behaviour)
  end
  local near <const>, far <const> = core.pair()
  module:serve(far)
  return assert(attest.attach(near, {
    module = options.module, catalogue = tagged.catalogue, simulated = module,
  })), module
end

return tagged
