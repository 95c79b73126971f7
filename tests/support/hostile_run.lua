-- SPDX-License-Identifier: MIT
--
-- Runs a plan beside itself on four simulated modules, as `attest run` does,
-- but with limits that a test can wait for. Its last line on stderr tells how
-- much memory it took at most.
--
--     attest lua tests/support/hostile_run.lua PLAN FOLDER

local runner <const> = require "attest.runner"

local PORT <const> = "sim:ct12?set=boot=0&set=register=0"

local plan <const>, folder <const> = arg[1], arg[2]

local code <const> = runner.run {
  scripts = { plan }, ports = { PORT, PORT, PORT, PORT }, db = folder .. "/attest.db",
  junit = folder .. "/junit.xml", watchdog = 0.5, last_resort = 4, memory = 64 << 20,
}
for line in io.lines("/proc/self/status") do
  local kilobytes <const> = line:match("^VmHWM:%s*(%d+)")
  if kilobytes then
    io.stderr:write(("peak %d MiB\n"):format(kilobytes // 1024))
  end
end
os.exit(code, true)
