-- SPDX-License-Identifier: MIT
--
-- Who owns an unfinished run: a process, named so that its pid can be given to
-- another one, the machine rebooted, or the file carried elsewhere, without a
-- dead owner being taken for a live one. Reads /proc and knows no store.
--
-- SQLite's WAL needs all processes on one machine: another boot is another
-- machine or another day, and its owner is gone.

local lfs <const> = require "lfs"
local uv <const> = require "luv"

local process <const> = {}

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a")
end

-- State and start time (clock ticks since boot) of a pid, fields 3 and 22; the
-- name before them may hold blanks and parentheses.
local function stat(pid)
  local text <const> = read(("/proc/%s/stat"):format(pid))
  local rest <const> = text and text:match("^.*%) (.*)$")
  if not rest then
    return nil
  end
  local fields <const> = {}
  for field in rest:gmatch("%S+") do
    fields[#fields + 1] = field
  end
  return fields[1], fields[20]
end

local function namespace_of(pid)
  return uv.fs_readlink(("/proc/%s/ns/pid"):format(pid)) or ""
end

local function boot_id()
  return (read("/proc/sys/kernel/random/boot_id") or ""):match("%S+") or ""
end

-- Whether any process that can be seen lives in a pid namespace.
local function is_namespace_alive(namespace)
  for name in lfs.dir("/proc") do
    if name:find("^%d+$") and namespace_of(name) == namespace then
      return true
    end
  end
  return false
end

--- Describes the process that calls.
-- @treturn table `boot_id`, `pid_namespace`, `pid`, `pid_start`
function process.current()
  local pid <const> = uv.os_getpid()
  local _, start <const> = stat("self")
  return {
    boot_id = boot_id(), pid_namespace = namespace_of("self"), pid = pid,
    pid_start = start or "",
  }
end

--- Tells whether an owner still runs.
-- @tparam table owner as from `current`
-- @treturn boolean
function process.is_alive(owner)
  if owner.boot_id ~= boot_id() then
    return false
  elseif owner.pid_namespace ~= namespace_of("self") then
    return is_namespace_alive(owner.pid_namespace)
  elseif not uv.kill(owner.pid, 0) and select(3, uv.kill(owner.pid, 0)) == "ESRCH" then
    return false
  end
  local state <const>, start <const> = stat(owner.pid)
  if not state then
    return uv.kill(owner.pid, 0) ~= nil -- /proc hides it, or it just went
  end
  return start == owner.pid_start and state ~= "Z" and state ~= "X"
end

return process
