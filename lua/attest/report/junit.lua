-- SPDX-License-Identifier: MIT
--
-- Records as JUnit XML, for CI systems: one testsuite per run, one testcase per
-- phase, whatever the number of its attempts.
--
-- Readers differ. GitLab shows `classname` as the suite, takes only the first
-- of two cases with one name, and finds attachments in a case's system-out;
-- not all know flakyFailure and rerunFailure, hence a property `attempts`. A
-- run that is not PASS always shows a case that is not.

local file <const> = require "attest.report.file"
local rfc3339 <const> = require "attest.rfc3339"
local xml <const> = require "attest.report.xml"

local junit <const> = {}

-- Lines of the transcript that are shown.
local TAIL <const> = 100
local TAIL_BYTES <const> = 65536

-- Suite properties and where the record has them.
local PROPERTIES <const> = {
  { "run_id", "run_id" },
  { "outcome", "outcome" },
  { "serial", "dut", "serial" },
  { "imei", "dut", "imei" },
  { "iccid", "dut", "iccid" },
  { "part_number", "dut", "part_number" },
  { "revision", "dut", "revision" },
  { "fw", "dut", "fw" },
  { "station", "station", "id" },
  { "fixture", "station", "fixture" },
  { "slot", "station", "slot" },
  { "port", "station", "port", "path" },
  { "operator", "operator" },
  { "batch", "batch" },
  { "purpose", "purpose" },
  { "plan", "plan", "name" },
  { "plan_version", "plan", "version" },
  { "plan_sha256", "plan", "sha256" },
  { "limits_sha256", "limits", "sha256" },
  { "tool_version", "tool", "version" },
}

-- Whose fault an error was, by its code; what is not here was a guard's.
local ERROR_TYPES <const> = {
  timeout = "timeout", aborted = "aborted", closed = "transport", io = "transport",
  busy = "transport", protocol = "transport", rejected = "transport", reset = "transport",
  not_found = "transport", script = "script", invalid = "script", internal = "script",
  unsupported = "script", cancelled = "script", watchdog = "script", unset = "script",
  no_evidence = "script", guard = "guard",
}

local OUTCOME_TYPES <const> = { TIMEOUT = "timeout", ABORTED = "aborted", ERROR = "script" }

local function field(source, ...)
  for _, key in ipairs { ... } do
    source = type(source) == "table" and source[key] or nil
  end
  return source
end

