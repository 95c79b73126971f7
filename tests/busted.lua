-- SPDX-License-Identifier: MIT
--
-- Runs busted specs under the runner, ending with "N passed, N failed".
--
--     attest lua tests/busted.lua [--gc-stress] [--filter TEXT] [FILE...]
--
-- Each file runs in a process of its own: virtual time, once chosen, holds for
-- a process. After each test nothing may be left: no task, no port, no handle;
-- what is left fails that test. A file in which no test ran is a failure.

local core <const> = require "attest.core"
local lfs <const> = require "lfs"
local uv <const> = require "luv"

local root <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."
package.path = root .. "/?.lua;" .. package.path

local function read_options(argv)
  local options <const> = { files = {} }
  local i = 1
  while argv[i] do
    if argv[i] == "--gc-stress" then
      options.gc_stress = true
    elseif argv[i] == "--one" then
      options.one = true
    elseif argv[i] == "--filter" then
      i = i + 1
      options.filter = argv[i]
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

local function run_file(path, options)
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
    require "busted.modules.filter_loader"(busted, {
      tags = {}, excludeTags = {}, filter = { options.filter }, filterOut = {},
    })
  end
  local load <const> = require "busted.modules.test_file_loader"(busted, { "lua" })
  load({ path }, {}, { excludes = {} })
  require "busted.execute"(busted)(1, {})
  return tally
end

-- --------------------------------------------------- many files, a process each

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

local function run_process(path, options)
  local words <const> = { uv.exepath(), "lua", arg[0], "--one", path }
  if options.gc_stress then
    words[#words + 1] = "--gc-stress"
  end
  if options.filter then
    table.move({ "--filter", options.filter }, 1, 2, #words + 1, words)
  end
  for i, word in ipairs(words) do
    words[i] = quote(word)
  end

  local pipe <const> = assert(io.popen(table.concat(words, " ") .. " 2>&1"))
  local tally = nil
  for line in pipe:lines() do
    local passed <const>, failed <const> = line:match("^(%d+) passed, (%d+) failed$")
    if passed then
      tally = { passed = math.tointeger(passed), failed = math.tointeger(failed) }
    else
      print(line)
    end
  end
  local is_success <const>, how <const>, status <const> = pipe:close()
  if not tally then
    print(("FAILED %s: ended without a count (%s %s)"):format(path, how, status))
    return { passed = 0, failed = 1 }
  end
  if not is_success and tally.failed == 0 then
    print(("FAILED %s: ended with %s %s"):format(path, how, status))
    tally.failed = 1
  elseif tally.passed + tally.failed == 0 and not options.filter then
    print(("FAILED %s: no test in it ran"):format(path))
    tally.failed = 1
  end
  return tally
end

local function main()
  local options <const> = read_options(arg)
  local run <const> = options.one and run_file or run_process
  if options.gc_stress then
    collectgarbage("setpause", 0)
  end
  local files = options.files
  if #files == 0 then
    files = find_specs(root .. "/tests/spec", "_spec%.lua$", {})
    find_specs(root .. "/tests/regress", "%.lua$", files)
    table.sort(files)
  end

  local passed, failed = 0, 0
  for _, path in ipairs(files) do
    local tally <const> = run(path, options)
    passed, failed = passed + tally.passed, failed + tally.failed
  end
  print(("%d passed, %d failed"):format(passed, failed))
  os.exit(failed == 0 and passed > 0 and 0 or 1, true)
end

main()
