-- SPDX-License-Identifier: MIT
--
-- Scripts that try to hurt the runner, each in slot 2 of a process of its own:
-- a clear error there, three other slots that pass, four records.

local async <const> = require "tests.support.async"
local child <const> = require "tests.support.child"
local core <const> = require "attest.core"
local deeds <const> = require "tests.support.hostile_scripts"
local script_file <const> = require "tests.support.script_file"
local uv <const> = require "luv"

local ROOT <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."

local PLAN <const> = [[
local FOLDER <const> = %q
local attest = require "attest"
local plan = attest.plan { name = "hostile", module = "ct12" }
plan:phase("deed", { timeout = %d }, function(t)
  t:measure("x", 1):equals(1)
  if t.slot == 2 then %s
  end
  t:sleep(0.05)
end)
plan:teardown(function(t) t:log("torn down " .. t.slot) end)
return plan
]]

-- Of a phase, in seconds: a loaded machine takes long to stop a slot that holds
-- the loop, and the others still pass.
local PATIENCE <const> = 30

local STATUS <const> = { PASS = 0, FAIL = 1, ERROR = 3, TIMEOUT = 3 }

-- In MiB. A run may hold 64; the sanitizers keep for a while what was freed.
local MOST_MEMORY <const> = 600

local function run(files, deed)
  local plan <const> = files:write("deed.lua",
    PLAN:format(files.folder, deed.timeout or PATIENCE, deed[2]))
  local process <const> = child.start {
    uv.exepath(), "lua", ROOT .. "/tests/support/hostile_run.lua", plan, files.folder,
  }
  for _, name in ipairs { "attest.db", "attest.db-wal", "attest.db-shm", "junit.xml", "fifo" } do
    files:remove_later(files.folder .. "/" .. name)
  end
  return process:join(120), "\n" .. process.text
end

local function outcomes(files)
  local db <const> = assert(core.sqlite.open(files.folder .. "/attest.db"))
  local rows <const> = assert(db:query("SELECT slot, outcome FROM runs ORDER BY slot"))
  db:close()
  local found <const> = {}
  for i, row in ipairs(rows) do
    found[i] = tostring(row.outcome)
  end
  return found
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

-- Nothing that a terminal obeys, and no line of the runner's that is none.
local function assert_clean(text, outcome)
  assert.is_nil(text:find("[%z\1-\8\11-\31\127]"), text)
  assert.is_nil(text:find("\xC2[\x80-\x9F]"), text)
  assert.is_nil(text:find("\u{202e}", 1, true), text)
  local _, count <const> = ("\n" .. text):gsub("\nslot 2  PASS\n", "")
  assert.equal(outcome == "PASS" and 1 or 0, count, text)
end

local function assert_stopped(status, text)
  assert.equal(70, status, text)
  assert.matches("\nattest: stopped: slot 2 %([^\n]*deed.lua%) has not returned to the loop", text)
end

local function is_told(patterns, outcome, text)
  for _, pattern in ipairs(type(patterns) == "table" and patterns or { patterns }) do
    if text:find(("\nslot 2  deed  %s  %%d+%%.%%d s  [^\n]*%s"):format(outcome, pattern)) then
      return true
    end
  end
  return false
end

local function assert_contained(files, deed, status, text)
  local outcome <const> = deed.outcome or deed[3] and "ERROR" or "PASS"
  assert.equal(STATUS[outcome], status, text)
  assert.matches(("\nslot 1  PASS\nslot 2  %s\nslot 3  PASS\nslot 4  PASS\n"):format(outcome), text)
  if deed[3] then
    assert.is_true(is_told(deed[3], outcome, text), text)
  end
  assert.matches("slot 2  info: torn down 2", text)
  assert.same({ "PASS", outcome, "PASS", "PASS" }, outcomes(files))
  assert_clean(text, outcome)
  assert_clean(read(files.folder .. "/junit.xml"), "none")
  assert.is_true(tonumber(text:match("peak (%d+) MiB")) < MOST_MEMORY, text)
end

describe("a hostile script:", function()
  for _, deed in ipairs(deeds) do
    (deed.pending and pending or it)(deed[1], deed.pending or async(function()
      local files <close> = script_file.new()
      local status <const>, text <const> = run(files, deed)
      if deed.last_resort then
        assert_stopped(status, text)
      else
        assert_contained(files, deed, status, text)
      end
    end))
  end
end)
