-- SPDX-License-Identifier: MIT
--
-- How plan scripts are loaded: kept apart, told where they are wrong.

local core <const> = require "attest.core"
local plan <const> = require "attest.plan"
local script <const> = require "attest.script"
local script_file <const> = require "tests.support.script_file"

core.virtual()

local PLAN <const> = 'return require("attest.plan").new { name = "p" }'

local files
local printed

local function load_text(text, name)
  local source <const> = assert(script.read(files:write(name or "plan.lua", text)))
  return script.load(source, function(line)
    printed[#printed + 1] = line
  end)
end

local function assert_fails(text, pattern)
  local loaded <const>, err <const> = load_text(text)
  assert.is_nil(loaded)
  assert.equal("script", err.code)
  assert.matches(pattern, err.message)
end

describe("script", function()
  before_each(function()
    files = script_file.new()
    printed = {}
  end)

  after_each(function()
    files:close()
  end)

  it("gives its plan", function()
    assert.is_true(plan.is(load_text(PLAN)))
  end)

  it("that is missing is not found", function()
    local source <const>, err <const> = script.read(files.folder .. "/none.lua")
    assert.is_nil(source)
    assert.equal("not_found", err.code)
    assert.matches("none.lua", err.message)
  end)

  it("that is a folder is refused", function()
    local source <const>, err <const> = script.read(files.folder)
    assert.is_nil(source)
    assert.equal("io", err.code)
    assert.matches(files.folder, err.message, 1, true)
  end)

  it("has a fingerprint of its bytes", function()
    local source <const> = script.read(files:write("a.lua", "return 1"))
    assert.equal(64, #source.sha256)
  end)

  it("with a syntax error is told with file and line", function()
    assert_fails("local x = 1\nlocal y = = 2\n", "plan.lua:2: unexpected symbol")
  end)

  it("is told with its whole path, however long", function()
    local name <const> = ("long"):rep(20) .. ".lua"
    local _, err <const> = load_text("x = = 1", name)
    assert.equal(1, err.message:find(files.folder .. "/" .. name .. ":1:", 1, true))
  end)

  it("that raises is told with file and line", function()
    assert_fails("\nerror('oops')", "plan.lua:2: oops")
  end)

  it("must return a plan", function()
    assert_fails("return 7", "plan.lua: a script must return its plan, not a number")
    assert_fails("local x", "plan.lua: a script must return its plan, not nothing")
  end)

  it("may begin with a line for the shell, and lines still count", function()
    assert.is_true(plan.is(load_text("#!/usr/bin/env attest\n" .. PLAN)))
    assert_fails("#!/bin/sh\nx = = 1", "plan.lua:2:")
  end)

  it("is never loaded as byte code", function()
    assert_fails(string.dump(function() end), "binary chunk")
    assert_fails("assert(load(string.dump(function() end)))", "binary chunk")
  end)

  it("that is loaded again has an environment of its own, and its lines", function()
    local source <const> = assert(script.read(files:write("plan.lua",
      '#!/bin/sh\nstring.count = (string.count or 0) + 1\nerror("load " .. string.count)')))
    for _ = 1, 3 do
      local _, err <const> = script.load(source, print)
      assert.matches("plan.lua:3: load 1$", err.message)
    end
  end)

  it("raises at an unknown global, read or written", function()
    assert_fails("return frobnicate", 'plan.lua:1: unknown global "frobnicate"')
    assert_fails("\nx = 1", 'plan.lua:2: assignment to unknown global "x"')
    assert_fails("function helper() end", 'assignment to unknown global "helper"')
    assert_fails("return load('return nothing_here')()", 'unknown global "nothing_here"')
    assert_fails("return dofile", 'unknown global "dofile"')
  end)

  it("as byte code, or raising no text, is told with its file", function()
    assert_fails(string.dump(function() end), "plan.lua: .*binary chunk")
    assert_fails("error({})", "plan.lua: the script raised a table")
    assert_fails("require('attest').error.raise { code = 'timeout', message = 12 }",
      "plan.lua: 12$")
    assert_fails("error(setmetatable({}, { __tostring = function() error('boo') end }))",
      "plan.lua: a table that cannot be shown")
  end)

  it("cannot wait for stdin or another process", function()
    for _, call in ipairs {
      "os.execute('true')", "io.popen('true')", "io.read()", "io.lines()", "io.input()",
      "local _ = io.stdin",
    } do
      assert_fails("\n" .. call, "plan.lua:2: .*it would stall every slot")
    end
  end)

  it("that waits at its top level is stopped, with its line", function()
    local task <const> = core.spawn(load_text, "\nrequire('attest').sleep(1e9)\n")
    local _, _, err <const> = assert(core.run(task))
    assert.matches("plan.lua:2: the script's top level ran for 10 s", err.message)
  end)

  it("cannot end the process", function()
    assert_fails("os.exit(0)", "plan.lua:1: os.exit: a plan cannot end the process")
  end)

  it("prints to the slot", function()
    assert.is_table(load_text("print('a', 1, nil)\n" .. PLAN))
    assert.same({ "a\t1\tnil" }, printed)
  end)

  it("keeps its changes of the libraries to itself", function()
    assert.is_table(load_text("string.mine = 1 math.pi = 3\n" .. PLAN))
    assert.is_nil(rawget(string, "mine"))
    assert_fails("return assert(string.mine, 'not here')", "not here")
    assert.is_true(math.pi > 3.1)
  end)

  it("has coroutines, and _G is its own environment", function()
    assert.is_table(load_text([[
      local wrapped = coroutine.wrap(function() coroutine.yield(7) end)
      assert(wrapped() == 7)
      assert(_G.print == print and _G._G == _G)
    ]] .. PLAN))
  end)

  it("requires attest, the standard libraries and its neighbours only", function()
    files:write("common.lua", "print('once') return { answer = 42 }")
    assert.is_table(load_text([[
      assert(require "string" == string)
      assert(require "lfs")
      assert(require("common").answer == 42)
      assert(require("common") == require("common"))
    ]] .. PLAN))
    assert.same({ "once" }, printed)
    assert_fails("require 'socket.http'", 'plan.lua:1: module "socket.http"')
  end)

  it("has strict neighbours too", function()
    files:write("loose.lua", "leak = 1")
    assert_fails("require 'loose'", 'loose.lua:1: assignment to unknown global "leak"')
    files:write("broken.lua", "x = = 1")
    assert_fails("require 'broken'", "broken.lua:1: unexpected symbol")
  end)

  it("tells an error object by its message", function()
    assert_fails([[error(require("attest.error").new { code = "invalid", message = "bad" })]],
      "plan.lua: bad$")
  end)
end)
