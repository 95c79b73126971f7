-- SPDX-License-Identifier: MIT
--
-- Fuzzes the MQTT decoder of the simulated modules with what a blind fuzzer
-- does not find: random valid packets, damaged ones and random bytes, in random
-- slices. What must hold is in tests/support/mqtt_check.lua; and a packet that
-- is valid comes back. tests/fuzz/mqtt.lua looks for more.
--
--     attest lua tests/fuzz_mqtt.lua [--cases N] [--seconds N] [--seed N]

local here <const> = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../?.lua;" .. package.path

local fuzz_input <const> = require "tests.support.fuzz_input"
local mqtt_check <const> = require "tests.support.mqtt_check"
local mqtt_packet <const> = require "attest.sim.mqtt_packet"
local mqtt_random <const> = require "tests.support.mqtt_random"

local WORST <const> = 10 -- failures that are shown

local function check(bytes)
  return mqtt_check.bytes(bytes, mqtt_random.slices(bytes))
end

local function stream_of_packets()
  local packets <const>, bytes <const> = {}, {}
  for i = 1, math.random(4) do
    packets[i] = mqtt_random.packet()
    bytes[i] = assert(mqtt_packet.encode(packets[i]))
  end
  return table.concat(bytes), packets
end

local kinds <const> = {
  function(note)
    local bytes <const>, packets <const> = stream_of_packets()
    note(bytes)
    local whole <const>, reason <const> = check(bytes)
    assert(not reason and fuzz_input.same(packets, whole), "a valid packet does not come back")
  end,
  function(note)
    check(note(mqtt_random.damage((stream_of_packets()))))
  end,
  function(note)
    check(note(mqtt_random.bytes(60)))
  end,
  -- A header that is right with a body that is not.
  function(note)
    local first <const> = assert(mqtt_packet.encode(mqtt_random.packet())):sub(1, 1)
    local body <const> = mqtt_random.bytes(60)
    check(note(first .. string.char(#body) .. body))
  end,
}

local function read_options(argv)
  local options <const> = { seed = 1 }
  for i = 1, #argv, 2 do
    local name <const> = argv[i]:match("^%-%-(%l+)$")
    local value <const> = math.tointeger(tonumber(argv[i + 1]))
    local is_known <const> = name == "cases" or name == "seconds" or name == "seed"
    assert(is_known and value, "usage: fuzz_mqtt.lua [--cases N] [--seconds N] [--seed N]")
    options[name] = value
  end
  if not options.seconds then
    options.cases = options.cases or 20000
  end
  return options
end

-- Each case has a seed of its own, so that a failure can be run alone.
local function run_case(seed)
  local input
  math.randomseed(seed)
  local function note(bytes)
    input = bytes
    return bytes
  end
  local ok <const>, err <const> = xpcall(kinds[math.random(#kinds)], debug.traceback, note)
  return ok, ("seed %d, input %q\n%s"):format(seed, input or "", err)
end

local function main()
  local options <const> = read_options(arg)
  local stop <const> = options.seconds and os.time() + options.seconds or math.huge
  local passed, failed = 0, 0
  while passed + failed < (options.cases or math.huge) and os.time() < stop do
    local ok <const>, what <const> = run_case(options.seed + passed + failed)
    if ok then
      passed = passed + 1
    else
      failed = failed + 1
      if failed <= WORST then
        print("FAILED " .. what)
      end
    end
  end
  print(("%d passed, %d failed"):format(passed, failed))
  os.exit(failed == 0 and passed > 0 and 0 or 1, true)
end

main()
