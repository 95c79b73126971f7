-- SPDX-License-Identifier: MIT
--
-- Kills a process that stores runs, at any instant, again and again: no run
-- that it reported as finished may be lost or doubled, and the ones it had
-- begun are ABORTED at the next start.
--
--     attest lua tests/store_crash.lua [ROUNDS]

local core <const> = require "attest.core"
local store <const> = require "attest.store"
local uv <const> = require "luv"

local SLOTS <const> = 4

-- ------------------------------------------------------------------- child

local function make_record()
  local phases <const> = {}
  for i = 1, 3 do
    phases[i] = {
      id = store.uuid(), name = "phase " .. i, attempt = 1, outcome = "PASS",
      measurements = { { name = "m", value = i, outcome = "PASS" } },
    }
  end
  return { schema = "attest/record/1", run_id = store.uuid(), phases = phases, log = {} }
end

-- Each line is written after what it says is durable.
local function say(word, run_id)
  io.stdout:write(word .. " " .. run_id .. "\n") -- in one piece: it may be killed behind each
end

local function work(s)
  while true do
    local record <const> = make_record()
    assert(s:begin(record))
    say("begun", record.run_id)
    record.outcome = "PASS"
    assert(s:finish(record))
    say("finished", record.run_id)
  end
end

local function run_child(path)
  io.stdout:setvbuf("no")
  local s <const> = assert(store.open(path))
  assert(s:recover())
  local tasks <const> = {}
  for i = 1, SLOTS do
    tasks[i] = core.spawn(work, s)
  end
  for _, task in ipairs(tasks) do
    assert(task:join())
  end
end

-- ------------------------------------------------------------------ parent

local function note_lines(text, said)
  for word, run_id in text:gmatch("(%a+) (%S+)\n") do
    said[run_id] = word
  end
end

-- Runs a child until it is killed `delay` seconds after its first word.
local function run_and_kill(path, delay, said)
  local me <const> = core.current()
  local pipe <const> = uv.new_pipe()
  local text, has_exited, has_ended = {}, false, false
  local child
  child = assert(uv.spawn(uv.exepath(), {
    args = { "lua", arg[0], "--child", path }, stdio = { nil, pipe, 2 },
  }, function()
    has_exited = true
    child:close()
    core.wake(me)
  end))
  local is_started = false
  pipe:read_start(function(_, chunk)
    text[#text + 1] = chunk
    if chunk and not is_started then
      is_started = true
      core.after(delay, function() child:kill("sigkill") end)
    elseif not chunk then
      has_ended = true
      pipe:close()
      core.wake(me)
    end
  end)
  repeat
    core.wait()
  until has_exited and has_ended
  note_lines(table.concat(text), said)
end

local function check(path, said)
  local s <close> = assert(store.open(path))
  assert(s:recover())
  local counts <const> = { PASS = 0, ABORTED = 0 }
  for _, run in ipairs(assert(s:runs())) do
    assert(run.outcome, "an unfinished run was not recovered")
    assert(said[run.run_id] ~= "finished" or run.outcome == "PASS", "a finished run was lost")
    said[run.run_id] = nil
    counts[run.outcome] = counts[run.outcome] + 1
    local record <const> = assert(s:record(run.run_id))
    assert(record.outcome == run.outcome)
    assert(run.outcome == "ABORTED" or #record.phases == 3)
  end
  assert(next(said) == nil, "a run that was reported is missing")
  return counts, s
end

local function check_children(path, passed)
  local db <close> = assert(core.sqlite.open(path))
  local row <const> = assert(db:query [[SELECT
    (SELECT count(*) FROM phases) AS phases, (SELECT count(*) FROM measurements) AS measurements,
    (SELECT count(*) FROM owners) AS owners,
    (SELECT integrity_check FROM pragma_integrity_check) AS integrity]])[1]
  assert(row.phases == 3 * passed, "phases were lost or doubled")
  assert(row.measurements == 3 * passed, "measurements were lost or doubled")
  assert(row.owners == 0 and row.integrity == "ok")
end

local function main(rounds)
  local path <const> = os.tmpname()
  os.remove(path)
  local counts
  for _ = 1, rounds do
    local said <const> = {}
    run_and_kill(path, math.random() * 0.03, said)
    local known <const> = {}
    for run_id, word in pairs(said) do
      known[run_id] = word
    end
    counts = check(path, known)
    check_children(path, counts.PASS)
    assert(next(said), "the child said nothing")
  end
  for _, suffix in ipairs { "", "-wal", "-shm" } do
    os.remove(path .. suffix)
  end
  print(("%d kills: %d runs PASS, %d ABORTED, none lost, none doubled")
    :format(rounds, counts.PASS, counts.ABORTED))
  print("1 passed, 0 failed")
end

local body <const> = arg[1] == "--child" and run_child or main
local task <const> = core.spawn(body, arg[1] == "--child" and arg[2] or tonumber(arg[1]) or 50)
local ok <const>, err <const>, traceback <const> = core.run(task)
if not ok then
  io.stderr:write(tostring(err), "\n", traceback or "", "\n")
  print("0 passed, 1 failed")
  os.exit(1, true)
end
