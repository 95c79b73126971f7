-- SPDX-License-Identifier: MIT
--
-- What a plan takes, and what it refuses at the script's own line.

local plan <const> = require "attest.plan"

local function nothing() end

local function new(options)
  options = options or {}
  options.name = options.name or "p"
  return plan.new(options)
end

local function assert_refused(pattern, fn)
  local ok <const>, message <const> = pcall(fn)
  assert.is_false(ok)
  assert.matches(pattern, message)
  assert.matches("plan_spec.lua:%d+:", message)
end

describe("plan", function()
  it("keeps its phases in the order of their declaration", function()
    local p <const> = new()
    p:phase("b", nothing)
    p:phase("a", { timeout = 3 }, nothing)
    assert.equal("b", p.phases[1].name)
    assert.equal("a", p.phases[2].name)
    assert.equal(plan.TIMEOUT, p.phases[1].timeout)
    assert.equal(3, p.phases[2].timeout)
  end)

  it("gives its own timeout to phases and setup, and another to the teardown", function()
    local p <const> = new { timeout = 7 }
    p:setup(nothing)
    p:phase("a", nothing)
    p:teardown(nothing)
    assert.equal(7, p.setup_step.timeout)
    assert.equal(7, p.phases[1].timeout)
    assert.equal(plan.TEARDOWN_TIMEOUT, p.teardown_step.timeout)
  end)

  it("knows where it and its phases stand in the script", function()
    local p <const> = new()
    p:phase("a", nothing)
    assert.matches("plan_spec.lua:%d+$", p.place)
    assert.matches("plan_spec.lua:%d+$", p.phases[1].place)
  end)

  it("is told from any other table", function()
    assert.is_true(plan.is(new()))
    assert.is_false(plan.is({}))
    assert.is_false(plan.is(nil))
  end)

  it("refuses unknown options by name", function()
    assert_refused('unknown option "limit"', function() new { limit = {} } end)
    assert_refused('phase "a": unknown option "time_out"', function()
      new():phase("a", { time_out = 1 }, nothing)
    end)
    assert_refused('setup: unknown option "retry"', function()
      new():setup({ retry = {} }, nothing)
    end)
    assert_refused('guard: unknown option "pattern"', function()
      new():guard { pattern = "RDY" }
    end)
    assert_refused('without "times"', function()
      new():phase("a", { retry = { times = 2 } }, nothing)
    end)
  end)

  it("refuses wrong values", function()
    assert_refused("needs a name", function() plan.new {} end)
    assert_refused("timeout must be", function() new { timeout = 0 } end)
    assert_refused("timeout must be", function() new { timeout = 0 / 0 } end)
    assert_refused("timeout must be", function() new { timeout = "10" } end)
    assert_refused("limit a whole number", function()
      new():phase("a", { retry = { limit = -1 } }, nothing)
    end)
    assert_refused("delay a number", function()
      new():phase("a", { retry = { delay = -1 } }, nothing)
    end)
    assert_refused("measures must be", function()
      new():phase("a", { measures = "imei" }, nothing)
    end)
    assert_refused("printable name", function() new():phase("a\nb", nothing) end)
    assert_refused("needs a function", function() new():phase("a") end)
    assert_refused("before the function", function() new():phase("a", nothing, {}) end)
    assert_refused("needs urc and code", function() new():guard { urc = "RDY" } end)
  end)

  it("refuses a second phase of the same name and says where the first is", function()
    assert_refused('phase "a" is declared twice, first at .*plan_spec.lua:%d+', function()
      local p <const> = new()
      p:phase("a", nothing)
      p:phase("a", nothing)
    end)
  end)

  it("refuses a second setup or teardown", function()
    local p <const> = new()
    p:setup(nothing)
    p:teardown(nothing)
    assert_refused("one setup", function() p:setup(nothing) end)
    assert_refused("one teardown", function() p:teardown(nothing) end)
  end)

  it("stops after a phase unless the plan or the phase says otherwise", function()
    local p <const> = new()
    p:phase("a", nothing)
    p:phase("b", { stop = false }, nothing)
    assert.is_true(p:stops_after(p.phases[1]))
    assert.is_false(p:stops_after(p.phases[2]))

    local q <const> = new { continue_on_fail = true }
    q:phase("a", nothing)
    q:phase("b", { stop = true }, nothing)
    assert.is_false(q:stops_after(q.phases[1]))
    assert.is_true(q:stops_after(q.phases[2]))
  end)

  it("takes limits as a table and refuses malformed ones", function()
    assert.equal(-95, new { limits = { rssi = { lower = -95 } } }.limits.rssi.lower)
    assert_refused("limits must be", function() new { limits = "x.csv" } end)
    assert_refused('"rssi" needs lower', function() new { limits = { rssi = {} } } end)
    assert_refused("wrong lower", function() new { limits = { rssi = { lower = "-95" } } } end)
    assert_refused("wrong below", function()
      new { limits = { rssi = { lower = 1, below = 2 } } }
    end)
  end)
end)

describe("a sealed plan", function()
  it("does not follow what the script does to its own", function()
    local p <const> = new { limits = { rssi = { lower = -95 } }, params = { host = "a" } }
    p:phase("a", { retry = { limit = 1 }, measures = { "rssi" } }, function() end)
    p:guard { urc = "RDY", code = "E" }
    local sealed <const> = plan.seal(p)
    p.limits.rssi, p.params.host, p.guards[1], p.timeout = nil, nil, nil, nil
    p.phases[1].retry.limit, p.phases[1].measures[1], p.phases[1].run = 9, nil, nil
    p.phases[2] = {}
    assert.equal(-95, sealed.limits.rssi.lower)
    assert.equal("a", sealed.params.host)
    assert.equal("RDY", sealed.guards[1].urc)
    assert.equal(1, sealed.phases[1].retry.limit)
    assert.equal("rssi", sealed.phases[1].measures[1])
    assert.equal("function", type(sealed.phases[1].run))
    assert.equal(1, #sealed.phases)
    assert.equal(plan.TIMEOUT, sealed.timeout)
  end)
end)

describe("parameters of a plan", function()
  it("are its defaults with the given values over them", function()
    local p <const> = new { params = { host = "a", port = 7, slow = false } }
    local params <const> = p:parameters { host = "b", port = "8", slow = "true" }
    assert.same({ host = "b", port = 8, slow = true }, params)
    assert.same({ host = "a", port = 7, slow = false }, p:parameters {})
  end)

  it("are all taken when the plan declares none", function()
    assert.same({ firmware = "V1" }, new():parameters { firmware = "V1" })
  end)

  it("are refused when unknown or of the wrong kind", function()
    local p <const> = new { params = { host = "a", port = 7, slow = false } }
    local params, err = p:parameters { hots = "b" }
    assert.is_nil(params)
    assert.equal("invalid", err.code)
    assert.matches("no parameter hots; it has: host, port, slow", err.message)
    params, err = p:parameters { port = "x" }
    assert.is_nil(params)
    assert.matches("port must be a number", err.message)
    params, err = p:parameters { slow = "1" }
    assert.is_nil(params)
    assert.matches("slow must be true or false", err.message)
  end)
end)
