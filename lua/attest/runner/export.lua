-- SPDX-License-Identifier: MIT
--
-- Files made of finished records: JSON per run as it ends, JUnit at the end.
--
-- A file that cannot be written changes no verdict; it is told as a failure.
-- Records are kept in memory only when a JUnit file is wanted. Writing waits:
-- call it in a task.

local core <const> = require "attest.core"
local json <const> = require "attest.report.json"
local junit <const> = require "attest.report.junit"

local export <const> = {}

-- Longest wait for one step of the disk, in seconds.
local DISK_TIMEOUT <const> = 30

-- Calls a file function of luv so that only this task waits for the disk.
local function call(fn, ...)
  local task <const>, arguments <const> = core.current(), table.pack(...)
  local is_awaited = true
  arguments[arguments.n + 1] = function(err, result)
    core.release()
    if is_awaited then
      core.wake(task, err, result)
    end
  end
  core.hold()
  fn(table.unpack(arguments, 1, arguments.n + 1))
  local ok <const>, err <const>, result <const> = core.wait(DISK_TIMEOUT)
  is_awaited = false
  if not ok then
    return nil, "ETIMEDOUT: the disk did not answer"
  elseif err then
    return nil, err
  end
  return result
end

local methods <const> = {}
local mt <const> = { __index = methods }

--- Exports one finished record.
-- @tparam table data record
-- @treturn table list of failures, each `path` and `message`
function methods:record(data)
  if self.junit_path then
    self.records[#self.records + 1] = data
  end
  if self.json_folder then
    local path <const>, err <const> = json.write(self.json_folder, data, call)
    if not path then
      return { { path = self.json_folder, message = err.message } }
    end
  end
  return {}
end

--- Writes what is written once, at the end.
-- @treturn table list of failures
function methods:finish()
  if self.junit_path then
    local path <const>, err <const> = junit.write(self.junit_path, self.records, call)
    if not path then
      return { { path = self.junit_path, message = err.message } }
    end
  end
  return {}
end

--- Makes an exporter.
-- @tparam[opt] string json_folder where the JSON files go
-- @tparam[opt] string junit_path
-- @treturn table
function export.new(json_folder, junit_path)
  return setmetatable({ json_folder = json_folder, junit_path = junit_path, records = {} }, mt)
end

return export