local function attribute_list(attributes)
  local parts <const> = {}
  for i = 1, #attributes, 2 do
    parts[#parts + 1] = (' %s="%s"'):format(attributes[i], xml.attribute(attributes[i + 1]))
  end
  return table.concat(parts)
end

local function seconds(duration_ms)
  return (("%.3f"):format((duration_ms or 0) / 1000):gsub(",", "."))
end

-- ---------------------------------------------------------------- verdicts

local function failing_measurement(phase)
  for _, outcome in ipairs { "FAIL", "UNSET" } do
    for _, measurement in ipairs(phase.measurements or {}) do
      if measurement.outcome == outcome then
        return measurement
      end
    end
  end
end

local function describe(measurement)
  local limits <const> = {}
  for _, side in ipairs { "lower", "upper", "expected" } do
    local limit <const> = measurement[side]
    if limit ~= nil and type(limit) ~= "table" then
      limits[#limits + 1] = ("%s %s"):format(side, limit)
    end
  end
  return ("%s %s%s (%s)"):format(measurement.name, measurement.value,
    measurement.unit and " " .. measurement.unit or "", table.concat(limits, ", "))
end

-- A FAIL's first failed limit, else the error that ended the attempt.
local function message_of(phase)
  local measurement <const> = failing_measurement(phase)
  if phase.outcome == "FAIL" and measurement then
    return measurement.message or describe(measurement)
  end
  return field(phase, "error", "message") or measurement and measurement.message
    or phase.outcome or "unfinished"
end

local function error_type(phase)
  local err <const> = phase.error
  if not err or err.code == nil then
    return OUTCOME_TYPES[phase.outcome] or "script"
  end
  return err.guard and "guard" or ERROR_TYPES[err.code] or "guard"
end

-- Element, type and message of an attempt; nil for PASS.
local function judge(phase)
  local outcome <const> = phase.outcome
  if outcome == "PASS" then
    return nil
  elseif outcome == "FAIL" then
    return "failure", "limit", message_of(phase)
  elseif outcome == "SKIPPED" then
    return "skipped", nil, field(phase, "error", "message") or "skipped"
  end
  return "error", error_type(phase), message_of(phase)
end

local function verdict(element, phase)
  local _, of_type <const>, message <const> = judge(phase)
  local attributes <const> = { "message", message }
  if of_type then
    table.insert(attributes, 1, "type")
    table.insert(attributes, 2, of_type)
  end
  local traceback <const> = field(phase, "error", "traceback")
  if not traceback then
    return ("      <%s%s/>\n"):format(element, attribute_list(attributes))
  end
  return ("      <%s%s>%s</%s>\n"):format(element, attribute_list(attributes),
    xml.text(traceback), element)
end

-- Attempts before the last one: reruns when all failed, flaky when it passed.
local function earlier_attempts(case)
  local parts <const> = {}
  local element <const> = case.last.outcome == "PASS" and "flakyFailure" or "rerunFailure"
  for i = 1, #case.attempts - 1 do
    local phase <const> = case.attempts[i]
    if phase.outcome ~= "PASS" and phase.outcome ~= "SKIPPED" then
      parts[#parts + 1] = verdict(element, phase)
    end
  end
  return table.concat(parts)
end

-- ------------------------------------------------------------------- cases

-- Attempts belong together when each follows the other with a higher number.
local function collect_cases(record)
  local cases <const> = {}
  for _, phase in ipairs(record.phases or {}) do
    local case <const> = cases[#cases]
    local last <const> = case and case.last
    if last and last.name == phase.name and last.group == phase.group
      and (phase.attempt or 1) > (last.attempt or 1) then
      case.attempts[#case.attempts + 1] = phase
      case.last = phase
    else
      cases[#cases + 1] = { name = phase.name, attempts = { phase }, last = phase }
    end
  end
  return cases
end

local function is_bad(case)
  return case.last.outcome ~= "PASS" and case.last.outcome ~= "SKIPPED"
end

-- A run can go wrong outside of its phases, or before the first.
local function add_run_case(record, cases)
  local is_told = record.outcome == "PASS"
  for _, case in ipairs(cases) do
    is_told = is_told or is_bad(case)
  end
  if is_told and #cases > 0 then
    return
  end
  local first <const> = record.first_failure or {}
  local details <const> = field(record, "outcome_details", 1) or {}
  local phase <const> = {
    name = "run", outcome = record.outcome or "ABORTED", duration_ms = 0,
    error = record.outcome ~= "PASS" and {
      code = first.code or details.code,
      message = first.message or details.message or record.outcome or "unfinished",
    } or nil,
  }
  cases[#cases + 1] = { name = "run", attempts = { phase }, last = phase }
end

local function set_unique_names(cases, class, taken)
  for _, case in ipairs(cases) do
    local name, number = case.name, 1
    while taken[class .. "\0" .. name] do
      number = number + 1
      name = ("%s#%d"):format(case.name, number)
    end
    taken[class .. "\0" .. name] = true
    case.name = name
  end
end

-- The case that carries the transcript: the first that went wrong, or the last.
local function find_witness(cases)
  for _, case in ipairs(cases) do
    if is_bad(case) then
      return case
    end
  end
  return cases[#cases]
end

-- -------------------------------------------------------------- system-out

-- Only the end: a soak test's transcript is long.
local function read_transcript(record)
  local path <const> = field(record, "transcript", "path")
  local handle <close> = path and io.open(path, "rb")
  if not handle then
    return nil
  end
  local size <const> = handle:seek("end") or 0
  handle:seek("set", math.max(0, size - TAIL_BYTES))
  local text <const> = handle:read("a") or ""
  return size > TAIL_BYTES and text:gsub("^[^\n]*\n", "", 1) or text
end

local function tail(text)
  local lines <const> = {}
  for line in text:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n", math.max(1, #lines - TAIL + 1))
end

-- An attachment must stand alone on its line.
local function add_attachment(lines, path)
  if type(path) == "string" and path ~= "" and not path:find("[%c%]]") then
    lines[#lines + 1] = ("[[ATTACHMENT|%s]]"):format(path)
  end
end

local function system_out(case, witness, record, transcript)
  local lines <const> = {}
  if case == witness then
    local text <const> = transcript(record)
    lines[1] = text and text ~= "" and tail(text) or nil
    add_attachment(lines, field(record, "transcript", "path"))
  end
  for _, phase in ipairs(case.attempts) do
    for _, attachment in ipairs(phase.attachments or {}) do
      add_attachment(lines, attachment.path)
    end
  end
  if #lines == 0 then
    return ""
  end
  return ("      <system-out>%s\n</system-out>\n"):format(xml.text(table.concat(lines, "\n")))
end

-- ------------------------------------------------------------------ output

local function properties(list, indent)
  local parts <const> = { indent .. "<properties>\n" }
  for _, pair in ipairs(list) do
    parts[#parts + 1] = ("%s  <property%s/>\n")
      :format(indent, attribute_list { "name", pair[1], "value", pair[2] })
  end
  parts[#parts + 1] = indent .. "</properties>\n"
  return #list > 0 and table.concat(parts) or ""
end

local function suite_properties(record)
  local list <const> = {}
  for _, property in ipairs(PROPERTIES) do
    local value <const> = field(record, table.unpack(property, 2))
    if value ~= nil then
      list[#list + 1] = { property[1], value }
    end
  end
  list[#list + 1] = record.marginal and { "marginal", "true" } or nil
  return properties(list, "    ")
end

local function encode_case(case, class, output)
  local duration = 0
  for _, phase in ipairs(case.attempts) do
    duration = duration + (phase.duration_ms or 0)
  end
  local element <const> = judge(case.last)
  return table.concat {
    ("    <testcase%s>\n"):format(attribute_list {
      "classname", class, "name", case.name, "time", seconds(duration),
    }),
    properties({ { "attempts", #case.attempts } }, "      "),
    element and verdict(element, case.last) or "",
    earlier_attempts(case),
    output,
    "    </testcase>\n",
  }
end

local function count_cases(cases)
  local counts <const> = { tests = #cases, failure = 0, error = 0, skipped = 0 }
  for _, case in ipairs(cases) do
    local element <const> = judge(case.last)
    if element then
      counts[element] = counts[element] + 1
    end
  end
  return counts
end

local function encode_suite(record, taken, transcript)
  local class <const> = ("%s.slot%s"):format(field(record, "plan", "name") or "plan",
    field(record, "station", "slot") or 1)
  local cases <const> = collect_cases(record)
  add_run_case(record, cases)
  set_unique_names(cases, class, taken)
  local counts <const> = count_cases(cases)
  local witness <const> = find_witness(cases)
  local start <const> = type(record.start) == "string" and rfc3339.parse(record.start)
  local parts <const> = {
    ("  <testsuite%s>\n"):format(attribute_list {
      "name", class, "tests", counts.tests, "failures", counts.failure, "errors", counts.error,
      "skipped", counts.skipped, "time", seconds(record.duration_ms),
      "timestamp", start and rfc3339.format(start, 0) or "1970-01-01T00:00:00Z",
      "hostname", field(record, "station", "id") or field(record, "station", "host") or "",
    }),
    suite_properties(record),
  }
  for _, case in ipairs(cases) do
    parts[#parts + 1] = encode_case(case, class, system_out(case, witness, record, transcript))
  end
  parts[#parts + 1] = "  </testsuite>\n"
  return table.concat(parts), counts
end

--- Encodes records.
-- @tparam table records list of attest/record/1
-- @tparam[opt] function transcript transcript(record) -> text | nil; reads the
-- file that the record names by default
-- @treturn string XML
function junit.encode(records, transcript)
  local suites <const>, taken <const> = {}, {}
  local total <const> = { tests = 0, failure = 0, error = 0, skipped = 0 }
  local duration = 0
  for i, record in ipairs(records) do
    local counts
    suites[i], counts = encode_suite(record, taken, transcript or read_transcript)
    for key, count in pairs(counts) do
      total[key] = total[key] + count
    end
    duration = duration + (record.duration_ms or 0)
  end
  return table.concat {
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    ("<testsuites%s>\n"):format(attribute_list {
      "name", "attest", "tests", total.tests, "failures", total.failure, "errors", total.error,
      "skipped", total.skipped, "time", seconds(duration),
    }),
    table.concat(suites),
    "</testsuites>\n",
  }
end

--- Writes records to a file, atomically. Its name should end in ".xml":
-- GitLab reads no other.
-- @tparam string path
-- @tparam table records
-- @tparam[opt] function call runs luv's file functions, see attest.report.file
-- @treturn[1] string path
-- @treturn[2] nil
-- @treturn[2] attest.error `not_found`, `io`
function junit.write(path, records, call)
  return file.write(path, junit.encode(records), call)
end

return junit
