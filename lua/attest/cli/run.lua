-- SPDX-License-Identifier: MIT
--
-- `attest run SCRIPT...`: runs plans on slots.
--
-- Only turns options into what attest.runner takes. Each --port is a slot, in
-- the order given; after them come the modules that --sim simulates in this
-- process. --map, --set, --fault and --seed go to those.

local address <const> = require "attest.address"
local runner <const> = require "attest.runner"
local shared <const> = require "attest.cli.options"

local run <const> = {}

run.summary = {
  en = "run test plans on one or more slots",
  zh = "在一个或多个穴位上运行测试方案",
}

local MOST_SLOTS <const>, MOST_ROUNDS <const> = 1000, 1000000

-- Converters of argparse; each names its option.
local function count(option, most)
  return function(text)
    local number <const> = text:match("^%d+$") and math.tointeger(tonumber(text))
    if not number or number == 0 or number > most then
      return nil, ("%s %q: expected a whole number from 1 to %d"):format(option, text, most)
    end
    return number
  end
end

local function module_name(text)
  if not text:find("^[%w_]+$") then
    return nil, ("--sim %q: expected a module's name alone, such as ct12; --set, --map and "
      .. "--fault configure it"):format(text)
  end
  return text
end

local function add_slots(parser)
  parser:option("--port", "Port of a slot: a path, sim:MODULE or replay:FILE."):argname "P"
    :count "*":default {}
  parser:option("--sim", "Simulate a module of this type in each slot."):argname "MODULE"
    :convert(module_name):overwrite(false)
  parser:option("--slots", "How many modules --sim simulates."):argname "N"
    :convert(count("--slots", MOST_SLOTS))
  parser:option("--module", "Module type, instead of the one that the plans name.")
  shared.catalogue(parser)
  shared.sim_common(parser)
  parser:flag("--allow-missing", "A port that cannot be opened is that slot's ERROR.")
end

local function add_outputs(parser)
  parser:option("--db", "Store of the records."):argname "FILE":default "attest.db"
    :convert(shared.path "--db")
  parser:option("--junit", "Write a JUnit report."):argname "FILE":convert(shared.path "--junit")
  parser:option("--json", "Write each record as JSON."):argname "DIR":convert(shared.path "--json")
  parser:option("--transcript", "Write each run's transcript."):argname "DIR"
    :convert(shared.path "--transcript")
  parser:flag("--jsonl", "Events as JSON lines on stdout, progress on stderr.")
end

function run.parser(parser)
  parser:argument("script", "Scripts that return a plan."):args "+"
  add_slots(parser)
  shared.pairs(parser, "-D --define", "Give a plan's parameter a value.")
  parser:option("--operator", "Who tests."):argname "NAME"
  parser:option("--batch", "Which lot is tested."):argname "ID"
  parser:option("--purpose", "Why."):choices {
    "production", "rework", "golden", "known_bad", "debug",
  }
  parser:option("--repeat", "How often each slot runs the plans."):argname "N"
    :convert(count("--repeat", MOST_ROUNDS))
  parser:flag("--loop", "Run until interrupted.")
  add_outputs(parser)
end

local function is_any_sim_option(options)
  return #options.map > 0 or #options.set > 0 or #options.fault > 0 or options.seed ~= nil
    or options.slots ~= nil
end

-- The ports of all slots. Simulated modules differ in their seed, so that their
-- faults do not march in step.
local function ports_of(options)
  local ports <const> = table.move(options.port, 1, #options.port, 1, {})
  for _, port in ipairs(ports) do
    local ok <const>, err <const> = address.parse(port)
    if not ok then
      return nil, err
    end
  end
  if not options.sim then
    if is_any_sim_option(options) then
      return nil, "--map, --set, --fault, --seed and --slots need --sim MODULE"
    end
    return ports
  end
  for i = 1, options.slots or 1 do
    ports[#ports + 1] = address.format {
      kind = "sim", module = options.sim, map = options.map, fault = options.fault,
      set = shared.to_table(options.set), seed = options.seed and options.seed + i - 1,
    }
  end
  return ports
end

--- Runs the plans.
-- @tparam table options of the command line
-- @treturn[1] integer exit status
-- @treturn[2] nil
-- @treturn[2] string or error object: what is wrong with the options
function run.run(options)
  local ports <const>, err <const> = ports_of(options)
  if not ports then
    return nil, err
  end
  return runner.run {
    scripts = options.script, ports = ports, params = shared.to_table(options.define),
    db = options.db, junit = options.junit, json = options.json,
    transcript = options.transcript, operator = options.operator, batch = options.batch,
    purpose = options.purpose, ["repeat"] = options["repeat"], loop = options.loop,
    module = options.module, catalogue = options.catalogue,
    allow_missing = options.allow_missing, jsonl = options.jsonl, lang = options.lang,
  }
end

return run
