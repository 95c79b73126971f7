-- SPDX-License-Identifier: MIT
--
-- `attest sim MODULE`: a simulated module on a PTY, for any program.
--
-- Prints `ready PATH` once it serves, and nothing else on stdout. SIGINT,
-- SIGTERM and SIGHUP are its normal end: flash written, link removed, status 0.

local core <const> = require "attest.core"
local options_of <const> = require "attest.cli.options"
local serve <const> = require "attest.cli.serve"
local simulator <const> = require "attest.sim"

local sim = {}

sim.summary = {
  en = "run a simulated module on a PTY",
  zh = "在伪终端上运行仿真模块",
}

-- What --set and --fault know.
local function epilog()
  local lines <const> = { "Settings (--set):" }
  for _, setting in ipairs(simulator.settings()) do
    local model <const> = setting.of and (" (%s)"):format(setting.of) or ""
    lines[#lines + 1] = ("   %-10s %s%s"):format(setting.name, setting.doc, model)
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = "Faults (--fault): " .. simulator.faults()
  return table.concat(lines, "\n")
end

function sim.parser(parser)
  parser:epilog(epilog())
  parser:argument("module", "Module type, such as ct12.")
  serve.options(parser)
  options_of.sim(parser)
end

local function run(module, options)
  local place <close>, err <const> = serve.open(options.link)
  if not place then
    return nil, err
  end
  local task <const> = core.current()
  local stop_signals <const> = serve.on_signals(function()
    core.wake(task)
  end)
  module:serve(place.port)
  place:announce()
  core.wait()
  module:close()
  place:close()
  stop_signals()
  return 0
end

local function start(options)
  local module <const>, err <const> = simulator.new(options_of.sim_settings(options))
  if not module then
    return nil, err
  end
  return run(module, options)
end

--- Serves until a signal ends it.
-- @tparam table options of the command line
-- @treturn[1] integer exit status
-- @treturn[2] nil
-- @treturn[2] table error object
function sim.run(options)
  return serve.run(start, options)
end

return sim
