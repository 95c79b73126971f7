-- SPDX-License-Identifier: MIT
--
-- What the verbs that serve a PTY share: the PTY with its link, `ready PATH`,
-- and the signals that are their normal end.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local shared <const> = require "attest.cli.options"
local signals <const> = require "attest.runner.signals"
local uv <const> = require "luv"

local serve = {}

-- A link that a killed process left behind leads nowhere and may go; or here,
-- where the kernel gave us that process's number.
local function make_link(target, link)
  if uv.fs_readlink(link) == target then
    return true
  end
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

local methods <const> = {}
local mt <const> = { __index = methods }

--- Says on stdout that it serves, and where.
function methods:announce()
  shared.print("ready " .. self.name)
  io.stdout:flush()
end

--- Closes the PTY and removes the link. Closing twice is quiet.
function methods:close()
  self.port:close()
  remove_link(self.path, self.link)
end

mt.__close = methods.close

--- Adds the option that `serve.open` takes.
-- @tparam table parser of argparse
function serve.options(parser)
  parser:option("--link", "Symbolic link to make to the PTY."):argname "PATH"
    :convert(shared.path "--link")
end

--- Opens a PTY.
-- @tparam ?string link symbolic link to make to it
-- @tparam[opt] table line options of the port, such as `baud`
-- @treturn[1] table closable; `port`, and `name`, under which clients open it
-- @treturn[2] nil
-- @treturn[2] table error object
function serve.open(link, line)
  local port <const>, message <const>, name <const> = core.pty(line or {})
  if not port then
    return nil, errors.from_core(message, name)
  end
  local path <const> = port:path()
  if link then
    local ok <const>, err <const> = make_link(path, link)
    if not ok then
      port:close()
      return nil, err
    end
  end
  return setmetatable({ port = port, path = path, link = link, name = link or path }, mt)
end

--- Calls a function at each SIGINT, SIGTERM and SIGHUP.
-- @tparam function fn called with "sigint", "sigterm" or "sighup"
-- @treturn function stop(); waits
function serve.on_signals(fn)
  return signals.watch(function(_, name)
    fn(name)
  end)
end

--- Runs a verb's function as a task.
-- @tparam function fn
-- @tparam table options its argument
-- @treturn[1] integer exit status
-- @treturn[2] nil
-- @treturn[2] table error object
function serve.run(fn, options)
  local ok <const>, status <const>, err <const> = core.run(core.spawn(fn, options))
  if not ok then
    if errors.is(status) then
      return nil, status
    end
    error(tostring(status) .. "\n" .. tostring(err), 0)
  end
  return status, err
end

return serve
