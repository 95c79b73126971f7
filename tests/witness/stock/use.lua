-- SPDX-License-Identifier: MIT
-- Run by a stock lua5.4: tasks, time, a pair of ports and a PTY.

local core <const> = require "attest.core"

local function talk()
  local here <const>, there <const> = core.pair()
  local me <const> = core.current()
  there:listen(function(kind, bytes)
    if kind == "line" then
      core.wake(me, bytes)
    end
  end)
  here:write("hello\r\n")
  local ok <const>, line <const> = core.wait(5)
  print("line: " .. tostring(ok and line))
  here:close()
  there:close()
end

local function pause()
  local start <const> = core.now()
  core.sleep(0.05)
  assert(core.now() - start >= 0.049)
  print("slept")
end

local function open_pty()
  local port <const> = assert(core.pty {})
  assert(port:path():find("^/dev/pts/"))
  port:close()
end

for _, body in ipairs { talk, pause, open_pty } do
  assert(core.run(core.spawn(body)))
end
