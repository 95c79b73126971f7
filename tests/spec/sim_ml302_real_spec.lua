-- SPDX-License-Identifier: MIT
--
-- The plan of the ML302's manual, 3.4, in real time, in a hurry: both sides say
-- what they say on the virtual clock (sim_ml302_loss_spec).

local async <const> = require "tests.support.async"
local lost_server <const> = require "tests.support.lost_server"

describe("the plan of 3.4 in real time", function()
  it("has the transcript of the virtual clock, but for times", async(function()
    local hurry <const> = lost_server.HURRY
    local status <const>, text <const> = lost_server.run(hurry)
    assert.equals(lost_server.golden(hurry.params.keepalive, hurry.params.ack), text)
    assert.equals(0, status)
  end))
end)
