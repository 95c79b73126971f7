-- SPDX-License-Identifier: MIT
--
-- Records of runs in one SQLite file. Knows what a record looks like, and
-- nothing of how it came about.
--
-- begin and finish return when the run is on disk, not before; finish is
-- idempotent. A run that was begun and whose process died without finishing it
-- is turned into ABORTED by recover; should its runner finish it after all
-- (recover judged wrongly), the runner's record replaces that. begin, finish
-- and recover wait: call them in a task.

local core <const> = require "attest.core"
local error_object <const> = require "attest.error"
local json <const> = require "attest.json"
local rfc3339 <const> = require "attest.rfc3339"
local process <const> = require "attest.store.process"
local row <const> = require "attest.store.row"
local schema <const> = require "attest.store.schema"
local uuid <const> = require "attest.uuid"

local store <const> = {}

--- Makes an identity for a run or an attempt.
-- @treturn string UUID
store.uuid = uuid.new

local methods <const> = {}
local mt <const> = { __name = "attest.store", __index = methods }

function mt:__tostring()
  return ("attest.store: %s"):format(self.path)
end

local function check_open(self)
  if not self.db then
    error("the store is closed", 3)
  end
end

local function write(self, statements)
  local ok <const>, message <const>, name <const> = self.db:write(statements)
  if not ok then
    return nil, error_object.from_core(message, name, { path = self.path })
  end
  return true
end

local function query(self, sql, ...)
  local rows <const>, message <const>, name <const> = self.db:query(sql, ...)
  if not rows then
    return nil, error_object.from_core(message, name, { path = self.path })
  end
  return rows
end

--- Notes durably that a run has begun and that this process owns it. Quiet when
-- the store has the run already.
-- @tparam table run the record as far as it is known; needs `run_id`
-- @treturn[1] true
-- @treturn[2] nil
-- @treturn[2] attest.error `busy`, `io`
function methods:begin(run)
  check_open(self)
  row.check_id(run, 2)
  return write(self, row.begin(run, process.current()))
end

--- Stores a finished record, durably when it returns. The first record of a run
-- stays; storing it again changes nothing.
-- @tparam table record attest/record/1; needs `run_id` and `outcome`
-- @treturn[1] true
-- @treturn[2] nil
-- @treturn[2] attest.error `busy`, `io`
function methods:finish(record)
  check_open(self)
  row.check_id(record, 2)
  row.check_outcome(record, 2)
  return write(self, row.finish(record))
end

local function aborted(record, owner)
  local why <const> = ("its process (pid %d) ended before the run did"):format(owner.pid)
  record.outcome = "ABORTED"
  record.outcome_details = { { code = "aborted", message = why } }
  record.first_failure = { code = "aborted", message = why }
  record.marginal = record.marginal or false
  record.phases = record.phases or {}
  return record
end

