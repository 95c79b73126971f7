-- SPDX-License-Identifier: MIT
-- Nothing stalls the loop: a 1 ms ticker runs in real time while a store is
-- locked by somebody else, a name does not resolve and ports flood. And an
-- error in any callback is told to its owner, not to the process.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local uv <const> = require "luv"

local TICKS <const> = 1000

-- Seconds so far in which the machine ran others while this thread could have
-- run: not the loop's fault. 0 where the kernel does not tell.
local function kept_waiting()
  local file <close> = io.open("/proc/self/schedstat")
  local nanoseconds <const> = file and file:read("a"):match("^%d+ (%d+)")
  return nanoseconds and nanoseconds / 1e9 or 0
end

--- Returns how late the latest of many ticks was by the loop's own fault, in s.
local function lateness()
  local ticks, latest, timer <const> = 0, 0, uv.new_timer()
  local last, waited = core.now(), kept_waiting()
  timer:start(1, 1, function()
    local now <const>, waited_now <const> = core.now(), kept_waiting()
    ticks, latest = ticks + 1, math.max(latest, now - last - 0.001 - (waited_now - waited))
    last, waited = now, waited_now
  end)
  while ticks < TICKS do
    core.sleep(0.01)
  end
  timer:stop()
  timer:close()
  return latest
end

-- Goes on until `has_ended()`.
local function flood(has_ended)
  local pty <const> = assert(core.pty())
  local slave <const> = assert(core.open(pty:path()))
  local lines = 0
  slave:listen(function(kind) lines = lines + (kind == "line" and 1 or 0) end)
  pty:data(true)
  pty:listen(function() end)
  local burst <const> = ("\r\n+CREG: 1\r\n"):rep(100)
  return core.spawn(function()
    while not has_ended() do
      pty:write(burst)
      pty:drain(1)
      core.sleep(0)
    end
    pty:close()
    slave:close()
    return lines
  end)
end

--- One attempt: the lateness, in s.
local function attempt()
  local path <const> = os.tmpname()
  local db <const> = assert(core.sqlite.open(path))
  assert(db:exec("CREATE TABLE t (a)"))
  local other <const> = assert(core.sqlite.open(path))
  assert(other:exec("BEGIN IMMEDIATE"))
  local has_ended, resolved = false, nil
  local writer <const> = core.spawn(function()
    return db:write { { "INSERT INTO t VALUES (1)" } }
  end)
  uv.getaddrinfo("no-such-host.invalid", nil, {}, function(err) resolved = err or "found" end)
  local flooder <const> = flood(function() return has_ended end)
  local latest <const> = lateness()
  has_ended = true
  assert.equal("waiting", writer:status()) -- the store was stuck all the time
  assert(other:exec("COMMIT"))
  assert.same({ true, true }, { writer:join(30) })
  local _, lines <const> = flooder:join(30)
  other:close()
  db:close()
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  assert.is_true(lines > 1000, "the port did not flood")
  local deadline <const> = core.now() + 60
  while not resolved and core.now() < deadline do
    core.sleep(0.01)
  end
  assert.is_not_nil(resolved)
  return latest
end

describe("the loop", function()
  -- A machine that is busy otherwise may still delay one attempt; what blocks
  -- the loop delays each.
  it("ticks on while a store is locked, a name does not resolve and a port floods", async(function()
    local best = math.huge
    for _ = 1, 8 do
      best = math.min(best, attempt())
      if best < 0.010 then break end
    end
    assert.is_true(best < 0.010, ("a tick is %.1f ms late"):format(best * 1000))
  end))
end)
