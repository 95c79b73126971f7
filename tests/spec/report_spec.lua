-- SPDX-License-Identifier: MIT
--
-- Exports of a record: JSON that loses nothing, JUnit that readers agree on,
-- an event stream with one object per line.

local file <const> = require "attest.report.file"
local json <const> = require "attest.json"
local jsonl <const> = require "attest.report.jsonl"
local junit <const> = require "attest.report.junit"
local lfs <const> = require "lfs"
local record_json <const> = require "attest.report.json"
local rfc3339 <const> = require "attest.rfc3339"
local uuid <const> = require "attest.uuid"
local uv <const> = require "luv"
local xml <const> = require "attest.report.xml"

local ALL_BYTES <const> = (function()
  local bytes <const> = {}
  for byte = 0, 255 do
    bytes[byte + 1] = string.char(byte)
  end
  return table.concat(bytes)
end)()

local function new_phase(fields)
  local phase <const> = {
    id = uuid.new(), name = "signal", group = "main", attempt = 1, outcome = "PASS",
    duration_ms = 1500, measurements = {}, attachments = {},
  }
  for key, value in pairs(fields or {}) do
    phase[key] = value
  end
  return phase
end

local function new_record(fields)
  local record <const> = {
    schema = "attest/record/1", run_id = uuid.new(), outcome = "PASS", outcome_details = {},
    marginal = false, dut = { serial = "0012", imei = "860720087453595" },
    station = { id = "st<1>", slot = 3 }, plan = { name = "ct12-final", sha256 = "abc" },
    start = "2026-11-21T11:45:57.250+08:00", duration_ms = 2750, phases = { new_phase() },
    log = {},
  }
  for key, value in pairs(fields or {}) do
    record[key] = value
  end
  return record
end

local function weak_signal()
  return new_phase {
    outcome = "FAIL",
    measurements = {
      { name = "rssi", value = -97, unit = "dBm", lower = -95, comparator = "GE", outcome = "FAIL",
        message = "rssi -97 dBm < -95 dBm (lower)" },
    },
  }
end

local function occurrences(text, what)
  local count, at = 0, 1
  while true do
    local found <const>, stop <const> = text:find(what, at, true)
    if not found then
      return count
    end
    count, at = count + 1, stop + 1
  end
end

-- Well-formed by an independent parser, where there is one.
local function encode(records, transcript)
  local text <const> = junit.encode(records, transcript)
  local path <const> = os.tmpname()
  assert(file.write(path, text))
  local pipe <close> = io.popen(
    ("if command -v xmllint >/dev/null; then xmllint --noout %s 2>&1; fi"):format(path))
  assert.equal("", pipe:read("a"))
  os.remove(path)
  return text
end

describe("JSON text", function()
  it("gives every value back as it was", function()
    for _, value in ipairs {
      ALL_BYTES, "\u{EF80}\u{EFFF}\u{EF7F}", "\u{1F600} \u{4E2D}", "\xED\xA0\x80", "\\u0041", "",
      "\\\\\n", 0.1, 1 / 3, 3.0, 3, math.mininteger, math.maxinteger, 1e300, true, false,
    } do
      local back <const> = json.decode(json.encode(value))
      assert.equal(value, back)
      assert.equal(math.type(value), math.type(back))
    end
  end)

  it("is valid UTF-8 without control characters, whatever the bytes", function()
    local text <const> = json.encode(ALL_BYTES)
    assert.truthy(utf8.len(text))
    assert.is_nil(text:find("%c"))
  end)

  it("keeps an order of keys and tells empty lists from objects", function()
    assert.equal('{"z":1,"a":{},"list":[]}',
      json.encode({ a = {}, list = {}, z = 1 }, { order = { "z" }, lists = { list = true } }))
  end)

  it("does not mix up values that are alike, however often they come", function()
    assert.equal('{"1":1.0,"a":[1,1.0,"1",true,"true","a","a"],"b":"a","c":true,"true":1}',
      json.encode { a = { 1, 1.0, "1", true, "true", "a", "a" }, b = "a", c = true,
        ["true"] = 1, ["1"] = 1.0 })
  end)

  it("indents what is within, not what is empty", function()
    assert.equal('{\n  "a": [\n    1,\n    {}\n  ],\n  "b": {}\n}',
      json.encode({ a = { 1, {} }, b = {} }, { indent = "  " }))
  end)

  it("has words for what is no number", function()
    assert.equal('["NaN","Infinity","-Infinity"]', json.encode { 0 / 0, 1 / 0, -1 / 0 })
  end)

  it("shows what it cannot hold and refuses a table that holds itself", function()
    assert.truthy(json.encode(print):find('^"function: '))
    local loop <const> = {}
    loop.loop = loop
    assert.has_error(function() json.encode(loop) end)
  end)

  it("refuses what is no JSON, naming the line", function()
    for _, bad in ipairs {
      "", "{", "[1,]", '{"a":}', "01", "1.", '"\\x"', '"\\u12"', "nul", "[1] 2", '"a\nb"', "{1:2}",
      "-", "+1", ("["):rep(100),
    } do
      local value <const>, message <const> = json.decode(bad)
      assert.is_nil(value)
      assert.is_string(message)
    end
    assert.equal("line 3: no value", select(2, json.decode "{\n\"a\":\n?}"))
    assert.equal("line 1: unknown escape \\10", select(2, json.decode "[\"\\\n\"]"))
  end)

  it("reads what others write", function()
    assert.same({ a = { 1, 2.5, "\u{1F600}/" }, c = false },
      json.decode ' { "a" : [ 1, 2.5, "\\ud83d\\uDE00\\/" ] , "b":null, "c":false } \n')
  end)
end)