--- Turns the unfinished runs of processes that are gone into ABORTED.
-- @treturn[1] table list of their run ids, oldest first
-- @treturn[2] nil
-- @treturn[2] attest.error `busy`, `io`
function methods:recover()
  check_open(self)
  local rows <const>, err <const> = query(self, [[
    SELECT owners.*, runs.record FROM owners JOIN runs USING (run_id)
    WHERE runs.outcome IS NULL ORDER BY runs.start_s, runs.rowid]])
  if not rows then
    return nil, err
  end
  local statements <const>, run_ids <const> = {}, {}
  for _, owner in ipairs(rows) do
    if not process.is_alive(owner) then
      local record <const> = json.decode(owner.record) or { run_id = owner.run_id }
      row.add_recover(statements, aborted(record, owner), owner)
      run_ids[#run_ids + 1] = owner.run_id
    end
  end
  if #statements == 0 then
    return run_ids
  end
  local ok <const>, why <const> = write(self, statements)
  return ok and run_ids, why
end

local function seconds(value)
  local time <const> = type(value) == "string" and rfc3339.parse(value) or value
  if type(time) ~= "number" then
    error(("%q is not a time"):format(tostring(value)), 5)
  end
  return time
end

-- Each makes a condition and the value it needs.
local CONDITIONS <const> = {
  since = function(value) return "start_s >= ?", seconds(value) end,
  before = function(value) return "start_s < ?", seconds(value) end,
  unfinished = function(value)
    return "(outcome IS NULL) = ?", value and 1 or 0
  end,
}
for _, column in ipairs {
  "outcome", "plan", "plan_version", "serial", "imei", "iccid", "part_number", "station", "host",
  "fixture", "slot", "port", "operator", "batch", "process", "purpose", "first_failure_code",
} do
  CONDITIONS[column] = function(value) return column .. " = ?", value end
end

local function conditions(filter)
  local wheres <const>, values <const> = {}, {}
  for key, value in pairs(filter) do
    if CONDITIONS[key] then
      wheres[#wheres + 1], values[#values + 1] = CONDITIONS[key](value)
    elseif key ~= "last" then
      error(("store:runs has no filter %q"):format(tostring(key)), 3)
    end
  end
  return #wheres > 0 and "WHERE " .. table.concat(wheres, " AND ") or "", values
end

--- Lists runs, oldest first, as rows of the table `runs` without the record;
-- `outcome` is nil while a run is unfinished.
-- @tparam[opt] table filter values of columns (`plan`, `serial`, `slot`...),
-- `since` and `before` (RFC 3339 or seconds since 1970), `unfinished` (boolean),
-- `last` (only the newest so many)
-- @treturn[1] table list
-- @treturn[2] nil
-- @treturn[2] attest.error `busy`, `io`
-- @usage for _, run in ipairs(assert(s:runs { plan = "ct12-final", last = 20 })) do ... end
function methods:runs(filter)
  check_open(self)
  filter = filter or {}
  local where <const>, values <const> = conditions(filter)
  values[#values + 1] = filter.last or -1
  local rows <const>, err <const> = query(self, ("SELECT %s FROM runs %s"
    .. " ORDER BY start_s DESC, rowid DESC LIMIT ?"):format(row.summary, where),
    table.unpack(values))
  if not rows then
    return nil, err
  end
  local runs <const> = {}
  for i, each in ipairs(rows) do
    each.marginal = each.marginal == 1
    each.recovered = each.recovered == 1
    runs[#rows - i + 1] = each
  end
  return runs
end

--- Returns the record of a run, finished or not.
-- @tparam string run_id
-- @treturn[1] table attest/record/1
-- @treturn[2] nil
-- @treturn[2] attest.error `not_found`, `busy`, `io`
function methods:record(run_id)
  check_open(self)
  local rows <const>, err <const> = query(self, "SELECT record FROM runs WHERE run_id = ?", run_id)
  if not rows then
    return nil, err
  elseif not rows[1] then
    return nil, error_object.new {
      code = "not_found", message = ("there is no run %q"):format(tostring(run_id)),
    }
  end
  local record <const>, message <const> = json.decode(rows[1].record)
  if not record then
    return nil, error_object.new { code = "io", message = "a damaged record: " .. message }
  end
  return record
end

--- Closes the store; legal twice. What waits to be written is still written.
function methods:close()
  if self.db then
    self.db:close()
    self.db = nil
  end
end

mt.__close = methods.close

local function explain(path, message, name)
  if name == "ENOENT" or name == "ENOTDIR" then
    local folder <const> = path:match("^(.*)/[^/]*$")
    message = folder and ("there is no folder %q"):format(folder) or message
  end
  return error_object.from_core(message, name, { path = path })
end

--- Opens a store; the file is made when it is missing, its folder is not.
-- @tparam string path
-- @tparam[opt] table options `timeout` in seconds that a write waits for another
-- process's lock (10), `readonly` (false)
-- @treturn[1] attest.store
-- @treturn[2] nil
-- @treturn[2] attest.error `not_found`, `busy`, `invalid` (not a store), `unsupported`
-- (a newer attest wrote it), `io`
-- @usage local s <close> = assert(store.open("attest.db"))
function store.open(path, options)
  local db <const>, message <const>, name <const> = core.sqlite.open(path, options)
  if not db then
    return nil, explain(path, message, name)
  end
  local ok <const>, err <const> = schema.prepare(db, options and options.readonly)
  if not ok then
    db:close()
    err.path = path
    return nil, err
  end
  return setmetatable({ db = db, path = path }, mt)
end

return store
