-- SPDX-License-Identifier: MIT
--
-- The command line as a process: what it refuses, and a stdout that is full or
-- has gone.

local async <const> = require "tests.support.async"
local child <const> = require "tests.support.child"
local script_file <const> = require "tests.support.script_file"
local uv <const> = require "luv"

local PLAN <const> = [[
local attest = require "attest"
local plan = attest.plan { name = "p", module = "ct12" }
plan:phase("a", function(t) t:measure("x", 1) t:sleep(0.05) end)
plan:teardown(function() assert(io.open("torn_down", "w")):close() end)
return plan
]]

-- Runs `attest WORDS` in a folder of its own; gives its exit code and words.
local function attest(words, files)
  local script <const> = ("cd '%s' && A='%s' && %s"):format(files.folder, uv.exepath(), words)
  local shell <const> = child.shell(script)
  local code <const> = shell:join()
  for _, name in ipairs { "attest.db", "attest.db-wal", "attest.db-shm" } do
    files:remove_later(files.folder .. "/" .. name)
  end
  return code, shell.text
end

local REFUSED <const> = {
  { "--repeat -1", '%-%-repeat "%-1": expected a whole number from 1' },
  { "--repeat 99999999", "%-%-repeat" },
  { "--slots 0", '%-%-slots "0"' },
  { "--slots 1001", "from 1 to 1000" },
  { "--sim ct12", "option .%-%-sim. must be used at most 1 time" },
  { "--seed x", '%-%-seed "x"' },
  { "--fault ''", '%-%-fault ""' },
  { "--db ''", '%-%-db ""' },
  { "--map a=1.2.3", "map" },
  { "--map a=127.0.0.1:0", "map" },
  { "--transcript plan.lua", "plan.lua: ENOTDIR" },
}

describe("attest run", function()
  it("refuses bad options by their names", async(function()
    local files <close> = script_file.new()
    files:write("plan.lua", PLAN)
    for _, case in ipairs(REFUSED) do
      local code <const>, text <const> = attest("$A run plan.lua --sim ct12 " .. case[1], files)
      assert.equal(2, code, case[1])
      assert.matches(case[2], text)
    end
  end))

  it("takes only a module's name for --sim", async(function()
    local files <close> = script_file.new()
    files:write("plan.lua", PLAN)
    local code <const>, text <const> = attest("$A run plan.lua --sim 'ct12?set=rssi=5'", files)
    assert.equal(2, code)
    assert.matches("a module's name alone", text)
  end))

  it("goes on to teardown and record when its stdout is full or gone", async(function()
    local files <close> = script_file.new()
    files:write("plan.lua", PLAN)
    for _, sink in ipairs { "> /dev/full", "> >(true)", "--jsonl > /dev/full" } do
      local code <const>, text <const> =
        attest("$A run plan.lua --sim ct12 --set boot=0 " .. sink, files)
      assert.equal(0, code, sink)
      assert(os.remove(files.folder .. "/torn_down"), text)
    end
  end))

  it("is ended by SIGHUP with its teardown", async(function()
    local files <close> = script_file.new()
    files:write("plan.lua", (PLAN:gsub("0.05", "20")))
    local code <const>, text <const> = attest([[
      mkfifo ready; exec 3<>ready
      $A run plan.lua --sim ct12 --set boot=0 --jsonl >&3 &
      while read -r line <&3; do case $line in *phase_started*) break ;; esac; done
      rm ready; kill -HUP $!; wait $!]], files)
    assert.equal(129, code)
    assert(os.remove(files.folder .. "/torn_down"), text)
  end))
end)

describe("attest send, doc and ports", function()
  it("fail when stdout takes nothing", async(function()
    local files <close> = script_file.new()
    for _, words in ipairs { "send --port sim:ct12 AT", "doc", "ports --json" } do
      local code <const>, text <const> = attest("$A " .. words .. " > /dev/full", files)
      assert.equal(2, code, words)
      assert.matches("stdout: No space left", text)
    end
  end))
end)

describe("attest lua", function()
  it("shows what was raised without control bytes, its traceback in lines", async(function()
    local files <close> = script_file.new()
    files:write("raises.lua", [[error("a\27[2J\u{9b}b\rc")]])
    local code <const>, text <const> = attest("$A lua raises.lua", files)
    assert.equal(1, code)
    assert.matches("a\\x1B[2J\\u{9B}b\\x0Dc\nstack traceback:\n", text, 1, true)
  end))
end)

describe("attest ports", function()
  it("shows no control bytes of names that a device or a program chose", async(function()
    local files <close> = script_file.new()
    files:write("ports.lua", [[
      require("attest.core").ports = function()
        return { { path = "/dev/ttyUSB0", usb_serial = "\27[2J", description = "\u{202e}x\xff",
          busy = "\27]0;y\7 (pid 1)" } }
      end
      require("attest.cli.ports").run { json = false }
      require("attest.cli.ports").run { json = true }]])
    local code <const>, text <const> = attest("$A lua ports.lua", files)
    assert.equal(0, code, text)
    assert.matches("\\x1B[2J", text, 1, true)
    assert.is_nil(text:find("[%z\1-\9\11-\31\127]"), text)
    assert.is_nil(text:find("\u{202e}", 1, true), text)
    assert.is_truthy(utf8.len(text), text)
  end))
end)

describe("attest send", function()
  it("names its option, and shows no control bytes in complaints", async(function()
    local files <close> = script_file.new()
    local code, text = attest("$A send --port sim:ct12 --timeout -1 AT", files)
    assert.equal(2, code)
    assert.matches('%-%-timeout "%-1"', text)
    code, text = attest("$A send --port $'/no\\033[2J' AT", files)
    assert.equal(2, code)
    assert.matches("/no\\x1B[2J", text, 1, true)
  end))
end)
