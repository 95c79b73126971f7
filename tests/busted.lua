-- SPDX-License-Identifier: MIT
--
-- Runs busted specs under the runner, ending with "N passed, N failed".
--
--     attest lua tests/busted.lua [--gc-stress] [--jobs N] [--filter TEXT] [FILE...]
--
-- Each file runs in a process of its own: virtual time, once chosen, holds for
-- a process. After each test nothing may be left: no task, no port, no handle;
-- what is left fails that test. A file in which no test ran is a failure.
-- --gc-stress collects garbage all the time, in the files that use the core.

local core <const> = require "attest.core"
local lfs <const> = require "lfs"
local uv <const> = require "luv"

local root <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."
package.path = root .. "/?.lua;" .. package.path

local function read_options(argv)
  local options <const> = { files = {}, jobs = 1 }
  local i = 1
  while argv[i] do
    if argv[i] == "--gc-stress" then
      options.gc_stress = true
    elseif argv[i] == "--one" then
      options.one = true
    elseif argv[i] == "--filter" then
      i = i + 1
      options.filter = argv[i]
    elseif argv[i] == "--jobs" then
      i = i + 1
      options.jobs = assert(math.tointeger(argv[i]), "--jobs needs a number")
    else
      options.files[#options.files + 1] = argv[i]
    end
    i = i + 1
  end
  return options
end

-- Every *_spec.lua below tests/spec, and each file of tests/regress.
local function find_specs(folder, pattern, found)
  if lfs.attributes(folder, "mode") ~= "directory" then
    return found
  end
  for name in lfs.dir(folder) do
    local path <const> = folder .. "/" .. name
    if name:sub(1, 1) ~= "." then
      if lfs.attributes(path, "mode") == "directory" then
        find_specs(path, pattern, found)
      elseif name:find(pattern) then
        found[#found + 1] = path
      end
    end
  end
  return found
end

-- ------------------------------------------------------ one file, in process

local function describe_live(live)
  local parts <const> = {}
  for name, count in pairs(live) do
    if count ~= 0 then
      parts[#parts + 1] = ("%s=%s"):format(name, count)
    end
  end
  table.sort(parts)
  return table.concat(parts, " ")
end

-- Close callbacks need a turn of the loop: a few are granted. What one test
-- left is held against that test only.
local accepted = ""

local function settle()
  local left
  for _ = 1, 20 do
    collectgarbage()
    collectgarbage()
    left = describe_live(core.live())
    if left == accepted or left == "" then
      accepted = left
      return nil
    end
    core.run(core.spawn(core.sleep, 0.001))
  end
  accepted = left
  return left
end

local function full_name(busted, element)
  local parts <const> = {}
  while element and element.descriptor ~= "file" do
    table.insert(parts, 1, element.name)
    element = busted.context.parent(element)
  end
  return table.concat(parts, " ")
end

-- The executor of `it` is private to busted, but it runs through busted.safe:
-- the outermost call for a test is the one after which all must be gone.
local function watch_leaks(busted, on_leak)
  local safe <const> = busted.safe
  function busted.safe(descriptor, run, element)
    local results <const> = table.pack(safe(descriptor, run, element))
    if descriptor == "it" and run ~= element.run then
      local left <const> = settle()
      if left then
        on_leak(element, "left behind: " .. left)
      end
    end
    return table.unpack(results, 1, results.n)
  end
end

-- What the tests send and answer is noted for tests/coverage.lua.
local function note_coverage()
  local path <const> = os.getenv("ATTEST_COVERAGE")
  if path and path ~= "" then
    require("tests.support.coverage").install(path)
  end
end

local function run_file(path, options)
  note_coverage()
  local busted <const> = require "busted.core"()
  require "busted"(busted)
  local tally <const> = { passed = 0, failed = 0 }

  local function fail(name, message)
    tally.failed = tally.failed + 1
    print(("FAILED %s: %s\n%s"):format(path, name, message))
  end

  local notes = {}
  local function note(element, _, message, trace)
    local text <const> = tostring(message) .. (trace and trace.traceback or "")
    if element.descriptor == "it" then
      notes[#notes + 1] = text
    else
      fail(tostring(element.descriptor) .. " " .. tostring(element.name), text)
    end
    return nil, true
  end
  busted.subscribe({ "error" }, note)
  busted.subscribe({ "failure" }, note)
  busted.subscribe({ "test", "end" }, function(element, _, status)
    if status == "success" then
      tally.passed = tally.passed + 1
    elseif status ~= "pending" then
      fail(full_name(busted, element), table.concat(notes, "\n"))
    end
    notes = {}
  end)
  watch_leaks(busted, function(element, message)
    tally.passed = tally.passed - 1
    fail(full_name(busted, element), message)
  end)

  if options.filter then
    require "busted.modules.filter_loader"()(busted, {
      tags = {}, excludeTags = {}, filter = { options.filter }, filterOut = {},
    })
  end
  local load <const> = require "busted.modules.test_file_loader"(busted, { "lua" })
  load({ path }, {}, { excludes = {} })
  require "busted.execute"(busted)(1, {})
  return tally
end

-- --------------------------------------------------- many files, a process each

-- Seconds that one file may take; a collector that never rests takes most of them.
local PATIENCE <const>, GC_PATIENCE <const> = 240, 3600

local function words_for(path, options)
  local words <const> = { "lua", arg[0], "--one", path }
  if options.gc_stress then
    words[#words + 1] = "--gc-stress"
  end
  if options.filter then
    table.move({ "--filter", options.filter }, 1, 2, #words + 1, words)
  end
  return words
end

-- Runs the file in a process; waits. Returns everything it said and how it ended.
local function run_child(path, options)
  local task <const>, said <const> = core.current(), {}
  local pipes <const> = { uv.new_pipe(), uv.new_pipe() }
  local how, missing = nil, 3 -- two ends of file and the exit
  local function one_less()
    missing = missing - 1
    if missing == 0 then
      core.wake(task)
    end
  end
  local child <const> = assert(uv.spawn(uv.exepath(), {
    args = words_for(path, options), stdio = { nil, pipes[1], pipes[2] },
  }, function(code, signal)
    how = signal ~= 0 and "signal " .. signal or code
    one_less()
  end))
  for _, pipe in ipairs(pipes) do
    pipe:read_start(function(_, bytes)
      if bytes then
        said[#said + 1] = bytes
      else
        one_less()
      end
    end)
  end
  local patience <const> = options.gc_stress and GC_PATIENCE or PATIENCE
  if not core.wait(patience) then
    child:kill("sigkill")
    how = ("no end within %d s"):format(patience)
  end
  for _, handle in ipairs { child, table.unpack(pipes) } do
    handle:close()
  end
  return table.concat(said), how
end

-- Nothing but a count of a file that ended well is believed.
local function run_process(path, options)
  local said <const>, ended <const> = run_child(path, options)
  local before <const>, passed <const>, failed <const> =
    said:match("^(.-)(%d+) passed, (%d+) failed\n$")
  io.write(before or said)
  if not passed then
    print(("FAILED %s: ended without a count, with %s"):format(path, ended))
    return { passed = 0, failed = 1 }
  end
  local tally <const> = { passed = math.tointeger(passed), failed = math.tointeger(failed) }
  if ended ~= 0 and tally.failed == 0 then
    print(("FAILED %s: ended with %s"):format(path, ended))
    tally.failed = 1
  elseif tally.passed + tally.failed == 0 and not options.filter then
    print(("FAILED %s: no test in it ran"):format(path))
    tally.failed = 1
  end
  return tally
end

local function run_processes(files, options)
  local total <const> = { passed = 0, failed = 0 }
  local next_file = 0
  local function work()
    while next_file < #files do
      next_file = next_file + 1
      local tally <const> = run_process(files[next_file], options)
      total.passed = total.passed + tally.passed
      total.failed = total.failed + tally.failed
    end
  end
  local workers <const> = {}
  for i = 1, options.jobs do
    workers[i] = core.spawn(work)
  end
  for _, worker in ipairs(workers) do
    assert(core.run(worker))
  end
  return total
end

-- Only what is bound to C can be collected too early.
local function is_bound(path)
  local file <close> = assert(io.open(path))
  return file:read("a"):find("attest.core", 1, true) ~= nil
end

local function choose_files(options)
  if #options.files > 0 then
    return options.files
  end
  local found <const>, chosen <const> = find_specs(root .. "/tests/spec", "_spec%.lua$", {}), {}
  find_specs(root .. "/tests/regress", "%.lua$", found)
  table.sort(found)
  for _, path in ipairs(found) do
    if not options.gc_stress or is_bound(path) then
      chosen[#chosen + 1] = path
    end
  end
  return chosen
end

local function main()
  local options <const> = read_options(arg)
  local total
  if options.one then
    if options.gc_stress then
      collectgarbage("setpause", 0)
    end
    total = run_file(options.files[1], options)
  else
    total = run_processes(choose_files(options), options)
  end
  print(("%d passed, %d failed"):format(total.passed, total.failed))
  os.exit(total.failed == 0 and total.passed > 0 and 0 or 1, true)
end

main()
