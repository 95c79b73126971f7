-- SPDX-License-Identifier: MIT
--
-- What must hold for any bytes that a broker sends: no Lua error; the same
-- packets and the same error for any slicing; what was decoded can be encoded
-- and is then decoded to the same.

local fuzz_input <const> = require "tests.support.fuzz_input"
local mqtt_packet <const> = require "attest.sim.mqtt_packet"
local mqtt_stream <const> = require "attest.sim.mqtt_stream"

local mqtt_check = {}

local LARGEST <const> = 4096
local same <const> = fuzz_input.same

--- Decodes.
-- @tparam {string,...} slices
-- @treturn table all packets
-- @treturn ?string why they ended
function mqtt_check.decode(slices)
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
  local again <const> = mqtt_check.decode { assert(mqtt_packet.encode(packet)) }
  assert(same({ packet }, again), "decoded, encoded and decoded it is another")
end

--- Checks some bytes.
-- @tparam string bytes
-- @tparam {string,...} slices of the same bytes
-- @treturn table packets
-- @treturn ?string why they ended
function mqtt_check.bytes(bytes, slices)
  local whole <const>, reason <const> = mqtt_check.decode { bytes }
  local parts <const>, same_reason <const> = mqtt_check.decode(slices)
  assert(reason == same_reason and same(whole, parts), "another slicing gives others")
  for _, packet in ipairs(whole) do
    check_again(packet)
  end
  return whole, reason
end

return mqtt_check
