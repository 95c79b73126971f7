-- SPDX-License-Identifier: MIT
--
-- The store: what finish() returned for is on disk, once, and can be had back.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local error_object <const> = require "attest.error"
local lfs <const> = require "lfs"
local process <const> = require "attest.store.process"
local store <const> = require "attest.store"
local uv <const> = require "luv"

local folder, path

local function new_record(fields)
  local record <const> = {
    schema = "attest/record/1",
    run_id = store.uuid(),
    outcome = "PASS",
    outcome_details = {},
    marginal = false,
    dut = { serial = "0012", imei = "860720087453595", sub_units = {} },
    station = { id = "st1", slot = 3, port = { path = "/dev/ttyUSB0" } },
    plan = { name = "ct12-final", version = "1.0" },
    start = "2026-11-21T11:45:57.250+08:00",
    ["end"] = "2026-11-21T11:46:00.000+08:00",
    duration_ms = 2750,
    phases = {
      {
        id = store.uuid(), name = "signal", group = "main", attempt = 1, outcome = "PASS",
        duration_ms = 12.5,
        measurements = {
          { name = "rssi", value = -71, type = "number", unit = "dBm", lower = -95,
            comparator = "GE", outcome = "PASS", evidence = { offset = 10, length = 20 } },
          { name = "echo", value = "a\0\xff\u{EF80}b", type = "string", outcome = "PASS" },
          { name = "volts", value = 3.0, type = "number", outcome = "PASS" },
        },
        attachments = { { name = "a", mimetype = "text/plain", size = 3, path = "a.txt" } },
      },
    },
    log = { { t_ms = 1, level = "info", text = "hello" } },
  }
  for key, value in pairs(fields or {}) do
    record[key] = value
  end
  return record
end

-- A look from outside: what another program would read.
local function count(sql)
  local db <close> = assert(core.sqlite.open(path, { readonly = true }))
  return assert(db:query("SELECT count(*) AS n FROM " .. sql))[1].n
end

local function open()
  return assert(store.open(path))
end

-- An unfinished run whose owner is somebody else.
local function disown(run_id, changes)
  local db <close> = assert(core.sqlite.open(path))
  for column, value in pairs(changes) do
    assert(db:exec(("UPDATE owners SET %s = '%s' WHERE run_id = '%s'")
      :format(column, value, run_id)))
  end
end

