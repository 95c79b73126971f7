-- SPDX-License-Identifier: MIT
--
-- The mutants of tests/endurance/mutants: what could be wrong and must be seen.
-- Each changes one text of one file, which must stand there exactly once, and
-- was chosen before anyone looked at which test covers it.
--
--     attest lua tests/endurance/mutants.lua list          name, file and specs, a line each
--     attest lua tests/endurance/mutants.lua apply NAME    changes the file below this tree
--
-- Columns: name, file, what it breaks, old text, new text, specs that are the
-- first to ask. The controls come first: one that survives means that the tree
-- under test is not what runs.

local root <const> = arg[0]:match("^(.*)/tests/[^/]*/[^/]*$") or "."
local CATALOGUE <const> = "lua/attest/catalogue/"

local list <const> = {
  { "control-lua", "lua/attest/codec/final.lua", "no command ever ends",
    "return final", "return function() end", "dialog codec" },
  { "control-c", "core/framer.c", "an echo is told as noise",
    "emit(f, FRAME_ECHO, NULL, 0);", "emit(f, FRAME_NOISE, NULL, 0);", "dialog core" },

  -- ------------------------------------------------------------- catalogue
  { "ct12-stop-bits", CATALOGUE .. "ct12/basic.lua", "1 is taken for two stop bits",
    "{ [0] = 1, [1] = 1, [2] = 2 }", "{ [0] = 1, [1] = 2, [2] = 2 }", "ct12 rate facts" },
  { "ct12-parity", CATALOGUE .. "ct12/basic.lua", "odd and even change places",
    '[1] = "odd", [2] = "even"', '[1] = "even", [2] = "odd"', "ct12 rate facts" },
  { "ct12-restore-line", CATALOGUE .. "ct12/basic.lua", "a restored rate is not followed",
    "writes_flash = true, line = true }", "writes_flash = true }", "ct12 rate" },
  { "ct12-dbm", CATALOGUE .. "ct12/network.lua", "the signal seems 2 dB stronger",
    "linear = { 2, -113 }", "linear = { 2, -111 }", "ct12 codec_answer facts" },
  { "ct12-pings", CATALOGUE .. "ct12/network.lua", "five pings instead of four by default",
    "optional = true, default = 4 }", "optional = true, default = 5 }", "ct12 facts" },
  { "ct12-ping-unit", CATALOGUE .. "ct12/network.lua", "milliseconds are told as seconds",
    'unit = "ms"', 'unit = "s"', "ct12 facts doc" },
  { "ct12-send-limit", CATALOGUE .. "ct12/socket.lua",
    "a payload above the manual's limit goes out",
    "bytes(1, 1024)", "bytes(1, 1460)", "ct12 facts modem" },
  { "ct12-close-word", CATALOGUE .. "ct12/socket.lua", "DISCONNECT is waited for too briefly",
    'UDP_CLOSE = "ok", later = 2', 'UDP_CLOSE = "ok", later = 0.2', "ct12 facts modem" },
  { "ct12-client-text", CATALOGUE .. "ct12/simple.lua",
    "the client's data may take a byte too much",
    "max_text = 60", "max_text = 61", "ct12 facts sim_ct12_simple" },
  { "ct12-simple-modes", CATALOGUE .. "ct12/simple.lua", "mode 2 with stata 2 is refused",
    "stata = { 1, 2 }", "stata = { 1 }", "ct12 facts sim_ct12_simple" },
  { "ct12-sleep-words", CATALOGUE .. "ct12/power.lua", "the query says sleep where DTR is meant",
    '{ prefix = "+CSCLK:", fields = { { "n", dtr,',
    '{ prefix = "+CSCLK:", fields = { { "n", sleep,',
    "ct12 facts doc" },
  { "ct12-keepalive", CATALOGUE .. "ct12/mqtt.lua", "a keep-alive above an hour is refused",
    "int(0, 7200)", "int(0, 3600)", "ct12 facts" },
  { "ct12-mqtt-state", CATALOGUE .. "ct12/mqtt.lua", "connecting counts as connected",
    'from = "statu", among = { 1 }', 'from = "statu", among = { 1, 2 }',
    "codec_mqtt_answer facts" },
  { "ct12-guard", CATALOGUE .. "ct12/module.lua", "half the silence around +++",
    "guard = 1,", "guard = 0.5,", "ct12 passthrough_escape" },
  { "ml302-error", CATALOGUE .. "ml302/module.lua", "604 has no meaning, 624 has it",
    '[604] = both("connecting', '[624] = both("connecting', "ml302 facts_ml302" },
  { "ml302-timeout-type", CATALOGUE .. "ml302/module.lua", "a lost ping is an unknown type",
    '[5] = both("ping"', '[7] = both("ping"', "ml302 facts_ml302" },
  { "ml302-config-arity", CATALOGUE .. "ml302/mqtt.lua", "eight arguments go out",
    "arity = { 7, 9 }", "arity = { 7, 8, 9 }", "ml302 facts_ml302 codec_mqtt" },
  { "ml302-open-fail", CATALOGUE .. "ml302/mqtt.lua", "a connection that failed is a success",
    '["+MQTTOPEN:FAIL"] = "connect_failed"', '["+MQTTOPEN:FAIL"] = "ok"', "ml302 mqtt" },
  { "tgpp-imsi", CATALOGUE .. "tgpp/basic.lua", "an IMSI of 14 digits is no IMSI",
    "min = 14, max = 15", "min = 15, max = 15", "ml302 codec_mqtt_answer doc" },
  { "tgpp-no-signal", CATALOGUE .. "tgpp/basic.lua", "no signal is 85 dBm, the best one none",
    "except = 99", "except = 31", "ml302 codec_mqtt_answer" },

  -- ---------------------------------------------------------------- engine
  { "owed-echo", "lua/attest/dialog/owed.lua",
    "what a rebooted module owes is not known by its echo",
    'd.echo == "on" or command.is_reset and d.has_echoed', 'd.echo == "on"',
    "dialog hard_cases" },
  { "reboot-short-way", "lua/attest/dialog/judge.lua", "a reboot leaves the short way open",
    'd.echo, d.is_plain = "assumed", false', 'd.echo = "assumed"', "dialog hard_cases" },
  { "second-ok", "lua/attest/dialog/steps.lua", "a second OK is waited for after the first",
    'elseif not (command.had_ok and step.kind == "OK") then', "else", "dialog mqtt" },
  { "quoted-commas", "lua/attest/codec/row.lua", "columns too many are taken for commas in quotes",
    "if not at or surplus <= 0 or columns.quoted[at] then", "if not at or surplus <= 0 then",
    "codec_parse codec_mqtt_answer" },
  { "urc-queue", "lua/attest/urc.lua", "the queue holds one more than it may",
    "self.last - self.first + 1 >= LIMIT", "self.last - self.first + 1 > LIMIT",
    "modem hard_cases" },
  { "longest-line", "core/framer.c", "a line in pieces may be a byte longer than one in a piece",
    "if (f->length >= f->max_line) {", "if (f->length > f->max_line) {", "core" },
  { "escape-pause", "core/escape.c", "a pause that the module may take for its silence is none",
    "if (gap >= e->before / 2)", "if (gap >= e->before)", "passthrough_escape passthrough_write" },
  { "early-end", "core/lport_exchange.c", "an unanswered command ends as the one before",
    "x->is_done = x->had_before = x->had_prompt = false;",
    "x->had_before = x->had_prompt = false;", "dialog modem" },
  { "flash-restore", "lua/attest/sim/flash.lua", "restored values do not reach the file",
    "  self.values = values\n  must(self:flush())\n", "  self.values = values\n", "sim sim_ct12" },
  { "empty-chunk", "lua/attest/modem/chunks.lua", "a piece that was taken is read again, empty",
    "if offset + count < #piece then", "if offset + count <= #piece then", "passthrough" },

  -- ------------------------------------------------------------------ plan
  { "limit-included", "lua/attest/limits.lua", "a value at its lower limit fails",
    "value < check.lower", "value <= check.lower", "measure" },
  { "first-reason", "lua/attest/measure.lua", "a later limit that holds hides one that did not",
    "if state.value ~= nil and not state.reason then", "if state.value ~= nil then", "measure" },
  { "phase-goes-on", "lua/attest/plan.lua", "stop = false of a phase is not heard",
    "if phase.stop ~= nil then", "if phase.stop then", "plan runner" },
  { "nested-secrets", "lua/attest/runner/record.lua",
    "a secret that is part of another shows its rest",
    "return #a > #b", "return #a < #b", "record runner_record" },
  { "evidence", "lua/attest/runner/attempt.lua", "evidence begins where the phase did",
    "    self.mark = now\n", "", "runner_record runner" },

  -- ----------------------------------------------------------------- store
  { "recovered-wrongly", "lua/attest/store/row.lua", "a runner cannot replace its recovered run",
    '" WHERE runs.outcome IS NULL OR runs.recovered = 1"', '" WHERE runs.outcome IS NULL"',
    "store" },
  { "runs-before", "lua/attest/store.lua", "before = T lists what began at T",
    '"start_s < ?"', '"start_s <= ?"', "store" },
  { "transcript-tail", "lua/attest/report/junit.lua", "a report shows a line too many",
    "#lines - TAIL + 1", "#lines - TAIL", "report" },
  { "kept-statement", "core/sqlite_batch.c", "a statement that begins another one is taken for it",
    "strlen(text) == length && memcmp(text, sql, length) == 0",
    "memcmp(text, sql, strlen(text)) == 0", "store core" },
  { "pid-again", "lua/attest/store/process.lua", "a pid given to another process keeps a run alive",
    "start == owner.pid_start and state", "state", "store" },
}

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function find(name)
  for _, mutant in ipairs(list) do
    if mutant[1] == name then
      return table.unpack(mutant, 2)
    end
  end
  error(("there is no mutant %q"):format(name), 0)
