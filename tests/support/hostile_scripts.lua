-- SPDX-License-Identifier: MIT
--
-- What a script may do to hurt the runner, as data: a name, what slot 2 does in
-- its phase, and the message (a Lua pattern, or several of which one comes) that
-- its ERROR has. Without a message the deed does no harm and the slot passes;
-- `outcome` is another one than these two; `timeout` is the phase's, in seconds.
-- `last_resort`: only the end of the process helps.

local HOG <const> = "ran for 0%.5 s without waiting"
local MEMORY <const> = "not enough memory: more than a run may hold"
local EITHER <const> = { MEMORY, HOG } -- whichever the machine comes to first
local LOOP <const> = "a plan cannot do this: all slots share one loop"
local STALLS <const> = "a plan cannot do this: it would stall every slot"
local OWN <const> = "a task waits in this coroutine: only the loop resumes it"

-- Raises on and on, whatever swallows it.
local SWALLOW <const> = "while true do pcall(function() while true do end end) end"

return {
  -- loops
  { "endless loop", "while true do end", HOG },
  { "endless loop that catches everything", SWALLOW, HOG },
  { "endless loop in a coroutine", "coroutine.wrap(function() while true do end end)()", HOG },
  { "endless loop in a comparator",
    "table.sort({ 3, 2, 1 }, function() while true do end end)", HOG },
  { "endless __close",
    "local x <close> = setmetatable({}, { __close = function() while true do end end })", HOG },
  { "endless __close after an error",
    "local x <close> = setmetatable({}, { __close = function() while true do end end }) error('e')",
    "%d: e" },
  { "endless __close of a coroutine that is closed", [[
    local co = coroutine.create(function()
      local x <close> = setmetatable({}, { __close = function() while true do end end })
      coroutine.yield()
    end)
    coroutine.resume(co)
    assert(coroutine.close(co))]], HOG },
  { "endless strict environment",
    "setmetatable(_G, { __index = function() while true do end end }) local x = foo", HOG },
  { "file that blocks", [[
    require("luv").spawn("mkfifo", { args = { FOLDER .. "/fifo" } }, function() end)
    t:sleep(0.3)
    io.open(FOLDER .. "/fifo")]], HOG },
  { "endless printing", "while true do print('x') end", HOG },
  { "pattern that never ends", '("a"):rep(50):find(("a?"):rep(50) .. ("a"):rep(50))',
    last_resort = true },

  { "errors that outrun each error", "local function f() xpcall(f, f) f() end f()",
    last_resort = true },

  -- memory
  { "string that doubles", "local s = 'x' while true do s = s .. s end", EITHER },
  { "huge string", "local s = ('x'):rep(1e9)", MEMORY },
  { "table without end", "local t = {} while true do t[#t + 1] = {} end", EITHER },
  { "memory that grows between waits", [[
    local t = {}
    while true do t[#t + 1] = ('x'):rep(1e6) .. #t  attest.sleep(0) end]], MEMORY },
  { "memory taken in a callback", [[
    require("attest.core").after(0.01, function()
      local t = {} while true do t[#t + 1] = {} end
    end)
    t:sleep(1)]], EITHER },
  { "hundred thousand tasks",
    "for i = 1, 1e5 do attest.spawn(function() attest.sleep(1e3) end) end t:sleep(1e3)",
    EITHER },

  -- depth
  { "deep recursion", "local function f() return f() + 1 end f()",
    { MEMORY, HOG, "stack overflow" } },
  { "pcall nested without end", "local function f() pcall(f) pcall(f) end f()", HOG },
  { "metamethod chain without end",
    "local m = {} m.__index = function(s, k) return s[k .. 1] end local x = setmetatable({}, m).a",
    "C stack overflow" },
  { "pattern too deep", "('a'):rep(1e6):find(('a-'):rep(300) .. 'b')", "pattern too complex" },
  { "table that holds itself as a value", "local t2 = {} t2.t = t2 t:measure('m', t2)",
    'measurement "m": a table is not a number, string or boolean' },

  -- what is in use
  { "DUT closed under a wait", [[
    attest.spawn(function() t:sleep(0.05) t.dut:close() end)
    t.dut:await("RDY", { timeout = 4 })]], "it was closed" },
  { "port closed under a command", [[
    attest.spawn(function() t:sleep(0.05) t.dut.port:close() end)
    t.dut:await("RDY", { timeout = 5 })]], "closed",
    pending = "a port that a script closes does not end what its dialog waits for" },
  { "use after close", "t.dut:close() t.dut:at('AT')", "AT: the port is gone: it was closed" },
  { "port stolen from the dialog",
    "t.dut.port:listen(function() end) t.dut:at('AT', { timeout = 0.2 })",
    "AT: no answer within 0%.2 s", outcome = "TIMEOUT" },

  -- coroutines
  { "yield of a task", "coroutine.yield()", "a task called coroutine.yield outside" },
  { "wait across a comparator", "table.sort({ 2, 1 }, function() attest.sleep(0) end)",
    "this call waits: it cannot run in a coroutine of the script's own" },
  { "wait across gsub", "('x'):gsub('.', function() attest.sleep(0) end)", "this call waits" },
  { "wait in a coroutine of its own", "coroutine.wrap(function() attest.sleep(0) end)()",
    "this call waits" },
  { "wait across pcall and metamethods", [[
    local x = setmetatable({}, { __add = function() attest.sleep(0) return 7 end })
    assert(pcall(attest.sleep, 0) and x + 1 == 7)]] },
  { "task closed from outside", [[
    local me = coroutine.running()
    attest.spawn(function() coroutine.close(me) end)
    t:sleep(1)]], OWN },
  { "task resumed from outside", [[
    local me = coroutine.running()
    attest.spawn(function() assert(coroutine.resume(me)) end)
    t:sleep(1)]], OWN },

  -- errors
  { "error nil", "error(nil)", "the script raised nil, not a message" },
  { "error table", "error({})", "the script raised a table, not a message" },
  { "error function", "error(print)", "the script raised a function, not a message" },
  { "error userdata", "error(io.tmpfile())", "file %(0x" },
  { "error with control bytes", [[error("a\0b\27[2J\nslot 2  PASS\rslot 2  PASS")]],
    "a\\x00b\\x1B%[2J\\x0Aslot 2  PASS\\x0Dslot 2  PASS" },
  { "error whose __tostring raises",
    "error(setmetatable({}, { __tostring = function() error('boo') end }))",
    "a table that cannot be shown" },
  { "error whose __tostring never ends",
    ("error(setmetatable({}, { __tostring = function() %s end }))"):format(SWALLOW),
    "a table that cannot be shown" },
  { "error in a callback whose __tostring never ends",
    ("require('attest.core').after(0, function() error(setmetatable({}, { __tostring = function() "
      .. "%s end })) end) t:sleep(1)"):format(SWALLOW), "a table that cannot be shown" },
  { "error in __close",
    "local x <close> = setmetatable({}, { __close = function() error('in close') end })",
    "in close" },

  -- finalisers
  { "finaliser that raises",
    "setmetatable({}, { __gc = function() error('in gc') end }) collectgarbage() t:sleep(1)",
    "in gc" },
  { "finaliser that never ends",
    "setmetatable({}, { __gc = function() while true do end end }) collectgarbage() t:sleep(1)",
    HOG },
  { "finaliser that is put in later", [[
    local m = { __gc = true }
    setmetatable({}, m)
    m.__gc = function() while true do end end
    collectgarbage() t:sleep(1)]], HOG },
  { "finaliser that brings its object back", [[
    local kept
    setmetatable({ 7 }, { __gc = function(o) kept = o end })
    collectgarbage() t:sleep(0.1)
    assert(kept[1] == 7)]] },

  -- what all slots share
  { "end of the process", "os.exit(0)", "os.exit: a plan cannot end the process" },
  { "shell", "os.execute('true')", "os.execute: " .. STALLS },
  { "other process", "io.popen('true')", "io.popen: " .. STALLS },
  { "sleep of the process", "require('luv').sleep(1e9)", "luv.sleep: " .. STALLS },
  { "thread that never ends", "require('luv').new_work(function() while true do end end):queue()",
    "luv.new_work: " .. STALLS },
  { "working directory", "require('lfs').chdir('/')", "lfs.chdir: a plan cannot do this" },
  { "locale", "os.setlocale('C')", "os.setlocale: a plan cannot do this" },
  { "collector", "collectgarbage('stop')", "all slots share one collector" },
  { "watchdog", "require('attest.core').watchdog(0)", "attest.core.watchdog: " .. LOOP },
  { "virtual time", "require('attest.core').virtual()", "attest.core.virtual: " .. LOOP },
  { "handler of errors", "require('attest.core').on_error(print)", LOOP },
  { "owner", "require('attest.core').owner()", "attest.core.owner: " .. LOOP },
  { "runner", "require('attest.runner')", "a plan cannot use what runs plans" },
  { "stdout", "io.stdout:close()", "a plan cannot close the standard streams" },
  { "default output", "io.output('/dev/null')", "io.output: a plan cannot do this" },
  { "hook", "debug.sethook()", "attempt to call a nil value %(field 'sethook'%)" },
  { "metatable of strings",
    [[getmetatable("").__index = {} getmetatable("").__index.format = 5 error(("%d"):format(7))]],
    "%d: 7" },
  { "libraries and modules", [[
    string.format, table.concat, math.floor = nil, nil, nil
    require("attest.core").now = nil
    require("attest.text").printable = nil
    require("attest.error").codes.timeout = nil
    require("luv").hrtime, require("attest").run = nil, nil]] },
  { "plan", "plan.phases[2] = 5 plan.teardown_step = 7 plan.guards = nil" },
  { "what is behind t", [[
    for _, value in pairs(t) do
      assert(type(value) ~= "table" or not rawget(value, "run"))
    end]] },

  -- measurements
  { "measurement changed by hand",
    "local m = t:measure('y', 1) m.describe = function() while true do end end",
    "a measurement's describe cannot be set" },
  { "measurement changed in spite of that", [[
    local m = t:measure("y", 1)
    for _, key in ipairs { "name", "value", "unit", "checks", "reason", "set_ms", "evidence" } do
      rawset(m, key, print)
    end
    rawset(m, "outcome", function() while true do end end)]] },
  { "list of limits that are none",
    "t:measure('y', 1):one_of { print }", "one_of needs a list of values, not of function" },
  { "name with a line end",
    [[t:measure("a\nslot 2  PASS", 1)]], "a measurement needs a printable" },
  { "name with a control character",
    [[t:measure("a\u{9b}2J", 1)]], "a measurement needs a printable" },
  { "name that turns the text", [[t:measure("a\u{202e}b", 1)]], "a measurement needs a printable" },
  { "long name", "t:measure(('n'):rep(1e6), 1)", "a measurement needs a printable" },
  { "value that is no number",
    "t:measure('nan', -(0 / 0)):at_least(1)", "nan is not a number %(NaN%)",
    outcome = "FAIL" },
  { "huge value", "t:measure('v', ('x'):rep(1e6)):equals(1)", "1000000 bytes", outcome = "FAIL" },
  { "value with control characters",
    [[t:measure("v", "\27[2J\u{9b}2J\u{202e}\nslot 2  PASS\r\xff"):equals("x")]],
    'v "\\x1B%[2J\\xC2\\x9B2J', outcome = "FAIL" },
  { "negative sleep", "t:sleep(-1)", "sleep needs seconds, a number from 0, not %-1" },
  { "sleep that is no number", "t:sleep(0 / 0)", "sleep needs seconds, a number from 0, not NaN" },
  { "endless sleep",
    "t:sleep(math.huge)", 'phase "deed" timed out after 1 s', outcome = "TIMEOUT", timeout = 1 },

  { "attachments without end", "while true do t:attach('x', ('y'):rep(9 << 20)) t:sleep(0) end",
    "the record is full: a run may put 16777216 bytes into it" },
  { "measurements without end", [[
    for i = 1, 4 do t:measure("v" .. i, ("x"):rep(6 << 20)) end]],
    'measurement "v%d+": the record is full: a run may put 16777216 bytes into it' },
  { "value that is too long", "t:measure('v', ('x'):rep(17 << 20))", "the record is full" },
  { "limit that is too long", "t:measure('v', 'x'):equals(('x'):rep(17 << 20))",
    "the record is full" },
  { "list of limits without end", [[
    local list = {}
    for i = 1, 3e5 do list[i] = i end
    t:measure('v', 0):one_of(list)]], "the record is full" },
  { "identity that is too long", "t:identify { serial = ('x'):rep(17 << 20) }",
    "the record is full" },
  { "error that is too long", "error(('x'):rep(1 << 20))", "xxx... %(1048%d%d%d bytes%)" },
  { "error object that is too long", [[
    error(require("attest.error").new {
      code = "script", message = ("x"):rep(1 << 20), traceback = ("y"):rep(1 << 20),
    })]], "xxx... %(1048576 bytes%)" },
  { "attachment of an odd type", "t:attach('x', 'y', print)", "attach needs a name, bytes" },

  -- output
  { "forged verdict on stdout",
    [[io.stdout:write("\27[2J\nslot 2  PASS\n") io.write("\rslot 2  PASS")
      print("\nslot 2  PASS") error("e")]],
    "%d: e" },
}
