-- SPDX-License-Identifier: MIT
--
-- Sends commands without an end to a module on a pair that answers each; every
-- answer is the right one, and nothing grows.
--
--     attest lua tests/endurance/transactions.lua [COUNT]

local here <const> = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../../?.lua;" .. package.path

local attest <const> = require "attest"
local core <const> = require "attest.core"
local flat <const> = require "tests.support.flat"

local COUNT <const> = flat.count(1000000, 2000)

-- Answers "AT+CSQ" with the number of the question, so that no answer of
-- another one is taken; now and then a URC comes in between.
local function answer(module)
  local asked = 0
  module:listen(function(kind, text)
    if kind == "line" then
      asked = asked + 1
      local urc <const> = asked % 100 == 0 and "\r\n+CREG:1\r\n" or ""
      module:write(("%s\r\n%s\r\n+CSQ: %d,99\r\n\r\nOK\r\n"):format(text, urc, asked % 32))
    end
  end)
end

local function run()
  local ours <const>, theirs <const> = core.pair()
  local module <close> = theirs
  answer(module)
  local dut <close> = assert(attest.attach(ours, { module = "ct12" }))
  local watch <const> = flat.new("transactions", COUNT)
  local wrong = 0
  for i = 1, COUNT do
    local result <const> = dut:at("AT+CSQ", { timeout = 5 })
    if result.lines[1] ~= ("+CSQ: %d,99"):format(i % 32) then
      wrong = wrong + 1
    end
    watch:step()
  end
  local is_flat <const> = watch:finish()
  print(("transactions: %d wrong answers"):format(wrong))
  return { is_flat, wrong == 0 }
end

attest.run(function()
  flat.exit(run())
end)
