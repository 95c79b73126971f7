-- SPDX-License-Identifier: MIT
--
-- The event stream: one JSON object per line. Members are only ever added.
--
-- Invariant: run_finished is the last event of its run.

local json <const> = require "attest.json"
local rfc3339 <const> = require "attest.rfc3339"

local jsonl <const> = {}

local TYPES <const> = {
  run_started = true, phase_started = true, phase_finished = true, measurement = true, log = true,
  io = true, prompt = true, prompt_answered = true, guard_hit = true, run_finished = true,
  state_snapshot = true,
}

local OPTIONS <const> = {
  order = { "v", "seq", "ts", "type", "run_id", "slot" },
  lists = { phases = true, measurements = true, attachments = true, slots = true },
}

--- Encodes one event.
-- @tparam table event
-- @treturn string a line, with its line end
function jsonl.encode(event)
  return json.encode(event, OPTIONS) .. "\n"
end

local methods <const> = {}
local mt <const> = { __name = "attest.jsonl", __index = methods }

--- Writes an event; `v`, `seq` and `ts` are added.
-- @tparam table event `type`, and `run_id` and `slot` where they apply
function methods:emit(event)
  if not TYPES[event.type] then
    error(("%q is no type of event"):format(tostring(event.type)), 2)
  elseif event.run_id and self.finished[event.run_id] then
    error(("an event (%s) after run_finished"):format(event.type), 2)
  end
  self.seq = self.seq + 1
  local line <const> = {
    v = 1, seq = self.seq, ts = rfc3339.format(self.now()),
  }
  for key, value in pairs(event) do
    line[key] = value
  end
  self.write(jsonl.encode(line))
  if event.type == "run_finished" and event.run_id then
    self.finished[event.run_id] = true
  end
end

--- Makes a stream.
-- @tparam function write takes a line
-- @tparam[opt=os.time] function now returns seconds since 1970
-- @treturn attest.jsonl
function jsonl.new(write, now)
  return setmetatable({ write = write, now = now or os.time, seq = 0, finished = {} }, mt)
end

return jsonl
