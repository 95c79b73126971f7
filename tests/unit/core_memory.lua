-- SPDX-License-Identifier: MIT
--
-- What test_core_memory.c runs with memory that runs out: one function for
-- each part of the core, by name. Each uses its part, checks every answer,
-- and closes what it opened, whatever happens.

local core <const> = require "attest.core"

local PID <const> = require("luv").os_getpid()
local DIRECTORY <const> = os.getenv "TMPDIR" or "/tmp"
local scenarios <const> = {}

-- An error in a callback, which is why a task waits in vain.
local lost
core.on_error(function(err)
  lost = lost or err
end)

-- In a task, on the loop; an error in it is raised here.
local function in_task(body)
  return function()
    local task <const> = core.spawn(body)
    local ok <const>, err <const> = core.run(task)
    if not ok then
      error(lost or err, 0)
    end
  end
end

local VOCABULARY <const> = {
  known = { "OK", "+RECV:" }, boot = { "RDY" },
  counted = { { prefix = "+RECV:", field = 1 } },
}

local function exchange(host, module)
  local heard <const>, me <const> = {}, core.current()
  host:vocabulary(core.vocabulary(VOCABULARY))
  host:listen(function(kind, bytes)
    heard[#heard + 1] = kind .. ":" .. tostring(bytes)
    core.wake(me)
  end)
  module:data(true)
  module:listen(function() end)
  host:expect_echo("AT", true)
  assert(host:write("AT\r\n"))
  assert(module:write("AT\r\n\r\n+RECV:3,abc\r\n\xff\xfe\r\nOK\r\n"))
  while heard[#heard] ~= "line:OK" do
    assert(core.wait(0.1))
    if heard[#heard]:find("^closed") then
      error(heard[#heard], 0)
    end
  end
end

scenarios.pair = in_task(function()
  local host <const>, module <const> = core.pair(8)
  local _ <close> = host
  local _ <close> = module
  exchange(host, module)
end)

scenarios.pty = in_task(function()
  local module <close> = assert(core.pty {})
  local host <close> = assert(core.open(module:path()))
  exchange(host, module)
  assert(host:set { baud = 9600 })
  assert(host:drain(1))
end)

scenarios.tasks = in_task(function()
  local tasks <const> = {}
  for i = 1, 3 do
    tasks[i] = core.spawn(function(...)
      core.sleep(0.001 * i)
      return ...
    end, i, "value")
  end
  for i, task in ipairs(tasks) do
    local ok <const>, value <const> = assert(task:join(10))
    assert(ok and value == i, "another value")
  end
  local failed <const> = core.spawn(function()
    error("on purpose", 0)
  end)
  assert(not failed:join(10))
  local cancelled <const> = core.spawn(core.sleep, 10)
  cancelled:cancel("enough")
  assert(not cancelled:join(10))
end)

scenarios.timers = in_task(function()
  local me <const>, fired = core.current(), 0
  local timers <const> = {}
  for i = 1, 20 do
    timers[i] = core.after(0.001, function()
      fired = fired + 1
      core.wake(me)
    end)
  end
  timers[20]:stop()
  while fired < 19 do
    assert(core.wait(1))
  end
end)

scenarios.trace = in_task(function()
  local path <const> = ("%s/attest-memory-%d.log"):format(DIRECTORY, PID)
  local remove <close> = setmetatable({}, { __close = function() -- luacheck: ignore 211/remove
    os.remove(path)
  end })
  local trace <const> = assert(core.trace { path = path, slot = 1, port = "pair" })
  trace:mask("hidden")
  local host <const>, module <const> = core.pair()
  local _ <close> = host
  local _ <close> = module
  host:trace(trace)
  trace:mark("phase one")
  host:write("AT+SECRET=hidden\r\n")
  exchange(host, module)
  assert(trace:text(0))
end)

scenarios.sqlite = in_task(function()
  local path <const> = ("%s/attest-memory-%d.db"):format(DIRECTORY, PID)
  local remove <close> = setmetatable({}, { __close = function() -- luacheck: ignore 211/remove
    for _, ending in ipairs { "", "-wal", "-shm" } do
      os.remove(path .. ending)
    end
  end })
  local db <close> = assert(core.sqlite.open(path))
  assert(db:exec("create table if not exists t (a, b)"))
  assert(db:write({ { "insert into t values (?, ?)", 1, "text\0more" } }, 10))
  local rows <const> = assert(db:query("select a, b from t where a = ?", 1))
  assert(rows[1].b == "text\0more", "another row")
end)

scenarios.escape = in_task(function()
  local host <const> = core.escape { side = "host" }
  host:wrote("abc")
  host:begin()
  local module <const> = core.escape { side = "module" }
  module:feed("+++")
end)

function scenarios.ports()
  assert(core.ports())
  assert(core.sha256("abc"))
  core.watchdog(10, tostring)
end

return scenarios