describe("a time", function()
  it("is read with its offset and written in UTC", function()
    local seconds <const> = rfc3339.parse "2026-11-21T11:45:57.250+08:00"
    assert.equal("2026-11-21T03:45:57.250Z", rfc3339.format(seconds))
    assert.is_nil(rfc3339.parse "2026-11-21T11:45:571Z") -- a fraction needs its point
    assert.is_nil(rfc3339.parse "2026-11-21T11:45:57.Z")
    assert.equal("2026-11-21T03:45:57Z", rfc3339.format(seconds, 0))
    assert.equal(0, rfc3339.parse "1970-01-01T00:00:00Z")
    assert.equal(951782400, rfc3339.parse "2000-02-28T19:00:00-05:00")
    assert.is_nil(rfc3339.parse "yesterday")
  end)
end)

describe("a UUID", function()
  it("is random and says so", function()
    local first <const> = uuid.new()
    assert.truthy(first:find("^%x+%-%x+%-4%x%x%x%-[89ab]%x%x%x%-%x+$"))
    assert.equal(36, #first)
    assert.not_equal(first, uuid.new())
  end)
end)

describe("a record as JSON", function()
  it("begins with what one looks for and has empty lists", function()
    local text <const> = record_json.encode(new_record { run_id = "r1" })
    assert.truthy(text:find('^{\n  "schema": "attest/record/1",\n  "run_id": "r1",\n'))
    assert.truthy(text:find('"log": []', 1, true))
    assert.truthy(text:find('"measurements": []', 1, true))
    assert.equal(text, record_json.encode(json.decode(text)))
  end)

  it("is written to a file of its own, with nothing beside it", function()
    local folder <const> = os.tmpname()
    os.remove(folder)
    local record <const> = new_record()
    local path <const> = assert(record_json.write(folder, record))
    assert.equal(("%s/%s.json"):format(folder, record.run_id), path)
    assert.equal(path, record_json.write(folder, record))
    local handle <const> = assert(io.open(path))
    assert.same(record, json.decode(handle:read("a")))
    handle:close()
    local names <const> = {}
    for name in lfs.dir(folder) do
      names[#names + 1] = name
    end
    assert.equal(3, #names)
    os.remove(path)
    os.remove(folder)
  end)

  it("says why it could not be written", function()
    local path <const>, err <const> = record_json.write("/nonexistent/a/b", new_record())
    assert.is_nil(path)
    assert.equal("not_found", err.code)
    assert.equal("no such file or directory", err.message)
  end)

  it("goes through the caller's way of calling", function()
    local calls = 0
    local path <const> = os.tmpname()
    assert(file.write(path, "text", function(fn, ...)
      calls = calls + 1
      return fn(...)
    end))
    os.remove(path)
    assert.is_true(calls >= 5)
  end)

  it("is whole where the disk takes it in pieces", function()
    local path <const> = os.tmpname()
    assert(file.write(path, "text in pieces", function(fn, descriptor, text, ...)
      if fn == uv.fs_write then
        return fn(descriptor, text:sub(1, 3), ...)
      end
      return fn(descriptor, text, ...)
    end))
    local handle <close> = assert(io.open(path, "rb"))
    assert.equal("text in pieces", handle:read("a"))
    os.remove(path)
  end)

  it("that cannot take its place leaves nothing behind", function()
    local folder <const> = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    assert(lfs.mkdir(folder .. "/out.xml"))
    assert.is_nil((file.write(folder .. "/out.xml", "text")))
    local names <const> = {}
    for name in lfs.dir(folder) do
      names[#names + 1] = name
    end
    assert.equal(3, #names, table.concat(names, " "))
    lfs.rmdir(folder .. "/out.xml")
    lfs.rmdir(folder)
  end)
end)

describe("JUnit", function()
  it("has one suite per run with its properties", function()
    local text <const> = encode { new_record(), new_record { station = { slot = 4 } } }
    assert.equal(2, occurrences(text, "<testsuite "))
    assert.truthy(text:find('<testsuites name="attest" tests="2" failures="0" errors="0"', 1, true))
    assert.truthy(text:find('classname="ct12-final.slot3" name="signal" time="1.500"', 1, true))
    assert.truthy(text:find('timestamp="2026-11-21T03:45:57Z" hostname="st&lt;1&gt;"', 1, true))
    assert.truthy(text:find('<property name="serial" value="0012"/>', 1, true))
    assert.truthy(text:find('<property name="plan_sha256" value="abc"/>', 1, true))
    assert.truthy(text:find('<property name="slot" value="4"/>', 1, true))
  end)

  it("tells a limit as a failure", function()
    local text <const> = encode { new_record { outcome = "FAIL", phases = { weak_signal() } } }
    assert.truthy(text:find(
      '<failure type="limit" message="rssi -97 dBm &lt; -95 dBm (lower)"/>', 1, true))
    assert.truthy(text:find('failures="1" errors="0"', 1, true))
  end)

  it("words a failed limit itself when the record does not", function()
    local phase <const> = weak_signal()
    phase.measurements[1].message = nil
    local text <const> = encode { new_record { outcome = "FAIL", phases = { phase } } }
    assert.truthy(text:find('message="rssi -97 dBm (lower -95)"', 1, true))
  end)

  it("tells an error by whose it is", function()
    for code, expected in pairs {
      timeout = "timeout", closed = "transport", rejected = "transport", script = "script",
      guard = "guard", ["E-RESET"] = "guard",
    } do
      local phase <const> = new_phase {
        outcome = code == "timeout" and "TIMEOUT" or "ERROR",
        error = { code = code, message = "AT+CSQ: no", traceback = "stack <1>" },
      }
      local text <const> = encode { new_record { outcome = phase.outcome, phases = { phase } } }
      assert.truthy(text:find(('<error type="%s" message="AT+CSQ: no">stack &lt;1&gt;</error>')
        :format(expected), 1, true), code)
    end
  end)

  it("tells what was skipped", function()
    local text <const> = encode {
      new_record { phases = { new_phase(), new_phase { name = "b", outcome = "SKIPPED" } } },
    }
    assert.truthy(text:find('<skipped message="skipped"/>', 1, true))
    assert.truthy(text:find('skipped="1"', 1, true))
  end)

  it("shows a retry that passed as flaky, in one case", function()
    local failed <const>, passed <const> = weak_signal(), new_phase { attempt = 2 }
    local text <const> = encode { new_record { phases = { failed, passed } } }
    assert.equal(1, occurrences(text, "<testcase "))
    assert.equal(1, occurrences(text, "<flakyFailure "))
    assert.equal(0, occurrences(text, "<failure "))
    assert.truthy(text:find('<property name="attempts" value="2"/>', 1, true))
    assert.truthy(text:find('time="3.000"', 1, true))
  end)

  it("shows the attempts before the last failure as reruns", function()
    local first <const>, second <const> = weak_signal(), weak_signal()
    second.attempt = 2
    local text <const> = encode { new_record { outcome = "FAIL", phases = { first, second } } }
    assert.equal(1, occurrences(text, "<failure "))
    assert.equal(1, occurrences(text, "<rerunFailure "))
  end)

  it("gives every case a name of its own, also across runs of a slot", function()
    local function record()
      return new_record { phases = {
        new_phase(), new_phase(), new_phase { name = "signal#2" },
      } }
    end
    local text <const> = encode { record(), record() }
    local seen <const> = {}
    for name in text:gmatch('classname="ct12%-final%.slot3" name="([^"]*)"') do
      assert.is_nil(seen[name])
      seen[name] = true
    end
    assert.is_true(seen["signal"] and seen["signal#2"] and seen["signal#3"])
    assert.equal(6, occurrences(text, "<testcase "))
  end)

  it("never shows a run that is not PASS as if it were", function()
    local text <const> = encode {
      new_record { outcome = "ABORTED", phases = {},
        first_failure = { code = "aborted", message = "its process ended" } },
      new_record { outcome = "ERROR",
        first_failure = { code = "no_evidence", message = "nothing" } },
    }
    assert.truthy(text:find('<error type="aborted" message="its process ended"/>', 1, true))
    assert.truthy(text:find('<error type="script" message="nothing"/>', 1, true))
    assert.truthy(text:find('tests="3" failures="0" errors="2"', 1, true))
  end)

  it("begins the end of a transcript that is too long with a whole line", function()
    local path <const>, lines <const> = os.tmpname(), {}
    for i = 1, 80 do
      lines[i] = ("<%02d>%s\n"):format(i, ("x"):rep(1000))
    end
    assert(file.write(path, table.concat(lines)))
    local text <const> = encode {
      new_record { outcome = "FAIL", phases = { weak_signal() }, transcript = { path = path } },
    }
    os.remove(path)
    assert.matches("<system%-out>&lt;%d%d&gt;x", text)
    assert.truthy(text:find("&lt;80&gt;", 1, true))
  end)

  it("puts the transcript's end and attachments where readers look", function()
    local lines <const> = {}
    for i = 1, 150 do
      lines[i] = ("line %d < \27[0m \0 \xFF \u{4E2D}"):format(i)
    end
    local phase <const> = weak_signal()
    phase.attachments = { { name = "scan", path = "out/scan.bin" } }
    local record <const> = new_record {
      outcome = "FAIL", phases = { new_phase { name = "first" }, phase },
      transcript = { path = "out/slot3.trace" },
    }
    local text <const> = encode({ record }, function()
      return table.concat(lines, "\n") .. "\n"
    end)
    assert.is_nil(text:find("line 50 ", 1, true))
    assert.truthy(text:find("line 51 &lt; \\x1b[0m \\x00 \\xff \u{4E2D}", 1, true))
    assert.equal(1, occurrences(text, "<system-out>"))
    assert.truthy(text:find(
      "\n[[ATTACHMENT|out/slot3.trace]]\n[[ATTACHMENT|out/scan.bin]]\n</system-out>", 1, true))
  end)

  it("survives any bytes anywhere", function()
    local phase <const> = new_phase {
      name = ALL_BYTES, outcome = "ERROR", error = { code = "script", message = ALL_BYTES,
        traceback = ALL_BYTES .. "]]>\u{FFFE}\u{9F}" },
    }
    encode({ new_record { outcome = "ERROR", dut = { serial = ALL_BYTES }, phases = { phase } } },
      function() return ALL_BYTES end)
    assert.equal("\\xed\\xa0\\x80&amp;\\xef\\xbf\\xbe", xml.text "\xED\xA0\x80&\u{FFFE}")
  end)

  it("holds a record of which little is known", function()
    encode { { run_id = "a" }, { run_id = "b", phases = { { name = "x" } } } }
  end)
end)

describe("the event stream", function()
  local function new_stream()
    local lines <const> = {}
    return jsonl.new(function(line) lines[#lines + 1] = line end, function() return 0 end), lines
  end

  it("writes one numbered object per line", function()
    local stream <const>, lines <const> = new_stream()
    stream:emit { type = "run_started", run_id = "r", slot = 1 }
    stream:emit { type = "log", run_id = "r", slot = 1, text = "a\nb\0\xFF" }
    assert.equal('{"v":1,"seq":1,"ts":"1970-01-01T00:00:00.000Z","type":"run_started",'
      .. '"run_id":"r","slot":1}\n', lines[1])
    assert.equal(1, occurrences(lines[2], "\n"))
    assert.equal("a\nb\0\xFF", json.decode(lines[2]).text)
  end)

  it("ends a run with run_finished", function()
    local stream <const> = new_stream()
    stream:emit { type = "run_finished", run_id = "r", outcome = "PASS" }
    stream:emit { type = "run_started", run_id = "s" }
    assert.has_error(function() stream:emit { type = "log", run_id = "r" } end,
      "an event (log) after run_finished")
    assert.has_error(function() stream:emit { type = "gossip" } end,
      "\"gossip\" is no type of event")
  end)
end)
