-- SPDX-License-Identifier: MIT
-- Tasks, time and ports of attest.core, on the virtual clock.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"

core.virtual()

describe("a task", function()
  it("runs from the loop, not at once", async(function()
    local ran = false
    local task <const> = core.spawn(function() ran = true end)
    assert.is_false(ran)
    task:join()
    assert.is_true(ran)
  end))

  it("returns its results to whoever joins, also late", async(function()
    local task <const> = core.spawn(function(a, b) return b, nil, a end, 1, 2)
    assert.same({ true, 2, nil, 1 }, { task:join() })
    assert.same({ true, 2, nil, 1 }, { task:join() })
    assert.equal("done", task:status())
  end))

  it("hands its error and a traceback to whoever joins", async(function()
    local err <const> = { code = "x" }
    local task <const> = core.spawn(function() error(err) end)
    local ok <const>, got <const>, traceback <const> = task:join()
    assert.is_nil(ok)
    assert.equal(err, got)
    assert.matches("core_spec", traceback)
    assert.equal("failed", task:status())
  end))

  it("that fails with nobody waiting tells the handler of errors, with its owner", async(function()
    local seen
    core.on_error(function(err, _, owner) seen = { err, owner } end)
    core.set_owner("slot 1")
    core.spawn(function() error("lost", 0) end)
    core.set_owner(nil)
    core.sleep(0.1)
    assert.same({ "lost", "slot 1" }, seen)
  end))

  it("closes its variables when it fails", async(function()
    local closed = false
    local task <const> = core.spawn(function()
      local _ <close> = setmetatable({}, { __close = function() closed = true end })
      error("x")
    end)
    task:join()
    assert.is_true(closed)
  end))

  it("sleeps on the virtual clock", async(function()
    local start <const> = core.now()
    core.sleep(3600)
    assert.is_near(3600, core.now() - start, 1e-6)
  end))

  it("sleeps in order of time, whatever the order of sleeping", async(function()
    local order <const> = {}
    for _, seconds in ipairs { 0.3, 0.1, 0.2 } do
      core.spawn(function() core.sleep(seconds) order[#order + 1] = seconds end)
    end
    core.sleep(1)
    assert.same({ 0.1, 0.2, 0.3 }, order)
  end))

  it("wakes with values", async(function()
    local me <const> = core.current()
    core.after(1, function() core.wake(me, "a", nil, 3) end)
    assert.same({ true, "a", nil, 3 }, { core.wait() })
  end))

  it("wakes by its deadline and is deaf to a wake that comes later", async(function()
    local me <const> = core.current()
    local ok <const>, _, name <const> = core.wait(0.5)
    assert.is_nil(ok)
    assert.equal("ETIMEDOUT", name)
    assert.is_false(core.wake(me, "late"))
  end))

  it("cannot wait in a coroutine of its own", async(function()
    local co <const> = coroutine.wrap(function() core.sleep(1) end)
    assert.has_error(co)
  end))

  it("that yields to nobody fails", async(function()
    local task <const> = core.spawn(function() coroutine.yield() end)
    local ok <const>, err <const> = task:join()
    assert.is_nil(ok)
    assert.matches("coroutine.yield", err)
  end))

  it("is cancelled in its wait, and in each later one", async(function()
    local raised <const> = {}
    local task
    task = core.spawn(function()
      for i = 1, 3 do
        local _, err <const> = pcall(core.sleep, 10)
        raised[i] = err
      end
      return "end"
    end)
    core.sleep(1)
    local start <const> = core.now()
    task:cancel("stop")
    assert.same({ true, "end" }, { task:join() })
    assert.same({ "stop", "stop", "stop" }, raised)
    assert.is_near(0, core.now() - start, 1e-6)
  end))

  it("is no failure when it ends with what it was cancelled with", async(function()
    local seen <const> = {}
    core.on_error(function(err) seen[#seen + 1] = err end)
    local stopped <const> = core.spawn(core.sleep, 10)
    local failed <const> = core.spawn(function()
      pcall(core.sleep, 10)
      error("another", 0)
    end)
    core.sleep(1)
    stopped:cancel("stop")
    failed:cancel("stop")
    core.sleep(1)
    core.on_error(print)
    assert.same({ "another" }, seen)
    assert.equal("stop", select(2, stopped:join()))
  end))

  it("can be joined by several, one of which gives up", async(function()
    local task <const> = core.spawn(function() core.sleep(2) return 7 end)
    local got <const> = {}
    local a <const> = core.spawn(function() got.a = { task:join(1) } end)
    local b <const> = core.spawn(function() got.b = { task:join() } end)
    a:join()
    b:join()
    assert.equal("ETIMEDOUT", got.a[3])
    assert.same({ true, 7 }, got.b)
  end))
end)

describe("core.run", function()
  it("says so when nothing can ever wake a task", function()
    local task <const> = core.spawn(function() core.wait() end)
    assert.error_matches(function() core.run(task) end, "nothing can wake")
    task:cancel("end")
    core.run(task)
  end)

  it("is refused inside a task", async(function()
    assert.error_matches(function() core.run() end, "running already")
  end))
end)

describe("a timer", function()
  it("runs once and can be stopped", async(function()
    local count = 0
    core.after(1, function() count = count + 1 end)
    core.after(1, function() count = count + 10 end):stop()
    core.sleep(5)
    assert.equal(1, count)
  end))

  it("that raises tells the handler of errors and harms nobody", async(function()
    local seen
    core.on_error(function(err) seen = err end)
    core.after(0.1, function() error("boo", 0) end)
    core.sleep(1)
    assert.equal("boo", seen)
  end))
end)

describe("a pair of ports", function()
  local opened = {}

  after_each(function()
    for _, port in ipairs(opened) do port:close() end
    opened = {}
  end)

  local function pair(chunk)
    local a <const>, b <const> = core.pair(chunk)
    opened = { a, b }
    return a, b
  end

  local function heard(port)
    local list <const> = {}
    port:listen(function(...) list[#list + 1] = table.concat({ ... }, "|") end)
    return list
  end

  it("delivers from the loop, in chunks", async(function()
    local a <const>, b <const> = pair(3)
    b:data(true)
    local list <const> = heard(b)
    a:write("abcde")
    assert.same({}, list)
    core.sleep(0.01)
    assert.same({ "data|abc", "data|de" }, list)
  end))

  it("tells the other end of a close", async(function()
    local a <const>, b <const> = pair()
    local list <const> = heard(a)
    b:close()
    b:close()
    core.sleep(0.01)
    assert.same({ "closed|EOF: end of file|EOF" }, list)
    assert.same({ nil, "EPIPE: broken pipe", "EPIPE" }, { a:write("x") })
  end))

  it("may be closed from inside its own handler", async(function()
    local a <const>, b <const> = pair()
    local count = 0
    b:listen(function() count = count + 1 b:close() end)
    a:write("one\r\ntwo\r\n")
    core.sleep(0.01)
    assert.equal(1, count)
    assert.is_true(b:is_closed())
  end))

  it("refuses misuse by name", async(function()
    local a <const>, b <const> = pair()
    assert.error_matches(function() a:set { bauds = 1 } end, "unknown option 'bauds'")
    assert.error_matches(function() a:set { parity = "both" } end, "parity: 'both'")
    assert.error_matches(function() a:set { stop_bits = 3 } end, "stop_bits")
    b:close()
    assert.error_matches(function() b:write("x") end, "closed")
  end))

  it("is collected and closed when the script lost it", async(function()
    do
      local a <const>, b <const> = core.pair()
      a:listen(function() return b end)
    end
    collectgarbage()
    collectgarbage()
    core.sleep(0.01)
    assert.equal(0, core.live().ports)
  end))

  it("hands an error in its handler to the owner of that time", async(function()
    local seen
    core.on_error(function(err, _, owner) seen = { err, owner } end)
    local a <const>, b <const> = pair()
    core.set_owner("slot 2")
    b:listen(function() error("bad", 0) end)
    core.set_owner(nil)
    a:write("x\n")
    core.sleep(0.01)
    assert.same({ "bad", "slot 2" }, seen)
  end))
end)

describe("attest.core", function()
  it("knows SHA-256", function()
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      core.sha256(""))
  end)

  it("opens no path that is not there", async(function()
    local port <const>, _, name <const> = core.open("/dev/attest-none")
    assert.is_nil(port)
    assert.equal("ENOENT", name)
  end))
end)