end

local function apply(name)
  local path <const>, _, old <const>, new <const> = find(name)
  local text <const> = read(root .. "/" .. path)
  local from <const>, to <const> = text:find(old, 1, true)
  if not from then
    error(("%s: %s no longer holds %q"):format(name, path, old), 0)
  elseif text:find(old, from + 1, true) then
    error(("%s: %s holds %q more than once"):format(name, path, old), 0)
  end
  local file <close> = assert(io.open(root .. "/" .. path, "wb"))
  assert(file:write(text:sub(1, from - 1), new, text:sub(to + 1)))
end

local verbs <const> = {}

-- The specs as files, one of tests/spec for each name.
function verbs.list()
  for _, mutant in ipairs(list) do
    local specs <const> = mutant[6]:gsub("%S+", "tests/spec/%0_spec.lua")
    print(table.concat({ mutant[1], mutant[2], specs }, "\t"))
  end
end

function verbs.apply(name)
  local ok <const>, why <const> = pcall(apply, name)
  if not ok then
    io.stderr:write(why, "\n")
    os.exit(1, true)
  end
end

local verb <const> = verbs[arg[1]]
if not verb or verb == verbs.apply and not arg[2] then
  io.stderr:write("usage: attest lua tests/endurance/mutants.lua list | apply NAME\n")
  os.exit(2, true)
end
verb(arg[2])