describe("the store", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    path = folder .. "/a.db"
  end)

  after_each(function()
    for name in lfs.dir(folder) do
      os.remove(folder .. "/" .. name)
    end
    os.remove(folder)
  end)

  it("gives a record back as it was", async(function()
    local s <close> = open()
    local record <const> = new_record()
    assert(s:finish(record))
    assert.same(record, s:record(record.run_id))
    local volts <const> = s:record(record.run_id).phases[1].measurements[3].value
    assert.equal("float", math.type(volts))
  end))

  it("has it on disk when finish returns", async(function()
    local s <close> = open()
    assert(s:finish(new_record()))
    assert.equal(1, count "runs WHERE outcome = 'PASS' AND imei = '860720087453595'")
    assert.equal(1, count "phases")
    assert.equal(3, count "measurements")
    assert.equal(1, count "attachments")
    assert.equal(1, count "log")
  end))

  it("keeps identities as text and values as they were", async(function()
    local s <close> = open()
    assert(s:finish(new_record()))
    assert.equal(1, count "runs WHERE typeof(serial) = 'text' AND serial = '0012'")
    assert.equal(1, count "measurements WHERE value = -71 AND lower = -95 AND unit = 'dBm'")
    assert.equal(1, count "measurements WHERE hex(value) = '6100FFEEBE8062'")
  end))

  it("stores a run once, however often it is finished", async(function()
    local s <close> = open()
    local record <const> = new_record()
    assert(s:finish(record))
    record.outcome = "FAIL"
    record.phases[2] = { id = store.uuid(), name = "late", attempt = 1, outcome = "FAIL" }
    assert(s:finish(record))
    assert.equal(1, count "runs")
    assert.equal(1, count "phases")
    assert.equal("PASS", s:record(record.run_id).outcome)
  end))

  it("names attempts without a UUID after their run", async(function()
    local s <close> = open()
    for _ = 1, 2 do
      local record <const> = new_record()
      record.phases[1].id = 1
      assert(s:finish(record))
    end
    assert.equal(2, count "phases WHERE attempt_id = run_id || '/1'")
    assert.equal(6, count "measurements")
  end))

  it("shows a begun run as unfinished until it is finished", async(function()
    local s <close> = open()
    local record <const> = new_record()
    assert(s:begin(record))
    assert(s:begin(record))
    assert.equal(1, count "runs WHERE outcome IS NULL")
    assert.equal(1, #s:runs { unfinished = true })
    assert(s:finish(record))
    assert.equal(0, count "owners")
    assert.equal(0, #s:runs { unfinished = true })
    assert(s:begin(record))
    assert.equal(0, count "owners")
  end))

  it("leaves the runs of live processes alone", async(function()
    local s <close> = open()
    assert(s:begin(new_record()))
    assert.same({}, s:recover())
    assert.equal(1, count "runs WHERE outcome IS NULL")
  end))

  for what, changes in pairs {
    ["a dead process"] = { pid = 2 ^ 22 | 0 },
    ["a process whose pid somebody else has"] = { pid_start = "1" },
    ["another boot"] = { boot_id = "00000000-0000-0000-0000-000000000000" },
    ["a pid namespace that is gone"] = { pid_namespace = "pid:[1]" },
  } do
    it("turns the unfinished run of " .. what .. " into ABORTED", async(function()
      local s <close> = open()
      local record <const> = new_record { phases = {} }
      assert(s:begin(record))
      disown(record.run_id, changes)
      assert.same({ record.run_id }, s:recover())
      local aborted <const> = s:record(record.run_id)
      assert.equal("ABORTED", aborted.outcome)
      assert.equal("aborted", aborted.first_failure.code)
      assert.equal("ct12-final", aborted.plan.name)
      assert.same({}, s:recover())
      assert.equal(0, count "owners")
    end))
  end

  it("lets the runner's own record replace a wrong ABORTED", async(function()
    local s <close> = open()
    local record <const> = new_record()
    assert(s:begin(record))
    disown(record.run_id, { pid_start = "1" })
    assert.equal(1, #s:recover())
    assert(s:finish(record))
    assert.equal("PASS", s:record(record.run_id).outcome)
    assert.equal(1, count "phases")
  end))

  it("knows that a zombie is dead", async(function()
    local owner <const> = process.current()
    assert.is_true(process.is_alive(owner))
    local me <const> = core.current()
    local handle, pid
    handle, pid = uv.spawn("true", {}, function()
      handle:close()
      core.wake(me)
    end)
    -- Nobody reaps it while the loop stands.
    owner.pid, owner.pid_start = pid, nil
    local state
    repeat
      local file <close> = assert(io.open(("/proc/%d/stat"):format(pid)))
      local text <const> = file:read("a")
      state = text:match("^.*%) (%a)")
      owner.pid_start = text:match("^.*%) (.*)$"):gsub("^" .. ("%S+ "):rep(19), ""):match("^%S+")
    until state == "Z"
    assert.is_false(process.is_alive(owner))
    core.wait()
  end))

  it("filters runs and lists them oldest first", async(function()
    local s <close> = open()
    -- 12:00 at +08:00 is before 05:00 at +00:00.
    local first <const> = new_record { start = "2026-11-21T12:00:00+08:00" }
    local second <const> = new_record { start = "2026-11-21T05:00:00Z", outcome = "FAIL" }
    assert(s:finish(second))
    assert(s:finish(first))
    local function ids(filter)
      local list <const> = {}
      for i, run in ipairs(s:runs(filter)) do
        list[i] = run.run_id
      end
      return list
    end
    assert.same({ first.run_id, second.run_id }, ids())
    assert.same({ second.run_id }, ids { outcome = "FAIL" })
    assert.same({ second.run_id }, ids { last = 1 })
    assert.same({ second.run_id }, ids { since = "2026-11-21T04:30:00Z", slot = 3 })
    assert.same({ first.run_id }, ids { before = "2026-11-21T04:30:00Z" })
    assert.same({ first.run_id }, ids { before = second.start })
    assert.same({ second.run_id }, ids { since = second.start })
    assert.same({}, ids { imei = "1" })
    assert.has_error(function() s:runs { colour = 1 } end, "store:runs has no filter \"colour\"")
    assert.has_error(function() s:runs { since = "noon" } end)
  end))

  it("has no record of an unknown run", async(function()
    local s <close> = open()
    local record <const>, err <const> = s:record("nope")
    assert.is_nil(record)
    assert.is_true(error_object.is(err, "not_found"))
  end))

  it("refuses what is no record", async(function()
    local s <close> = open()
    assert.has_error(function() s:begin {} end, "a run needs a run_id")
    assert.has_error(function() s:finish { run_id = "a", outcome = "GOOD" } end,
      "\"GOOD\" is not an outcome")
  end))

  it("stores many runs at the same time", async(function()
    local s <close> = open()
    local tasks <const> = {}
    for i = 1, 50 do
      tasks[i] = core.spawn(function()
        local record <const> = new_record()
        assert(s:begin(record))
        assert(s:finish(record))
      end)
    end
    for _, task in ipairs(tasks) do
      assert(task:join())
    end
    assert.equal(50, count "runs WHERE outcome = 'PASS'")
    assert.equal(150, count "measurements")
  end))

  it("says busy while another process holds the lock, and then works again", async(function()
    local s <close> = assert(store.open(path, { timeout = 0.02 }))
    local other <close> = assert(core.sqlite.open(path))
    assert(other:exec "BEGIN IMMEDIATE")
    local record <const> = new_record()
    local ok <const>, err <const> = s:finish(record)
    assert.is_nil(ok)
    assert.is_true(error_object.is(err, "busy"))
    assert.equal("database is locked", err.message)
    assert(other:exec "COMMIT")
    assert(s:finish(record))
  end))

  it("can be read while a run is being written", async(function()
    local s <close> = open()
    assert(s:finish(new_record()))
    local other <close> = assert(core.sqlite.open(path))
    assert(other:exec "BEGIN IMMEDIATE")
    local reader <close> = assert(store.open(path, { readonly = true }))
    assert.equal(1, #reader:runs())
    assert.has_error(function() reader:finish(new_record()) end)
    assert(other:exec "ROLLBACK")
  end))

  it("names what keeps it from opening", async(function()
    local s, err = store.open(folder .. "/none/a.db")
    assert.is_nil(s)
    assert.equal(("there is no folder %q"):format(folder .. "/none"), err.message)
    assert.equal("not_found", err.code)

    s, err = store.open(folder)
    assert.is_nil(s)
    assert.equal("EISDIR", err.name)

    local file = assert(io.open(path, "w"))
    file:write(("no database "):rep(1000))
    file:close()
    s, err = store.open(path)
    assert.is_nil(s)
    assert.equal("file is not a database", err.message)
    os.remove(path)

    local db = assert(core.sqlite.open(path))
    assert(db:exec "CREATE TABLE songs(title)")
    db:close()
    s, err = store.open(path)
    assert.is_nil(s)
    assert.equal("this is the database of another program", err.message)
  end))

  it("refuses the store of a newer attest", async(function()
    open():close()
    local db <const> = assert(core.sqlite.open(path))
    assert(db:exec "PRAGMA user_version = 99")
    db:close()
    local s <const>, err <const> = store.open(path)
    assert.is_nil(s)
    assert.equal("unsupported", err.code)
    assert.truthy(err.message:find("newer", 1, true))
  end))

  it("is closed twice without complaint and then refuses work", async(function()
    local s <const> = open()
    s:close()
    s:close()
    assert.has_error(function() s:runs() end, "the store is closed")
  end))
end)

describe("core.sqlite", function()
  before_each(function()
    path = os.tmpname()
    os.remove(path)
  end)

  after_each(function()
    for _, suffix in ipairs { "", "-wal", "-shm" } do
      os.remove(path .. suffix)
    end
  end)

  local function open_table()
    local db <const> = assert(core.sqlite.open(path))
    assert(db:exec "CREATE TABLE t(k INTEGER PRIMARY KEY, v)")
    return db
  end

  it("keeps values as they are", async(function()
    local db <close> = open_table()
    local values <const> = {
      "a\0b", "", math.mininteger, math.maxinteger, 0.1, 860720087453595, 1e300,
    }
    for i, value in ipairs(values) do
      assert(db:write { { "INSERT INTO t VALUES(?, ?)", i, value } })
    end
    for i, row in ipairs(db:query "SELECT v FROM t ORDER BY k") do
      assert.equal(values[i], row.v)
      assert.equal(math.type(values[i]), math.type(row.v))
    end
    assert.equal("a\0b", db:query("SELECT ? AS v", "a\0b")[1].v)
  end))

  it("takes nil by count, booleans as numbers and blobs in a table", async(function()
    local db <close> = open_table()
    assert(db:write {
      { "INSERT INTO t VALUES(?, ?)", 1, nil, n = 3 },
      { "INSERT INTO t VALUES(?, ?)", 2, true },
      { "INSERT INTO t VALUES(?, ?)", 3, { blob = "\0\xff" } },
    })
    local rows <const> = db:query "SELECT v, typeof(v) AS t FROM t ORDER BY k"
    assert.same({ { t = "null" }, { v = 1, t = "integer" }, { v = "\0\xff", t = "blob" } }, rows)
  end))

  it("writes all statements of a batch or none", async(function()
    local db <close> = open_table()
    local ok <const>, message <const>, name <const> = db:write {
      { "INSERT INTO t VALUES(1, 1)" }, { "INSERT INTO t VALUES(1, 2)" },
    }
    assert.is_nil(ok)
    assert.equal("EEXIST: UNIQUE constraint failed: t.k", message)
    assert.equal("EEXIST", name)
    assert.equal(0, db:query("SELECT count(*) AS n FROM t")[1].n)
  end))

  it("takes a statement again that failed", async(function()
    local db <close> = open_table()
    local INSERT <const> = "INSERT INTO t VALUES(?, ?)"
    assert(db:write { { INSERT, 1, 1 } })
    assert.is_nil((db:write { { INSERT, 1, 2 } }))
    assert(db:write { { INSERT, 2, 2 } })
    assert.equal(2, db:query("SELECT count(*) AS n FROM t")[1].n)
  end))

  it("raises on misuse", async(function()
    local db <close> = open_table()
    assert.has_error(function() db:query "DELETE FROM t" end)
    assert.has_error(function() db:query("SELECT ?") end)
    assert.has_error(function() db:write {} end)
    assert.has_error(function() db:write { 1 } end)
    assert.has_error(function() db:write { { "SELECT ?", print } } end)
    assert.has_error(function() core.sqlite.open(path, { color = 1 }) end, "unknown option 'color'")
    assert.has_error(function() core.sqlite.open("a\0b") end)
  end))

  it("waits only in a task", function()
    local db <close> = open_table()
    assert.has_error(function() db:write { { "SELECT 1" } } end)
  end)

  it("carries a queued write out although its task was cancelled", async(function()
    local db <close> = open_table()
    local other <const> = assert(core.sqlite.open(path))
    assert(other:exec "BEGIN IMMEDIATE")
    local task <const> = core.spawn(function()
      db:write { { "INSERT INTO t VALUES(1, 1)" } }
    end)
    core.sleep(0.001)
    task:cancel("enough")
    local ok <const>, err <const> = task:join()
    assert.is_nil(ok)
    assert.equal("enough", err)
    assert(other:exec "COMMIT")
    other:close()
    assert(db:write { { "INSERT INTO t VALUES(2, 2)" } })
    assert.equal(2, db:query("SELECT count(*) AS n FROM t")[1].n)
  end))

  it("carries a queued write out although it was closed", async(function()
    local db <const> = open_table()
    local task <const> = core.spawn(function()
      return db:write { { "INSERT INTO t VALUES(1, 1)" } }
    end)
    core.sleep(0)
    db:close()
    assert.same({ true, true }, { task:join() })
  end))

  it("keeps a ticker at its pace while another process holds the lock", async(function()
    local db <close> = open_table()
    local other <close> = assert(core.sqlite.open(path))
    assert(other:exec "BEGIN IMMEDIATE")
    local task <const> = core.spawn(function()
      return db:write { { "INSERT INTO t VALUES(1, 1)" } }
    end)
    local longest, before = 0, core.now()
    for _ = 1, 50 do
      core.sleep(0.001)
      longest, before = math.max(longest, core.now() - before), core.now()
    end
    assert.equal("waiting", task:status())
    assert(other:exec "COMMIT")
    assert(task:join())
    assert.is_true(longest < 2, longest) -- the lock is waited for much longer
  end))
end)
