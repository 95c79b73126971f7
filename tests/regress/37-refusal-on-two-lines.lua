-- SPDX-License-Identifier: MIT
--
-- Bug: the refusal of a setting showed its value as it was: `--set imei=$'1\n2'`
-- or an escape sequence went to the terminal raw. It is shown escaped.

local settings <const> = require "attest.sim.settings"

describe("the refusal of a setting with control bytes", function()
  it("is one line", function()
    local checked <const>, err <const> = settings.check({ imei = "1\n2\27[2J" }, "ct12")
    assert.is_nil(checked)
    assert.equal("invalid", err.code)
    assert.matches("^setting imei=1\\x0A2\\x1B%[2J: expected printable text", err.message)
  end)
end)
