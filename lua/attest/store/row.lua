-- SPDX-License-Identifier: MIT
--
-- What a record is in SQL: which of its fields go to which columns, and the
-- statements that write it. Pure: makes lists of statements, runs none.
--
-- Invariant: once a run has an outcome of its own runner, no statement made
-- here changes it or adds to it.

local json <const> = require "attest.json"
local rfc3339 <const> = require "attest.rfc3339"

local row <const> = {}

local OUTCOMES <const> = {
  PASS = true, FAIL = true, ERROR = true, TIMEOUT = true, ABORTED = true, SKIPPED = true,
}

-- Column and where the record has it.
local RUN <const> = {
  { "run_id", "run_id" },
  { "outcome", "outcome" },
  { "marginal", "marginal" },
  { "first_failure_phase", "first_failure", "phase" },
  { "first_failure_attempt", "first_failure", "attempt" },
  { "first_failure_measurement", "first_failure", "measurement" },
  { "first_failure_code", "first_failure", "code" },
  { "first_failure_message", "first_failure", "message" },
  { "serial", "dut", "serial" },
  { "part_number", "dut", "part_number" },
  { "revision", "dut", "revision" },
  { "imei", "dut", "imei" },
  { "iccid", "dut", "iccid" },
  { "mac", "dut", "mac" },
  { "fw", "dut", "fw" },
  { "station", "station", "id" },
  { "host", "station", "host" },
  { "fixture", "station", "fixture" },
  { "slot", "station", "slot" },
  { "port", "station", "port", "path" },
  { "topology", "station", "port", "topology" },
  { "usb_serial", "station", "port", "usb_serial" },
  { "operator", "operator" },
  { "batch", "batch" },
  { "process", "process", "name" },
  { "purpose", "purpose" },
  { "plan", "plan", "name" },
  { "plan_version", "plan", "version" },
  { "plan_sha256", "plan", "sha256" },
  { "limits_sha256", "limits", "sha256" },
  { "tool_version", "tool", "version" },
  { "start", "start" },
  { "end", "end" },
  { "duration_ms", "duration_ms" },
}

local PHASE <const> = {
  { "name", "name" },
  { "group", "group" },
  { "attempt", "attempt" },
  { "outcome", "outcome" },
  { "marginal", "marginal" },
  { "start", "start" },
  { "duration_ms", "duration_ms" },
  { "error_code", "error", "code" },
  { "error_message", "error", "message" },
}

local MEASUREMENT <const> = {
  { "name", "name" },
  { "value", "value" },
  { "type", "type" },
  { "unit", "unit" },
  { "lower", "lower" },
  { "upper", "upper" },
  { "comparator", "comparator" },
  { "nominal", "nominal" },
  { "expected", "expected" },
  { "marginal_lower", "marginal_lower" },
  { "marginal_upper", "marginal_upper" },
  { "outcome", "outcome" },
  { "set_ms", "set_ms" },
  { "evidence_offset", "evidence", "offset" },
  { "evidence_length", "evidence", "length" },
}

local ATTACHMENT <const> = {
  { "name", "name" },
  { "mimetype", "mimetype" },
  { "sha256", "sha256" },
  { "size", "size" },
  { "path", "path" },
}

local LOG <const> = {
  { "t_ms", "t_ms" },
  { "level", "level" },
  { "code", "code" },
  { "text", "text" },
}

-- A table has no column of its own kind; a NaN would become NULL.
local function scalar(value)
  if type(value) == "table" then
    return json.encode(value)
  elseif value ~= value then
    return "NaN"
  end
  return value
end

local function pick_inner(value, column)
  for i = 3, #column do
    value = type(value) == "table" and value[column[i]] or nil
  end
  return value
end

local function names(columns)
  local list <const> = {}
  for i, column in ipairs(columns) do
    list[i] = ('"%s"'):format(column[1])
  end
  return table.concat(list, ", ")
end

-- Columns that are picked, after the ones given. What is false is no value, either.
local function fill(statement, columns, source)
  local at <const>, count <const> = statement.n, #columns
  for i = 1, type(source) == "table" and count or 0 do
    local column <const> = columns[i]
    local value = source[column[2]]
    if value and column[3] then
      value = pick_inner(value, column)
    end
    if value then
      statement[at + i] = scalar(value)
    end
  end
  statement.n = at + count
  return statement
end

local function marks(count)
  return ("?, "):rep(count - 1) .. "?"
end

-- ------------------------------------------------------------------- runs

--- Columns of a run for a list: all but the record.
row.summary = names(RUN) .. ", recovered, start_s"

