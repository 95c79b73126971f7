-- SPDX-License-Identifier: MIT
--
-- The tables of the store, as a list of migrations.
--
-- PRAGMA user_version counts the migrations that were applied; one that was
-- released is never changed, only followed by another. runs.record holds the
-- whole record as JSON, so nothing is lost when the columns are too few.
-- Identities are TEXT: an IMEI is no number.

local error_object <const> = require "attest.error"

local schema <const> = {}

local APPLICATION_ID <const> = 0x61747374 -- "atst"

schema.migrations = {
  [[
  CREATE TABLE runs (
    run_id TEXT PRIMARY KEY NOT NULL,
    outcome TEXT,                     -- NULL: unfinished
    recovered INTEGER NOT NULL,       -- 1: ABORTED by recover(), not by its runner
    marginal INTEGER,
    first_failure_phase TEXT,
    first_failure_attempt INTEGER,
    first_failure_measurement TEXT,
    first_failure_code TEXT,
    first_failure_message TEXT,
    serial TEXT, part_number TEXT, revision TEXT, imei TEXT, iccid TEXT, mac TEXT, fw TEXT,
    station TEXT, host TEXT, fixture TEXT, slot INTEGER,
    port TEXT, topology TEXT, usb_serial TEXT,
    operator TEXT, batch TEXT, process TEXT, purpose TEXT,
    plan TEXT, plan_version TEXT, plan_sha256 TEXT, limits_sha256 TEXT, tool_version TEXT,
    start TEXT, "end" TEXT,           -- RFC 3339 with the station's UTC offset
    start_s REAL,                     -- the same in seconds since 1970, for order
    duration_ms REAL,                 -- monotonic
    record TEXT NOT NULL              -- JSON, attest/record/1
  );
  CREATE INDEX runs_start ON runs(start_s);
  CREATE INDEX runs_serial ON runs(serial);
  CREATE INDEX runs_imei ON runs(imei);
  CREATE INDEX runs_batch ON runs(batch);

  -- Whose run it is, while it is unfinished.
  CREATE TABLE owners (
    run_id TEXT PRIMARY KEY NOT NULL REFERENCES runs(run_id) ON DELETE CASCADE
      DEFERRABLE INITIALLY DEFERRED,
    boot_id TEXT NOT NULL,
    pid_namespace TEXT NOT NULL,
    pid INTEGER NOT NULL,
    pid_start TEXT NOT NULL           -- clock ticks since boot
  );

  -- One row per attempt.
  CREATE TABLE phases (
    attempt_id TEXT PRIMARY KEY NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs(run_id) ON DELETE CASCADE
      DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    name TEXT, "group" TEXT, attempt INTEGER, outcome TEXT, marginal INTEGER,
    start TEXT, duration_ms REAL,
    error_code TEXT, error_message TEXT
  );
  CREATE INDEX phases_run ON phases(run_id);

  CREATE TABLE measurements (
    attempt_id TEXT NOT NULL REFERENCES phases(attempt_id) ON DELETE CASCADE
      DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    name TEXT, value, type TEXT, unit TEXT, lower REAL, upper REAL, comparator TEXT,
    nominal, expected, marginal_lower REAL, marginal_upper REAL, outcome TEXT,
    set_ms REAL, evidence_offset INTEGER, evidence_length INTEGER,
    PRIMARY KEY (attempt_id, position)
  );
  CREATE INDEX measurements_name ON measurements(name);

  CREATE TABLE attachments (
    attempt_id TEXT NOT NULL REFERENCES phases(attempt_id) ON DELETE CASCADE
      DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    name TEXT, mimetype TEXT, sha256 TEXT, size INTEGER, path TEXT,
    PRIMARY KEY (attempt_id, position)
  );

  CREATE TABLE log (
    run_id TEXT NOT NULL REFERENCES runs(run_id) ON DELETE CASCADE
      DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    t_ms REAL, level TEXT, code TEXT, text TEXT,
    PRIMARY KEY (run_id, position)
  );
  ]],
}

local function look(db)
  local rows <const>, message <const>, name <const> = db:query [[
    SELECT (SELECT user_version FROM pragma_user_version) AS version,
      (SELECT application_id FROM pragma_application_id) AS application,
      (SELECT count(*) FROM sqlite_master) AS objects]]
  if not rows then
    return nil, error_object.from_core(message, name)
  end
  return rows[1]
end

-- Returns the version, or why this file cannot be a store.
local function judge(db)
  local found <const>, err <const> = look(db)
  if not found then
    return nil, err
  elseif found.application ~= APPLICATION_ID and (found.objects > 0 or found.version ~= 0) then
    return nil, error_object.new {
      code = "invalid", message = "this is the database of another program",
    }
  elseif found.version > #schema.migrations then
    return nil, error_object.new {
      code = "unsupported",
      message = ("a newer attest wrote it (schema %d, this one knows %d)")
        :format(found.version, #schema.migrations),
    }
  end
  return found.version
end

local function migrate(db)
  local version <const>, err <const> = judge(db)
  if not version then
    return nil, err
  end
  for next_version = version + 1, #schema.migrations do
    local ok <const>, message <const>, name <const> =
      db:exec(("%s; PRAGMA application_id = %d; PRAGMA user_version = %d")
        :format(schema.migrations[next_version], APPLICATION_ID, next_version))
    if not ok then
      return nil, error_object.from_core(message, name)
    end
  end
  return true
end

--- Brings a database to the newest version; a new file becomes a store.
-- @tparam attest.sqlite db
-- @tparam boolean readonly only checks it
-- @treturn[1] true
-- @treturn[2] nil
-- @treturn[2] attest.error `invalid` (not a store), `unsupported` (too new, or
-- too old to be read without migrating it), `busy`, `io`
function schema.prepare(db, readonly)
  local version <const>, err <const> = judge(db)
  if not version then
    return nil, err
  elseif version == #schema.migrations then
    return true
  elseif readonly then
    return nil, error_object.new {
      code = "unsupported", message = "an older attest wrote it; open it for writing once",
    }
  end
  -- Another process may do the same: look again under the lock.
  local ok <const>, message <const>, name <const> = db:exec "BEGIN IMMEDIATE"
  if not ok then
    return nil, error_object.from_core(message, name)
  end
  local is_done <const>, why <const> = migrate(db)
  local ended <const>, ended_message <const>, ended_name <const> =
    db:exec(is_done and "COMMIT" or "ROLLBACK")
  if is_done and not ended then
    return nil, error_object.from_core(ended_message, ended_name)
  end
  return is_done, why
end

return schema
