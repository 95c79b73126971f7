-- SPDX-License-Identifier: MIT
--
-- `attest sim MODULE`: a simulated module on a PTY, for any program.
--
-- Prints `ready PATH` once it serves, and nothing else on stdout. SIGINT,
-- SIGTERM and SIGHUP are its normal end: flash written, link removed, status 0.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local options_of <const> = require "attest.cli.options"
local simulator <const> = require "attest.sim"
local uv <const> = require "luv"

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
  parser:option("--link", "Symbolic link to make to the PTY.")
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

-- Wakes the task at the first SIGINT, SIGTERM or SIGHUP.
local function on_signals(task)
  local handles <const> = {}
  for i, name in ipairs { "sigint", "sigterm", "sighup" } do
    handles[i] = uv.new_signal()
    handles[i]:start(name, function()
      core.wake(task)
    end)
  end
  return function()
    for _, handle in ipairs(handles) do
      handle:close()
    end
  end
end

local function serve(module, options)
  local port <const>, message <const>, name <const> = core.pty {}
  if not port then
    return nil, errors.from_core(message, name)
  end
  local path <const> = port:path()
  if options.link then
    local ok <const>, err <const> = make_link(path, options.link)
    if not ok then
      port:close()
      return nil, err
    end
  end
  local stop_signals <const> = on_signals(core.current())
  module:serve(port)
  print("ready " .. (options.link or path))
  io.stdout:flush()
  core.wait()
  module:close()
  port:close()
  remove_link(path, options.link)
  stop_signals()
  return 0
end

local function start(options)
  local module <const>, err <const> = simulator.new(options_of.sim_settings(options))
  if not module then
    return nil, err
  end
  return serve(module, options)
end

--- Serves until a signal ends it.
-- @tparam table options of the command line
-- @treturn[1] integer exit status
-- @treturn[2] nil
-- @treturn[2] table error object
function sim.run(options)
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
