-- SPDX-License-Identifier: MIT
--
-- What a broker sends: the first byte slices the stream of the rest. See
-- tests/support/mqtt_check.lua for what must hold.

local fuzz_input <const> = require "tests.support.fuzz_input"
local mqtt_check <const> = require "tests.support.mqtt_check"

return function(bytes)
  local input <const> = fuzz_input.new(bytes)
  local seed <const>, stream <const> = input:number(0, 255), input:rest()
  mqtt_check.bytes(stream, fuzz_input.slices(stream, seed % 13 + 1, seed))
end
