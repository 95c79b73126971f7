-- SPDX-License-Identifier: MIT
--
-- Fuzzes the MQTT decoder of the simulated modules: random packets, damaged
-- packets and random bytes, in random slices. What must hold: no Lua error;
-- the same packets and the same error for any slicing; what was decoded can
-- be encoded and decoded to the same; a packet that is valid comes back.
--
--     attest lua tests/fuzz_mqtt.lua [--cases N] [--seconds N] [--seed N]

local here <const> = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../?.lua;" .. package.path

local mqtt_packet <const> = require "attest.sim.mqtt_packet"
local mqtt_random <const> = require "tests.support.mqtt_random"
local mqtt_stream <const> = require "attest.sim.mqtt_stream"

local LARGEST <const> = 4096
local WORST <const> = 10 -- failures that are shown

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

-- All packets of some slices, and why they ended.
local function decode(slices)
  local stream <const>, all <const> = mqtt_stream.new(LARGEST), {}
  for _, slice in ipairs(slices) do
    local packets <const>, err <const> = stream:feed(slice)
    for _, packet in ipairs(packets or err.packets) do
      all[#all + 1] = packet
    end
    assert(stream.size <= LARGEST + #slice, "it keeps too much")
    if err then
      return all, err.reason
    end
  end
  return all
end

-- A broker answers an empty client id without a clean session by a code: it
-- is decoded but no client may send it.
local function is_for_brokers(packet)
  return packet.type == "connect" and packet.client_id == "" and not packet.clean
end

local function check_again(packet)
  if is_for_brokers(packet) then
    return
  end
  local again <const> = decode { assert(mqtt_packet.encode(packet)) }
  assert(same({ packet }, again), "decoded, encoded and decoded it is another")
end

local function check(bytes)
  local whole <const>, reason <const> = decode { bytes }
  local parts <const>, same_reason <const> = decode(mqtt_random.slices(bytes))
  assert(reason == same_reason and same(whole, parts), "another slicing gives others")
  for _, packet in ipairs(whole) do
    check_again(packet)
  end
  return whole, reason
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
    assert(not reason and same(packets, whole), "a valid packet does not come back")
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
