-- SPDX-License-Identifier: MIT
--
-- How much memory an owner may hold: who asks for more is refused, nobody else.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"

local LIMIT <const> = 8 << 20
local REFUSED <const> = "not enough memory"

-- A task of an owner that may hold so much.
local function spawn_limited(fn)
  local who <const> = {}
  core.allow(who, LIMIT, "somebody")
  core.set_owner(who)
  local task <const> = core.spawn(fn)
  core.set_owner(nil)
  return task, who
end

local function grow()
  local kept <const> = {}
  while true do
    kept[#kept + 1] = ("x"):rep(1000) .. #kept
  end
end

describe("memory", function()
  after_each(function()
    collectgarbage()
  end)

  it("is refused to a task that grows past its owner's limit", async(function()
    local ok <const>, err <const> = spawn_limited(grow):join()
    assert.is_nil(ok)
    assert.equal(REFUSED, err)
  end))

  it("is refused to a task that grows between waits, not to one with little", async(function()
    local kept <const> = {}
    local hog <const> = spawn_limited(function()
      while true do
        kept[#kept + 1] = ("x"):rep(1 << 20) .. #kept
        core.sleep(0)
      end
    end)
    local other <const> = spawn_limited(function()
      local size = 0
      for i = 1, 20 do
        size = size + #(("y"):rep(10000) .. i)
        core.sleep(0)
      end
      return size > 200000
    end)
    local _, err <const> = hog:join()
    assert.equal(REFUSED, err)
    assert.same({ true, true }, { other:join() })
  end))

  it("is refused to what a limited task starts, and to its callbacks", async(function()
    local told
    core.on_error(function(err) told = err end)
    local parent <const> = spawn_limited(function()
      core.after(0.001, grow)
      core.sleep(0.01)
      local _, err <const> = core.spawn(grow):join()
      return err
    end)
    assert.same({ true, REFUSED }, { parent:join() })
    assert.equal(REFUSED, told)
  end))

  it("that was garbage is not held", async(function()
    local task <const> = spawn_limited(function()
      for i = 1, 200 do
        local _ <const> = ("x"):rep(1 << 20) .. i
      end
      return "done"
    end)
    assert.same({ true, "done" }, { task:join() })
  end))

  it("may be allowed again", async(function()
    local kept <const> = {}
    local _, who <const> = spawn_limited(function() end)
    local function take()
      kept[#kept + 1] = ("x"):rep(3 << 20) .. #kept
    end
    local function run()
      core.set_owner(who)
      local task <const> = core.spawn(take)
      core.set_owner(nil)
      return (task:join())
    end
    assert.is_true(run())
    core.allow(who, LIMIT, "somebody")
    assert.is_true(run())
  end))

  it("is nobody's limit without an owner", async(function()
    local text <const> = ("x"):rep(4 * LIMIT)
    assert.equal(4 * LIMIT, #text)
  end))
end)
