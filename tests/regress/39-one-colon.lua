-- SPDX-License-Identifier: MIT
--
-- Bug: an address whose map leads to a host with one colon and no port, written
-- in brackets, was formatted without them: what format() wrote, parse() refused.

local address <const> = require "attest.address"

describe("a map to an address with one colon", function()
  it("keeps its brackets", function()
    for _, target in ipairs { "[b:c]", "::1", "[::1]:7" } do
      local value <const> = assert(address.parse("sim:ct12?map=a=" .. target))
      assert.same(value, assert(address.parse(address.format(value))))
    end
    assert.equal("sim:ct12?map=a=::1", address.format(assert(address.parse "sim:ct12?map=a=::1")))
  end)
end)
