-- SPDX-License-Identifier: MIT
--
-- Short texts that people and programs write: the first byte says what it is
-- read as. What is wrong is refused in one line; what is right can be written
-- again and reads the same.

local address <const> = require "attest.address"
local errors <const> = require "attest.error"
local fault <const> = require "attest.sim.fault"
local fuzz_input <const> = require "tests.support.fuzz_input"
local ntp <const> = require "attest.sim.ntp"
local ping <const> = require "attest.sim.ping"
local redirect <const> = require "attest.sim.redirect"
local rfc3339 <const> = require "attest.rfc3339"
local settings <const> = require "attest.sim.settings"

local same <const> = fuzz_input.same

-- A refusal is an error object whose text is one line that can be shown.
local function check_refusal(err)
  assert(errors.is(err, "invalid"), "no error object")
  assert(not err.message:gsub("\\\n", ""):find("%c"),
    ("the message is not one line: %q"):format(err.message))
end

local function judge(value, err)
  if value == nil or value == false then
    check_refusal(err)
    return nil
  end
  return value
end

local readers <const> = {}

readers[1] = function(text)
  local value <const> = judge(address.parse(text))
  if value then
    assert(same(value, address.parse(address.format(value))), "an address changes")
  end
end

readers[2] = function(text)
  local key <const>, value <const> = address.setting(text)
  if judge(key, value) then
    assert(key .. "=" .. value == text, "a setting changes")
  end
end

readers[3] = function(text)
  local seed <const> = judge(address.seed(text))
  assert(not seed or math.type(seed) == "integer" and seed >= 0)
end

readers[4] = function(text)
  local map <const> = judge(redirect.parse(text))
  if map then
    local addr <const>, port <const> = redirect.find({ map }, map.host:upper(), 7)
    assert(addr == map.addr and port == (map.port or 7), "a rule is not found")
  end
end

readers[5] = function(text)
  local faults <const> = judge(fault.parse(text, #text))
  if faults then
    local roll <const> = faults:dice("fuzz").roll(3, 9)
    assert(roll >= 3 and roll <= 9, "the dice falls off the table")
    assert(not faults.vanish or faults.vanish.seconds >= 0, "it vanishes before it is there")
  end
end

-- Every setting of both models takes the text or says what it expects.
readers[6] = function(text)
  for _, model in ipairs { "ct12", "ml302" } do
    for _, setting in ipairs(settings.list(model)) do
      judge(settings.check({ [setting.name] = text }, model))
    end
    judge(settings.check({ [text] = "1" }, model))
  end
end

readers[7] = function(text)
  local seconds <const> = rfc3339.parse(text)
  if seconds and seconds >= 0 then
    local again <const> = rfc3339.parse(rfc3339.format(seconds))
    assert(math.abs(again - seconds) <= 0.0006, "a time changes")
  end
end

readers[8] = function(text)
  local ms <const>, ttl <const> = ping.parse(text)
  assert(ms == nil or math.type(ttl) == "integer", "an answer without a TTL")
end

readers[9] = function(text)
  local request <const> = ntp.request(1.7e9)
  local offset <const> = ntp.offset(text, request, 1.7e9, 1.7e9 + 1)
  -- The four bytes after the first are as they may be in a datagram.
  local answer <const> = "\x24" .. text:sub(1, 23) .. request:sub(41, 48) .. text:sub(24, 39)
  local given <const> = ntp.offset(answer, request, 1.7e9, 1.7e9 + 1)
  for _, each in pairs { offset, given } do
    assert(each == each and math.abs(each) < 2 ^ 33, "an offset out of this world")
  end
end

return function(bytes)
  local input <const> = fuzz_input.new(bytes)
  readers[input:number(1, #readers)](input:rest())
end
