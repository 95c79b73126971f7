-- SPDX-License-Identifier: MIT
--
-- Options that several verbs share, and what they become: the settings of a
-- simulated module.

local address <const> = require "attest.address"
local errors <const> = require "attest.error"
local folders <const> = require "attest.catalogue.folders"
local redirect <const> = require "attest.sim.redirect"

local options = {}

-- argparse shows a message, not an object.
local function message_of(value, err)
  if value == nil then
    return nil, tostring(err)
  end
  return value
end

--- Prints a line of data; raises when stdout takes no more.
-- @tparam string line
function options.print(line)
  local ok <const>, why <const> = io.stdout:write(line, "\n")
  if not ok then
    errors.raise { code = "io", message = "stdout: " .. why }
  end
end

--- Converter of argparse for a rate.
-- @tparam string text
-- @treturn[1] integer
-- @treturn[2] nil
-- @treturn[2] string what is wrong
function options.rate(text)
  local number <const> = text:match("^%d+$") and math.tointeger(tonumber(text))
  if not number or number == 0 or number > 0x7FFFFFFF then
    return nil, ("--baud %q: expected bits per second, such as 115200"):format(text)
  end
  return number
end

--- Hands on what was printed; raises when stdout takes no more.
function options.flush()
  local ok <const>, why <const> = io.stdout:flush()
  if not ok then
    errors.raise { code = "io", message = "stdout: " .. why }
  end
end

local function map(text)
  return message_of(redirect.parse(text))
end

local function setting(text)
  local key <const>, value <const> = address.setting(text)
  if not key then
    return nil, tostring(value)
  end
  return { key = key, value = value }
end

local function seed(text)
  local value <const>, err <const> = address.seed(text)
  return value, value == nil and "--" .. tostring(err) or nil
end

local function fault(text)
  if text == "" then
    return nil, "--fault \"\": expected a fault, such as silent"
  end
  return text
end

--- Makes a converter that refuses an empty path.
-- @tparam string option its name
-- @treturn function
function options.path(option)
  return function(text)
    if text == "" then
      return nil, ("%s \"\": expected a path"):format(option)
    end
    return text
  end
end

--- Adds a repeatable `KEY=VALUE` option.
-- @tparam table parser of argparse
-- @tparam string names such as "-D --define"
-- @tparam string text what it is for
-- @treturn table the option
function options.pairs(parser, names, text)
  return parser:option(names, text):argname "KEY=VALUE":count "*":convert(setting):default {}
end

--- Turns the values of such an option into a table by key; the last one wins.
-- @tparam table list of `{ key=, value= }`
-- @treturn table
function options.to_table(list)
  local result <const> = {}
  for _, pair in ipairs(list) do
    result[pair.key] = pair.value
  end
  return result
end

local function folder(text)
  return message_of(folders.check(text))
end

--- Adds the folders of modules of one's own.
-- @tparam table parser of argparse
function options.catalogue(parser)
  parser:option("--catalogue", "Folder with modules of your own."):argname "DIR":count "*"
    :convert(folder):default {}
end

--- Adds what configures a simulated module, except its state file.
-- @tparam table parser of argparse
function options.sim_common(parser)
  parser:option("--map", "Redirect what the module is told to reach."):argname "HOST=ADDR[:PORT]"
    :count "*":convert(map):default {}
  options.pairs(parser, "--set", "Change a simulated module ('attest sim --help' lists how).")
  parser:option("--fault", "Break something ('attest sim --list-faults' lists what).")
    :argname "SPEC":count "*":convert(fault):default {}
  parser:option("--seed", "Start of the faults' random numbers."):argname "N":convert(seed)
end

--- Adds what `attest sim` takes.
-- @tparam table parser of argparse
function options.sim(parser)
  options.sim_common(parser)
  options.catalogue(parser)
  parser:option("--state", "File that keeps the flash."):argname "FILE"
  parser:option("--dialect", "Spelling of answers."):choices { "example", "table", "field" }
end

--- Collects a simulated module's settings from the command line.
-- @tparam table parsed options of the command line
-- @treturn table what attest.sim.new() takes
function options.sim_settings(parsed)
  return {
    module = parsed.module,
    map = parsed.map,
    set = options.to_table(parsed.set),
    fault = #parsed.fault > 0 and parsed.fault or nil,
    seed = parsed.seed,
    state = parsed.state,
    dialect = parsed.dialect,
    catalogue = folders.list(parsed.catalogue),
  }
end

return options
