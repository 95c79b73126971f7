-- SPDX-License-Identifier: MIT
--
-- Judges what a run of the suite noted (tests/support/coverage.lua): each form
-- of each built-in catalogue must have been sent by the host and answered by
-- the simulated module, or be named here with the reason.
--
--     ATTEST_COVERAGE=FILE attest lua tests/busted.lua
--     attest lua tests/coverage.lua FILE...
--
-- Ends with "N passed, N failed".

local root <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."
package.path = root .. "/?.lua;" .. package.path

local catalogue <const> = require "attest.catalogue"
local coverage <const> = require "tests.support.coverage"

-- Never exercised, and why.
local excluded <const> = {
  ["sim ct12 escape bare"] = "is no line: sim_ct12_direct_spec has its silences",
  ["host ct12 ota set"] = "the manual forbids it: no test gives its consent",
}

-- Exercised when it got exactly this answer.
local refused <const> = {
  ["sim ct12 ota set"] = "ERROR=104", -- no update link is ever right
}

-- Answers by form: "sim ct12 csq exec" -> { ["OK"] = true }.
local function load(paths)
  local seen <const>, notes = {}, 0
  for _, path in ipairs(paths) do
    for line in io.lines(path) do
      local form <const>, ending <const> = line:match("^(%l+ %S+ %S+ %S+) (.+)$")
      if not form then
        error(("%s: no note: %q"):format(path, line), 0)
      end
      seen[form] = seen[form] or {}
      seen[form][ending] = true
      notes = notes + 1
    end
  end
  return seen, notes
end

local function is_refusal(ending)
  return ending:find("ERROR", 1, true) ~= nil or ending:find(" FAIL", 1, true) ~= nil
end

local function has_succeeded(endings)
  for ending in pairs(endings or {}) do
    if not is_refusal(ending) then
      return true
    end
  end
  return false
end

-- Says what is wrong with a form; nil when nothing is.
local function fault_of(name, endings)
  if excluded[name] then
    return has_succeeded(endings) and "is named as never exercised, but it was" or nil
  elseif refused[name] then
    local fine <const> = endings and endings[refused[name]] and not has_succeeded(endings)
    return not fine and "was never answered by " .. refused[name] .. ", or by more" or nil
  end
  return not has_succeeded(endings) and "was never exercised with success" or nil
end

-- Walks over the forms of a module by the names they have in the notes.
local function each_form(side, module, seen)
  return coroutine.wrap(function()
    for _, entry in ipairs(module and module.list or {}) do
      for _, form in ipairs(entry.forms) do
        local name <const> = ("%s %s %s"):format(side, module.name, coverage.name(entry, form))
        coroutine.yield(name, seen[name])
      end
    end
  end)
end

local function judge(seen)
  local passed, failed, known <const> = 0, 0, {}
  local function check(name, fault)
    if fault then
      print(("FAILED %s %s"):format(name, fault))
      failed = failed + 1
    else
      passed = passed + 1
    end
  end
  for _, module_name in ipairs(catalogue.builtin) do
    local module <const>, err <const> = catalogue.load(module_name)
    if not module then
      check(module_name, "was not loaded: " .. tostring(err))
    end
    for _, side in ipairs { "host", "sim" } do
      for name, endings in each_form(side, module, seen) do
        known[name] = true
        check(name, fault_of(name, endings))
      end
    end
  end
  for _, names in ipairs { excluded, refused } do
    for name in pairs(names) do
      if not known[name] then
        check(name, "is named here but is no form of a catalogue")
      end
    end
  end
  return passed, failed
end

local function main(paths)
  if #paths == 0 then
    io.stderr:write("usage: attest lua tests/coverage.lua FILE...\n")
    os.exit(2, true)
  end
  local fine <const>, seen <const>, notes <const> = pcall(load, paths)
  if not fine then
    print("FAILED " .. tostring(seen))
    print("0 passed, 1 failed")
    os.exit(1, true)
  end
  local passed <const>, failed <const> = judge(seen)
  print(("%d notes from %d files"):format(notes, #paths))
  print(("%d passed, %d failed"):format(passed, failed))
  os.exit(failed == 0 and 0 or 1, true)
end

main(arg)
