-- SPDX-License-Identifier: MIT
--
-- Writes a whole file or leaves the one that was there: a temporary file
-- beside it, fsync, rename, fsync of the folder.
--
-- Each step goes through `call(fn, ...)`, which by default runs luv's file
-- function at once; a caller on a loop that must not stall passes one that
-- waits in a task.

local error_object <const> = require "attest.error"
local uv <const> = require "luv"

local file <const> = {}

local function at_once(fn, ...)
  return fn(...)
end

local function write_all(call, descriptor, text)
  local at = 0
  while at < #text do
    local count <const>, message <const> = call(uv.fs_write, descriptor, text:sub(at + 1), -1)
    if not count then
      return nil, message
    end
    at = at + count
  end
  return true
end

-- A rename is durable once its folder is.
local function sync_folder(call, folder)
  local descriptor <const> = call(uv.fs_open, folder, "r", 0)
  if descriptor then
    call(uv.fs_fsync, descriptor)
    call(uv.fs_close, descriptor)
  end
end

local function fill(call, temporary, text)
  local descriptor <const>, message <const> = call(uv.fs_open, temporary, "wx", 420) -- rw-r--r--
  if not descriptor then
    return nil, message
  end
  local ok, why = write_all(call, descriptor, text)
  if ok then
    ok, why = call(uv.fs_fsync, descriptor)
  end
  local closed <const>, close_why <const> = call(uv.fs_close, descriptor)
  if not ok then
    return nil, why
  end
  return closed, close_why
end

--- Writes a file atomically.
-- @tparam string path its folder must exist
-- @tparam string text
-- @tparam[opt] function call call(fn, ...) -> result | nil, message: runs a
-- function of luv
-- @treturn[1] string path
-- @treturn[2] nil
-- @treturn[2] attest.error `not_found` (the folder), `io`
function file.write(path, text, call)
  call = call or at_once
  local temporary <const> = ("%s.%d-%d.tmp"):format(path, uv.os_getpid(), uv.hrtime())
  local ok, message = fill(call, temporary, text)
  if ok then
    ok, message = call(uv.fs_rename, temporary, path)
  end
  if not ok then
    call(uv.fs_unlink, temporary)
    local name <const> = tostring(message):match("^%u%w*") or "EIO"
    return nil, error_object.from_core(tostring(message):gsub(": [^:]*%.tmp.*$", ""), name,
      { path = path })
  end
  sync_folder(call, path:match("^(.*)/[^/]*$") or ".")
  return path
end

return file
