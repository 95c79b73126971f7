-- SPDX-License-Identifier: MIT
--
-- Who read from a link when the port went was not told: it waited until its
-- own deadline and called that a timeout.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local direct_bench <const> = require "tests.support.direct_bench"

core.virtual()

describe("A port that goes in passthrough", function()
  it("ends a read at once; what came before stays readable", async(function()
    local b <close>, link <const> = direct_bench.new()
    b:say("some")
    local start <const> = core.now()
    local call <const> = b:run(function() return link.try:read(100, { timeout = 60 }) end)
    b.module:close()
    local _, err <const> = b:result(call)
    assert.equal("closed", err.code)
    assert.is_true(core.now() - start < 1)
    assert.equal("some", link:read(4))
    assert.equal("closed", select(2, link.try:read(1)).code)
  end))

  it("ends an escape and the writes that it holds", async(function()
    local b <close>, link <const> = direct_bench.new()
    link:write("x")
    local escape <const> = b:run(function() return link.try:command_mode() end)
    local write <const> = b:run(function() return link.try:write("held") end)
    core.sleep(0.5)
    b.module:close()
    assert.equal("closed", select(2, b:result(write)).code)
    assert.equal("closed", select(2, b:result(escape)).code)
    assert.equal("closed", select(2, link.try:write("late")).code)
    assert.equal("closed", select(2, link.try:close()).code)
  end))
end)
