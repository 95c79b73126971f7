-- SPDX-License-Identifier: MIT
--
-- Watches whether memory, descriptors and handles of this process stay flat
-- over a long run: what is there after its first tenth is compared with what
-- is there at its end. Ends a program with "N passed, N failed".

local core <const> = require "attest.core"
local lfs <const> = require "lfs"

local flat = {}

local KIB <const> = 1024
-- What a heap may grow for no reason: pages that an allocator does not give back.
local SLACK_KIB <const> = 1024
local SLACK <const> = 1.05
-- Steps after which garbage is collected.
local COLLECT <const> = 100
-- Timers that happen to run when it is looked.
local TIMERS <const> = 16

local methods <const> = {}
local mt <const> = { __index = methods }

-- Proportional set size in KiB without that of files: what a shared library
-- counts changes with every other process that begins or ends.
local function pss()
  local file <close> = assert(io.open("/proc/self/smaps_rollup"))
  return math.tointeger(file:read("a"):match("\nPss_Anon:%s*(%d+) kB"))
end

local function descriptors()
  local count = -1 -- lfs.dir has one of its own
  for name in lfs.dir("/proc/self/fd") do
    count = count + (name:find("^%d") and 1 or 0)
  end
  return count
end

local function sample()
  collectgarbage()
  collectgarbage()
  local live <const> = core.live()
  return {
    pss = pss(), lua = math.ceil(collectgarbage("count")), descriptors = descriptors(),
    tasks = live.tasks, ports = live.ports, timers = live.timers,
  }
end

--- Begins a run.
-- @tparam string name
-- @tparam integer total steps of the run
function flat.new(name, total)
  return setmetatable({ name = name, total = total, done = 0, began = os.time() }, mt)
end

--- Counts a step; samples after the first tenth, where it waits a little. Now
-- and then all garbage goes: by itself it would come to another amount each
-- time, and pages that held the most are not given back.
function methods:step()
  self.done = self.done + 1
  if self.done % COLLECT == 0 then
    collectgarbage()
  end
  if self.done == self.total // 10 then
    core.sleep(0.1) -- close callbacks
    self.first = sample()
  end
end

local function compare(first, last)
  local faults <const> = {}
  for key, slack in pairs { descriptors = 0, tasks = 0, ports = 0, timers = TIMERS } do
    if last[key] > first[key] + slack then
      faults[#faults + 1] = ("%s grew from %d to %d"):format(key, first[key], last[key])
    end
  end
  for _, key in ipairs { "pss", "lua" } do
    if last[key] > first[key] * SLACK + SLACK_KIB then
      faults[#faults + 1] = ("%s grew from %d KiB to %d KiB"):format(key, first[key], last[key])
    end
  end
  return faults
end

--- Ends a run: says the figures.
-- @treturn boolean whether everything is flat
function methods:finish()
  core.sleep(0.1)
  local first <const>, last <const> = self.first, sample()
  print(("%s: %d steps in %d s; PSS %.1f -> %.1f MiB, Lua %d -> %d KiB, descriptors %d -> %d")
    :format(self.name, self.done, os.time() - self.began, first.pss / KIB, last.pss / KIB,
      first.lua, last.lua, first.descriptors, last.descriptors))
  local faults <const> = compare(first, last)
  for _, fault in ipairs(faults) do
    print(("FAILED %s: %s"):format(self.name, fault))
  end
  return #faults == 0
end

--- Says how many of some runs were good, and ends the program.
-- @tparam {boolean,...} results
function flat.exit(results)
  local passed = 0
  for _, is_good in ipairs(results) do
    passed = passed + (is_good and 1 or 0)
  end
  print(("%d passed, %d failed"):format(passed, #results - passed))
  os.exit(passed == #results and passed > 0 and 0 or 1, true)
end

--- Reads the one argument of such a program, a count.
-- @tparam integer default
-- @tparam integer least fewer do not warm up
-- @treturn integer
function flat.count(default, least)
  local count <const> = math.tointeger(tonumber(arg[1] or default))
  if not count or count < least or arg[2] then
    io.stderr:write(("usage: %s [COUNT], at least %d\n"):format(arg[0], least))
    os.exit(2, true)
  end
  return count
end

return flat
