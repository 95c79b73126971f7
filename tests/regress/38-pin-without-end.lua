-- SPDX-License-Identifier: MIT
--
-- Bug: `--set wire=0:N` with an N of more than 63 bits ended in a Lua error, since
-- math.tointeger of such digits is nil. It is refused as any other pin.

local settings <const> = require "attest.sim.settings"

describe("a pin whose number no integer can hold", function()
  it("is refused", function()
    local checked <const>, err <const> = settings.check({ wire = "0:1" .. ("0"):rep(99) }, "ct12")
    assert.is_nil(checked)
    assert.equal("invalid", err.code)
    assert.matches("expected pairs of pins", err.message)
    assert.same({ { 0, 1 } }, assert(settings.check({ wire = "0:1" }, "ct12")).wire)
  end)
end)
