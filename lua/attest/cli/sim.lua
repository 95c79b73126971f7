-- SPDX-License-Identifier: MIT
--
-- `attest sim MODULE`: a simulated module on a PTY, for any program.
--
-- Prints `ready PATH` once it serves, again when its port has come back from
-- the fault `vanish`, and nothing else on stdout. SIGINT, SIGTERM and SIGHUP
-- are its normal end: flash written, link removed, status 0.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local options_of <const> = require "attest.cli.options"
local serve <const> = require "attest.cli.serve"
local simulator <const> = require "attest.sim"

local sim = {}

sim.summary = {
  en = "run a simulated module on a PTY",
  zh = "在伪终端上运行仿真模块",
}

local function fault_lines()
  local lines <const> = {}
  for i, fault in ipairs(simulator.faults()) do
    lines[i] = ("%-26s %s"):format(fault.usage, fault.doc)
  end
  return lines
end

-- What --set and --fault know.
local function epilog()
  local lines <const> = { "Settings (--set):" }
  for _, setting in ipairs(simulator.settings()) do
    local model <const> = setting.of and (" (%s)"):format(setting.of) or ""
    lines[#lines + 1] = ("   %-10s %s%s"):format(setting.name, setting.doc, model)
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = "Faults (--fault), several separated by commas:"
  for _, line in ipairs(fault_lines()) do
    lines[#lines + 1] = "   " .. line
  end
  return table.concat(lines, "\n")
end

function sim.parser(parser)
  parser:epilog(epilog())
  parser:argument("module", "Module type, such as ct12."):args "?"
  serve.options(parser)
  parser:flag("--list-faults", "List what --fault knows, and exit.")
  options_of.sim(parser)
end

-- The port's owner while the module serves; `failed(err)` when there is none
-- for its return.
local function keep(place, failed)
  return {
    gone = function()
      place:close()
    end,
    back = function()
      local new <const>, err <const> = serve.open(place.link)
      if not new then
        return failed(err)
      end
      place = new
      place:announce()
      return place.port
    end,
  }
end

local function run(module, options)
  local place <const>, err <const> = serve.open(options.link)
  if not place then
    return nil, err
  end
  local task <const>, failure = core.current(), nil
  local stop_signals <const> = serve.on_signals(function()
    core.wake(task)
  end)
  local owner <const> = keep(place, function(why)
    failure = why
    core.wake(task)
  end)
  module:serve(place.port, owner)
  place:announce()
  core.wait()
  module:close()
  owner.gone()
  stop_signals()
  if failure then
    return nil, failure
  end
  return 0
end

local function start(options)
  local module <const>, err <const> = simulator.new(options_of.sim_settings(options))
  if not module then
    return nil, err
  end
  return run(module, options)
end

local function list_faults()
  for _, line in ipairs(fault_lines()) do
    options_of.print(line)
  end
  return 0
end

--- Serves until a signal ends it.
-- @tparam table options of the command line
-- @treturn[1] integer exit status
-- @treturn[2] nil
-- @treturn[2] table error object
function sim.run(options)
  if options.list_faults then
    return list_faults()
  elseif not options.module then
    return nil, errors.new { code = "invalid", message = "missing argument 'module'" }
  end
  return serve.run(start, options)
end

return sim
