-- SPDX-License-Identifier: MIT
--
-- What a run leaves behind: record, files, events; and what is refused at the
-- start so that it leaves nothing.

local core <const> = require "attest.core"
local fake_bench <const> = require "tests.support.fake_bench"
local run_record <const> = require "attest.runner.record"
local json <const> = require "attest.json"
local uv <const> = require "luv"

core.virtual()

local PASSING <const> = 'plan:phase("a", function(t) t:measure("x", 1):equals(1) end)'

local function last(bench)
  return bench.records[#bench.records]
end

describe("a record", function()
  it("that was not stored is no PASS, and exits 5", function()
    for _, how in ipairs { "begin", "finish", "raise" } do
      local bench <close> = fake_bench.new()
      bench.broken = how
      assert.equal(5, bench:run(PASSING))
      assert.matches("slot 1  ERROR\ntotal  1 run%(s%): 1 ERROR, 1 not stored", bench.out)
      assert.is_nil(bench.out:find("slot 1  PASS", 1, true))
      assert.is_nil(bench.out:find("p  PASS", 1, true))
      assert.matches("slot 1: the record was not stored: ", bench.err)
    end
  end)

  it("that the store does not take in time was not stored", function()
    local bench <close> = fake_bench.new()
    bench.disk_delay = 1e5
    assert.equal(5, bench:run(PASSING))
    assert.matches("no answer within 30 s", bench.err)
  end)

  it("tells who, where, what and when", function()
    local bench <close> = fake_bench.new()
    bench:run({ [[
      local plan = require("attest.plan").new {
        name = "final", version = "1.2", module = "ct12",
        params = { firmware = "V0", password = "p" },
      }
      plan:phase("identity", function(t)
        t:identify { serial = "S1" }
        t:measure("imei", "860720087453595"):luhn()
        t:measure("firmware", t.params.firmware):equals("V1")
        t:log("hello \27[2J")
        t:attach("dump", "\0\1")
      end)
      return plan]] }, {
      params = { firmware = "V1", password = "secret" }, operator = "wang", batch = "B7",
      purpose = "golden",
    })
    local record <const> = last(bench)
    assert.equal("attest/record/1", record.schema)
    assert.matches("^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$", record.run_id)
    assert.same({ serial = "S1", imei = "860720087453595", fw = "V1" }, record.dut)
    assert.equal("ct12", bench.duts[1].options.module)
    assert.same({ "wang", "B7", "golden" }, { record.operator, record.batch, record.purpose })
    assert.same({ "final", "1.2" }, { record.plan.name, record.plan.version })
    assert.equal(64, #record.plan.sha256)
    assert.same({ 1, "one" }, { record.station.slot, record.station.port.path })
    assert.same({ firmware = "V1", password = "***" }, record.params)
    assert.equal("hello \\x1B[2J", record.log[1].text)
    assert.same({ 2, "\0\1" },
      { record.phases[1].attachments[1].size, record.phases[1].attachments[1].data })
    for _, time in ipairs { record.start, record["end"], record.phases[1].start } do
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d[+-]%d%d:%d%d$", time)
    end
  end)
end)

describe("files of a run", function()
  it("are a JSON file per run and one JUnit file", function()
    local bench <close> = fake_bench.new()
    local folder <const> = bench.files.folder .. "/json"
    local path <const> = bench.files.folder .. "/a.xml"
    bench.files:remove_later(path)
    assert.equal(0, bench:run(PASSING, { json = folder, junit = path, ["repeat"] = 2 }))
    for _, record in ipairs(bench.records) do
      local name <const> = ("%s/%s.json"):format(folder, record.run_id)
      local file <close> = assert(io.open(name))
      assert.equal("PASS", json.decode(file:read("a")).outcome)
      bench.files:remove_later(name)
    end
    bench.files:remove_later(folder)
    local file <close> = assert(io.open(path))
    assert.equal(2, select(2, file:read("a"):gsub("<testsuite ", "")))
  end)

  it("that cannot be written change no verdict, but exit 5", function()
    local bench <close> = fake_bench.new()
    local missing <const> = bench.files.folder .. "/none/deep/a.xml"
    assert.equal(5, bench:run(PASSING, { junit = missing }))
    assert.matches("slot 1  PASS", bench.out)
    assert.equal(1, bench.err:find("cannot write " .. missing, 1, true))
  end)

  it("include a transcript, to whose bytes each measurement points", function()
    local bench <close> = fake_bench.new()
    local folder <const> = bench.files.folder .. "/traces"
    assert.equal(0, bench:run({ [[
      local plan = require("attest.plan").new { name = "p", params = { password = "" } }
      plan:phase("a", function(t)
        t.dut:say("first " .. t.params.password)
        t:measure("x", 1):equals(1)
        t:measure("y", 1):equals(1)
        t.dut:say("second")
        t:measure("z", 1):equals(1)
      end)
      return plan]] }, { transcript = folder, params = { password = "hunter2" } }))
    local transcript <const> = last(bench).transcript
    assert.equal("attest/trace/1", transcript.format)
    bench.files:remove_later(transcript.path)
    bench.files:remove_later(folder)
    local text -- a thread writes it, in its own time
    local deadline <const> = uv.hrtime() + 5000000000
    repeat
      core.run(core.spawn(core.sleep, 0.01))
      local file <close> = assert(io.open(transcript.path))
      text = file:read("a")
    until text:find(" closed\n$") or uv.hrtime() > deadline

    local seen <const> = {}
    for i, measurement in ipairs(last(bench).phases[1].measurements) do
      local evidence <const> = measurement.evidence
      seen[i] = text:sub(evidence.offset + 1, evidence.offset + evidence.length)
    end
    assert.matches("first", seen[1])
    assert.equal(seen[1], seen[2])
    assert.matches("second", seen[3])
    assert.is_nil(seen[3]:find("first"))
    assert.is_nil(text:find("hunter2", 1, true))
  end)

  it("are refused at the start when the transcripts' folder cannot be made", function()
    local bench <close> = fake_bench.new()
    assert.equal(2, bench:run(PASSING, { transcript = bench.files.folder .. "/none/deep" }))
    assert.equal(0, #bench.duts)
  end)
end)

describe("the event stream", function()
  it("tells a run from its start to its stored end, in order", function()
    local bench <close> = fake_bench.new()
    assert.equal(1, bench:run([[plan:phase("a", function(t)
      print("hi")
      t:measure("x", 1, "V"):equals(2) end)]], { jsonl = true }))
    local types <const> = {}
    for i, event in ipairs(bench:stream()) do
      types[i] = event.type
      assert.same({ 1, i, 1 }, { event.v, event.seq, event.slot })
      assert.is_string(event.run_id)
      assert.is_string(event.ts)
    end
    assert.same({
      "run_started", "phase_started", "log", "measurement", "phase_finished", "run_finished",
    }, types)
    local finish <const> = bench:stream()[6]
    assert.same({ "FAIL", true, "limit" },
      { finish.outcome, finish.stored, finish.first_failure.code })
    assert.matches("slot 1  FAIL", bench.err)
  end)
end)
describe("bad input", function()
  it("is told in one line and exits 2, with no port opened", function()
    local no_phase <const> = 'local p = require("attest.plan").new { name = "p" }\nreturn p'
    for text, pattern in pairs {
      ["x = = 1"] = "plan1.lua:1: unexpected symbol",
      ["return 1"] = "must return its plan",
      [no_phase] = 'plan1.lua:1: plan "p" has no phases',
    } do
      local bench <close> = fake_bench.new()
      assert.equal(2, bench:run { text })
      assert.matches(pattern, bench.err)
      assert.equal(1, select(2, bench.err:gsub("\n", "")))
      assert.equal(0, #bench.duts)
      assert.equal(0, #bench.records)
    end
  end)

  it("such as an unknown parameter is refused before anything runs", function()
    local bench <close> = fake_bench.new()
    assert.equal(2, bench:run({ [[
      local plan = require("attest.plan").new { name = "p", params = { host = "a" } }
      plan:phase("a", function() end)
      return plan]] }, { params = { hots = "b" } }))
    assert.matches("no parameter hots", bench.err)
  end)

  it("such as plans for two modules is refused", function()
    local bench <close> = fake_bench.new()
    local text <const> = [[local plan = require("attest.plan").new { name = "p", module = %q }
      plan:phase("a", function() end) return plan]]
    assert.equal(2, bench:run { text:format("ct12"), text:format("ml302") })
    assert.matches("ml302", bench.err)
  end)

  it("such as a port given twice is refused, by whatever path", function()
    local bench <close> = fake_bench.new()
    assert.equal(2, bench:run(PASSING, { ports = { "/dev/null", "/dev/../dev/null" } }))
    assert.matches("slot 2: cannot open /dev/../dev/null: slot 1 has it", bench.err)
    assert.equal(0, #bench.duts)
  end)

  it("such as a script that is missing is told before a port that is", function()
    local bench <close> = fake_bench.new()
    assert.equal(2, bench:run({ "error('wrong')" }, { ports = {} }))
    assert.matches("plan1.lua:1: wrong", bench.err)
  end)

  it("such as sleeping backwards is told with the script's line", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run '\nplan:phase("a", function(t) t:sleep(-1) end)')
    assert.matches("plan1.lua:2: sleep needs seconds", last(bench).first_failure.message)
  end)

  it("such as a measurement that is no number cannot PASS", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run 'plan:phase("a", function(t) t:measure("x", 0 / 0) end)')
    assert.equal("x is not a number (NaN)", last(bench).first_failure.message)
  end)

  it("such as no port is nothing that ran", function()
    local bench <close> = fake_bench.new()
    assert.equal(4, bench:run(PASSING, { ports = {} }))
  end)

  it("such as an unknown option of the runner raises", function()
    local bench <close> = fake_bench.new()
    assert.has_error(function() bench:run(PASSING, { portz = {} }) end)
  end)

  it("such as a parameter that nobody gave raises by name", function()
    local bench <close> = fake_bench.new()
    assert.equal(3, bench:run 'plan:phase("a", function(t) return t.params.firmware end)')
    assert.matches("no parameter firmware was given", last(bench).first_failure.message)
  end)

  it("such as an unknown field of t raises by name", function()
    local bench <close> = fake_bench.new()
    bench:run 'plan:phase("a", function(t) t:mesure("x", 1) end)'
    assert.matches('t has no field "mesure"', last(bench).first_failure.message)
  end)
end)

describe("a secret parameter", function()
  local NAMES <const> = {
    mqtt_password = true, pass = true, ["api-key"] = true, wifiPasswd = true, token2 = true,
    bypass = false, passes = false, monkey = false, tokens_left = false,
  }

  it("is known by a whole word of its name", function()
    for name, wanted in pairs(NAMES) do
      assert.equal(wanted, run_record.is_secret(name), name)
    end
  end)

  it("that is part of another leaves nothing of the other", function()
    local rec <const> = run_record.new {
      plan = { name = "p" }, source = {}, slot = 1, port = "x", station = {},
      params = { pass = "abc", token = "abcdef", pin_key = "bcdefgh" },
    }
    assert.equal("*** and ***, ***", rec:mask("abcdef and abc, bcdefgh"))
  end)

  it("is shown nowhere: log, measurements, errors, progress", function()
    local bench <close> = fake_bench.new()
    bench:run({ [[
      local plan = require("attest.plan").new {
        name = "p", continue_on_fail = true, params = { mqtt_password = "x" },
      }
      plan:phase("a", function(t)
        t:log("it is " .. t.params.mqtt_password)
        t:measure("pw", t.params.mqtt_password):equals("other")
        t:measure("in", "a"):one_of { "b", t.params.mqtt_password }
      end)
      plan:phase("b", function(t) error("bad " .. t.params.mqtt_password) end)
      return plan]] }, { params = { mqtt_password = 'hun"ter' }, jsonl = true })
    local all <const> = bench.out .. bench.err .. json.encode(last(bench))
    assert.is_nil(all:find("hun", 1, true))
    assert.matches("it is ***", all, 1, true)
    assert.matches("bad ***", last(bench).phases[2].error.message, 1, true)
  end)
end)
