-- SPDX-License-Identifier: MIT
--
-- Errors in callbacks go to the owner of the task that registered them.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local owner <const> = require "attest.owner"
local fake_bench <const> = require "tests.support.fake_bench"
local uv <const> = require "luv"

owner.install()

local function new_owner()
  return {
    errors = {},
    fail = function(self, err)
      self.errors[#self.errors + 1] = err
    end,
  }
end

-- Runs fn as a task of that owner, and waits until `done` says so.
local function run_owned(who, fn)
  core.set_owner(who)
  local task <const> = core.spawn(fn)
  core.set_owner(nil)
  assert(task:join(5))
end

local function wait_for(condition)
  for _ = 1, 10000 do
    if condition() then
      return
    end
    core.sleep(0.002)
  end
  error("it never happened", 2)
end

describe("an error in a callback", function()
  it("of a luv timer is its owner's, by function and by method", async(function()
    local who <const> = new_owner()
    local one <const>, two <const> = uv.new_timer(), uv.new_timer()
    run_owned(who, function()
      uv.timer_start(one, 1, 0, function() error("by function") end)
      two:start(1, 0, function() error("by method") end)
    end)
    wait_for(function() return #who.errors == 2 end)
    one:close()
    two:close()
    local both <const> = who.errors[1] .. who.errors[2]
    assert.matches("by function", both)
    assert.matches("by method", both)
  end))

  it("keeps two owners apart", async(function()
    local first <const>, second <const> = new_owner(), new_owner()
    local timers <const> = { uv.new_timer(), uv.new_timer() }
    for i, who in ipairs { first, second } do
      run_owned(who, function()
        timers[i]:start(i, 0, function() error("slot " .. i) end)
      end)
    end
    wait_for(function() return #second.errors == 1 end)
    timers[1]:close()
    timers[2]:close()
    assert.matches("slot 1", first.errors[1])
    assert.matches("slot 2", second.errors[1])
    assert.equal(1, #first.errors)
  end))

  it("of a request is its owner's", async(function()
    local who <const> = new_owner()
    run_owned(who, function()
      uv.getaddrinfo("127.0.0.1", nil, nil, function() error("resolved") end)
      uv.fs_stat("/", function() error("told") end)
    end)
    wait_for(function() return #who.errors == 2 end)
  end))

  it("of a timer of the core is its owner's", async(function()
    local who <const> = new_owner()
    run_owned(who, function()
      core.after(0.001, function() error("after") end)
    end)
    wait_for(function() return #who.errors == 1 end)
    assert.matches("after", who.errors[1])
  end))

  it("of a task that nobody joins is its owner's", async(function()
    local who <const> = new_owner()
    run_owned(who, function()
      core.spawn(function() error("alone") end)
    end)
    wait_for(function() return #who.errors == 1 end)
    assert.matches("alone", who.errors[1])
  end))
end)

describe("an error in a luv callback of a plan", function()
  it("is the ERROR of its slot, and the other one passes", async(function()
    local bench <close> = fake_bench.new()
    local code <const> = bench:run([[plan:phase("a", function(t)
      local timer = require("luv").new_timer()
      timer:start(1, 0, function()
        timer:close()
        if t.slot == 2 then error("in luv") end
      end)
      t:sleep(0.05)
      t:measure("x", 1):equals(1) end)]], { ports = { "one", "two" } })
    assert.equal(3, code)
    assert.matches("slot 1  PASS\nslot 2  ERROR\n", bench.out)
    assert.matches("slot 2  a  ERROR  %d.%d s  .*plan1.lua:5: in luv", bench.out)
  end))
end)

describe("a callback", function()
  it("runs with its owner, and leaves the owner of others alone", async(function()
    local who <const> = new_owner()
    local seen
    local timer <const> = uv.new_timer()
    run_owned(who, function()
      timer:start(1, 0, function()
        seen = core.owner()
        timer:close()
      end)
    end)
    wait_for(function() return seen end)
    assert.equal(who, seen)
    assert.is_nil(core.owner())
  end))

  it("is bound once, however often it is installed", function()
    local before <const> = uv.timer_start
    owner.install()
    assert.equal(before, uv.timer_start)
  end)
end)
