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
local signals <const> = require "attest.runner.signals"
local simulator <const> = require "attest.sim"
local uv <const> = require "luv"

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
  parser:option("--link", "Symbolic link to make to the PTY.")
  parser:flag("--list-faults", "List what --fault knows, and exit.")
  options_of.sim(parser)
end

-- A link that a killed simulator left behind leads nowhere and may go.
local function make_link(target, link)
  local there <const> = uv.fs_lstat(link)
  if there and there.type == "link" and not uv.fs_stat(link) then
    uv.fs_unlink(link)
  end
  local ok <const>, why <const> = uv.fs_symlink(target, link)
  if not ok then
    return nil, errors.new { code = "io", message = ("--link %s: %s"):format(link, why) }
  end
  return true
end

-- Removes the link only while it is still ours.
local function remove_link(target, link)
  if link and uv.fs_readlink(link) == target then
    uv.fs_unlink(link)
  end
end

-- Makes a PTY under the link.
local function open(link)
  local port <const>, message <const>, name <const> = core.pty {}
  if not port then
    return nil, errors.from_core(message, name)
  end
  local ok, err = true, nil
  if link then
    ok, err = make_link(port:path(), link)
  end
  if not ok then
    port:close()
    return nil, err
  end
  return port
end

local function tell_ready(path)
  print("ready " .. path)
  io.stdout:flush()
end

-- The port's owner while the module serves; `failed(err)` when there is none
-- for its return.
local function keep(port, link, failed)
  local path = port:path()
  return {
    gone = function()
      remove_link(path, link)
    end,
    back = function()
      local new <const>, err <const> = open(link)
      if not new then
        return failed(err)
      end
      path = new:path()
      tell_ready(link or path)
      return new
    end,
  }
end

local function serve(module, options)
  local port <const>, err <const> = open(options.link)
  if not port then
    return nil, err
  end
  local task <const>, failure = core.current(), nil
  local stop_signals <const> = signals.watch(function()
    core.wake(task)
  end)
  local owner <const> = keep(port, options.link, function(why)
    failure = why
    core.wake(task)
  end)
  module:serve(port, owner)
  tell_ready(options.link or port:path())
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
  return serve(module, options)
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
  local ok <const>, status <const>, err <const> = core.run(core.spawn(start, options))
  if not ok then
    if errors.is(status) then
      return nil, status
    end
    error(tostring(status) .. "\n" .. tostring(err), 0)
  end
  return status, err
end

return sim
