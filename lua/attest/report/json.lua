-- SPDX-License-Identifier: MIT
--
-- A record as a JSON file: one per run, written once, in a fixed order of
-- keys, so that two records can be compared by eye and by diff.

local encoder <const> = require "attest.json"
local file <const> = require "attest.report.file"
local uv <const> = require "luv"

local json <const> = {}

-- Attributes of a record in the order in which one reads them; the rest
-- follows by name.
local ORDER <const> = {
  "schema", "run_id", "id", "name", "version", "code", "group", "phase", "attempt", "measurement",
  "outcome", "outcome_details", "marginal", "first_failure", "message", "value", "type", "unit",
  "lower", "upper", "comparator", "nominal", "expected", "marginal_lower", "marginal_upper",
  "dut", "serial", "part_number", "revision", "imei", "iccid", "mac", "fw", "station", "host",
  "location", "fixture", "slot", "port", "path", "topology", "usb_serial", "operator", "batch",
  "process", "purpose", "plan", "limits", "tool", "config", "params", "t_ms", "level", "text",
  "start", "end", "duration_ms", "set_ms", "evidence", "error", "measurements", "attachments",
  "phases", "log", "transcript", "upload",
}

local OPTIONS <const> = {
  indent = "  ",
  order = ORDER,
  lists = {
    outcome_details = true, sub_units = true, phases = true, measurements = true,
    attachments = true, log = true,
  },
}

--- Encodes a record.
-- @tparam table record attest/record/1
-- @treturn string JSON text that ends with a line end
function json.encode(record)
  return encoder.encode(record, OPTIONS) .. "\n"
end

--- Writes a record to FOLDER/RUN_ID.json; the folder is made when only it is
-- missing. Does not wait, but the disk may: see `call`.
-- @tparam string folder
-- @tparam table record
-- @tparam[opt] function call runs luv's file functions, see attest.report.file
-- @treturn[1] string path
-- @treturn[2] nil
-- @treturn[2] attest.error `not_found`, `io`
function json.write(folder, record, call)
  if type(record.run_id) ~= "string" or record.run_id:find("[/%c]") then
    error("a record needs a run_id", 2)
  end
  if call then
    call(uv.fs_mkdir, folder, 493) -- rwxr-xr-x
  else
    uv.fs_mkdir(folder, 493)
  end
  return file.write(("%s/%s.json"):format(folder, record.run_id), json.encode(record), call)
end

return json