local INSERT_RUN <const> = ("INSERT INTO runs (%s, start_s, recovered, record) VALUES (%s)")
  :format(names(RUN), marks(#RUN + 3))

local function updates()
  local list <const> = { "start_s = excluded.start_s", "recovered = excluded.recovered",
    "record = excluded.record" }
  for _, column in ipairs(RUN) do
    list[#list + 1] = ('"%s" = excluded."%s"'):format(column[1], column[1])
  end
  return table.concat(list, ", ")
end

local BEGIN_RUN <const> = INSERT_RUN .. " ON CONFLICT (run_id) DO NOTHING"
local UPSERT_RUN <const> = INSERT_RUN .. " ON CONFLICT (run_id) DO UPDATE SET " .. updates()
local FINISH_RUN <const> = UPSERT_RUN .. " WHERE runs.outcome IS NULL OR runs.recovered = 1"
local RECOVER_RUN <const> = UPSERT_RUN .. " WHERE runs.outcome IS NULL"

local function run_statement(sql, record, recovered)
  local statement <const> = fill({ sql, n = 1 }, RUN, record)
  local at <const> = statement.n
  statement[at + 1] = type(record.start) == "string" and rfc3339.parse(record.start) or nil
  statement[at + 2] = recovered
  statement[at + 3] = json.encode(record, { lists = row.lists })
  statement.n = at + 3
  return statement
end

--- Keys of a record that hold lists, so that an empty one is `[]`.
row.lists = {
  outcome_details = true, sub_units = true, phases = true, measurements = true,
  attachments = true, log = true,
}

--- Raises unless the record has a run_id.
-- @tparam table record
-- @tparam integer level of the caller to blame
function row.check_id(record, level)
  if type(record) ~= "table" or type(record.run_id) ~= "string" or record.run_id == "" then
    error("a run needs a run_id", level + 1)
  end
end

--- Raises unless the record has an outcome.
-- @tparam table record
-- @tparam integer level of the caller to blame
function row.check_outcome(record, level)
  if not OUTCOMES[record.outcome] then
    error(("%q is not an outcome"):format(tostring(record.outcome)), level + 1)
  end
end

--- Makes the statements that note an unfinished run.
-- @tparam table run
-- @tparam table owner from attest.store.process
-- @treturn table statements
function row.begin(run, owner)
  local unfinished <const> = {}
  for key, value in pairs(run) do
    unfinished[key] = value
  end
  unfinished.outcome = nil
  return {
    run_statement(BEGIN_RUN, unfinished, 0),
    { [[INSERT INTO owners (run_id, boot_id, pid_namespace, pid, pid_start)
        SELECT ?1, ?2, ?3, ?4, ?5 FROM runs WHERE run_id = ?1 AND outcome IS NULL
        ON CONFLICT (run_id) DO NOTHING]],
      run.run_id, owner.boot_id, owner.pid_namespace, owner.pid, owner.pid_start },
  }
end

--- Adds the statements that turn an unfinished run into its ABORTED record,
-- unless it was finished or taken over meanwhile.
-- @tparam table statements
-- @tparam table record
-- @tparam table owner who is gone
function row.add_recover(statements, record, owner)
  statements[#statements + 1] = run_statement(RECOVER_RUN, record, 1)
  statements[#statements + 1] = { "DELETE FROM owners WHERE run_id = ? AND pid = ?",
    owner.run_id, owner.pid }
end

-- --------------------------------------------------------------- children

-- A child is added only while its run has no outcome of its own runner; the
-- run's row is written last. Deferred keys let the children come first.
local function insert_child(into, keys, columns)
  local count <const> = #keys + #columns
  local quoted <const> = '"' .. table.concat(keys, '", "') .. '"'
  return ([[INSERT INTO %s (%s, %s) SELECT %s WHERE NOT EXISTS (SELECT 1 FROM runs
    WHERE run_id = ? AND outcome IS NOT NULL AND recovered = 0) ON CONFLICT DO NOTHING]])
    :format(into, quoted, names(columns), marks(count))
end

local INSERT_PHASE <const> = insert_child("phases", { "attempt_id", "run_id", "position" }, PHASE)
local INSERT_MEASUREMENT <const> =
  insert_child("measurements", { "attempt_id", "position" }, MEASUREMENT)
local INSERT_ATTACHMENT <const> =
  insert_child("attachments", { "attempt_id", "position" }, ATTACHMENT)
local INSERT_LOG <const> = insert_child("log", { "run_id", "position" }, LOG)

local function add(statements, statement, columns, source, run_id)
  statement.n = #statement
  fill(statement, columns, source)
  statement.n = statement.n + 1
  statement[statement.n] = run_id
  statements[#statements + 1] = statement
end

local function add_children(statements, sql, parent, list, columns, run_id)
  for position, each in ipairs(list or {}) do
    add(statements, { sql, parent, position }, columns, each, run_id)
  end
end

-- An attempt without a UUID of its own is named after its run.
local function attempt_id(run_id, phase, position)
  return type(phase.id) == "string" and phase.id or ("%s/%d"):format(run_id, position)
end

--- Makes the statements that store a whole record.
-- @tparam table record
-- @treturn table statements
function row.finish(record)
  local run_id <const>, statements <const> = record.run_id, {}
  local phases <const> = record.phases or {}
  for position, phase in ipairs(phases) do
    add(statements, { INSERT_PHASE, attempt_id(run_id, phase, position), run_id, position }, PHASE,
      phase, run_id)
  end
  for position, phase in ipairs(phases) do
    local id <const> = attempt_id(run_id, phase, position)
    add_children(statements, INSERT_MEASUREMENT, id, phase.measurements, MEASUREMENT, run_id)
    add_children(statements, INSERT_ATTACHMENT, id, phase.attachments, ATTACHMENT, run_id)
  end
  add_children(statements, INSERT_LOG, run_id, record.log, LOG, run_id)
  statements[#statements + 1] = run_statement(FINISH_RUN, record, 0)
  statements[#statements + 1] = { "DELETE FROM owners WHERE run_id = ?", run_id }
  return statements
end

return row
