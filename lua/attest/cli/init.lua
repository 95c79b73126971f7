-- SPDX-License-Identifier: MIT
--
-- The command line: finds the verb, reads its options, runs it.
--
-- main() returns the exit status and ends the process itself nowhere. Data goes
-- to stdout, everything said to a person to stderr. A bad input is one line
-- naming the thing, its value and what was expected, and status 2.

local argparse <const> = require "argparse"
local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local text <const> = require "attest.text"

local cli = {}

-- In the order of the help.
local VERBS <const> = { "run", "send", "sim", "record", "replay", "ports", "doc", "lua" }

local USAGE <const> = 2
local INTERNAL <const> = 70

-- What went wrong in the user's world; anything else is a bug of ours.
local IS_USAGE <const> = {
  invalid = true, not_found = true, busy = true, io = true, unsupported = true, script = true,
}

local TEXT <const> = {
  en = {
    usage = "Usage: attest [--lang en|zh] VERB [OPTION...] [ARGUMENT...]",
    purpose = "Scriptable test automation for AT-command modules.",
    verbs = "Verbs:",
    more = "'attest VERB --help' tells about one.",
  },
  zh = {
    usage = "用法: attest [--lang en|zh] 动词 [选项...] [参数...]",
    purpose = "AT 指令模块的可编程自动化测试工具。",
    verbs = "动词:",
    more = "'attest 动词 --help' 显示详细说明。",
  },
}

local function is_verb(name)
  for _, verb in ipairs(VERBS) do
    if verb == name then
      return true
    end
  end
  return false
end

local function load_verb(name)
  return require("attest.cli." .. name)
end

local function help(lang)
  local words <const> = TEXT[lang]
  local lines <const> = { words.usage, "", words.purpose, "", words.verbs }
  for _, name in ipairs(VERBS) do
    lines[#lines + 1] = ("  %-8s%s"):format(name, load_verb(name).summary[lang])
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = words.more
  return table.concat(lines, "\n")
end

-- One line, whatever the parts hold.
local function complain(who, message)
  local line <const> = tostring(message):gsub("%s*\n%s*", " ")
  io.stderr:write(who, ": ", text.printable(line), "\n")
  return USAGE
end

-- Leaves argparse from inside its help action.
local HELP <const> = {}

local function new_parser(name, verb, lang)
  local parser <const> = argparse("attest " .. name, verb.summary[lang])
  parser:add_help(false)
  parser:flag("-h --help", "Show this help and exit."):action(function()
    error(HELP, 0)
  end)
  parser:option("--lang", "Language of texts."):choices { "en", "zh" }:default(lang)
    :show_default(false)
  verb.parser(parser)
  return parser
end

-- "--repeat -1" is a bad value of --repeat, not an option "-1". What follows
-- "--" is somebody else's.
local function join_negative(argv)
  local words <const>, is_ours = {}, true
  for _, word in ipairs(argv) do
    local before <const> = words[#words] or ""
    is_ours = is_ours and word ~= "--"
    if is_ours and word:find("^%-%d") and before:find("^%-%-%a[%w-]*$") then
      words[#words] = before .. "=" .. word
    else
      words[#words + 1] = word
    end
  end
  return words
end

local function parse(parser, argv)
  local failure
  local ok <const>, options <const> = pcall(function()
    return parser:_parse(join_negative(argv), function(_, message)
      failure = message
      error(failure, 0)
    end)
  end)
  if ok then
    return options
  elseif options == HELP then
    return nil, HELP
  elseif failure then
    return nil, failure
  end
  error(options, 0)
end

local function run_verb(name, argv, lang)
  local verb <const> = load_verb(name)
  collectgarbage("restart") -- stopped by the runner, see core/main.c
  if not verb.parser then
    return verb.run(argv)
  end
  local parser <const> = new_parser(name, verb, lang)
  local options <const>, failure <const> = parse(parser, argv)
  if failure == HELP then
    print(parser:get_help())
    return 0
  elseif not options then
    return complain("attest " .. name, failure)
  end
  return verb.run(options)
end

-- Takes --lang and its value off the front; returns what follows.
local function take_lang(argv)
  local lang = "en"
  local first = 1
  while argv[first] do
    local inline <const> = argv[first]:match("^%-%-lang=(.*)$")
    if not inline and argv[first] ~= "--lang" then
      break
    end
    lang = inline or argv[first + 1] or ""
    first = first + (inline and 1 or 2)
  end
  return lang, table.move(argv, first, #argv, 1, {})
end

local function dispatch(argv)
  local lang <const>, words <const> = take_lang(argv)
  if not TEXT[lang] then
    return complain("attest", ("--lang %q: expected en or zh"):format(lang))
  end
  local name <const> = table.remove(words, 1)
  if name == nil then
    return complain("attest", "no verb given, expected one of " .. table.concat(VERBS, ", "))
  elseif name == "--help" or name == "-h" then
    print(help(lang))
    return 0
  elseif name == "--version" then
    print("attest " .. core.version)
    return 0
  elseif name:sub(1, 1) == "-" then
    return complain("attest", ("unknown option %q"):format(name))
  elseif not is_verb(name) then
    return complain("attest",
      ("unknown verb %q, expected one of %s"):format(name, table.concat(VERBS, ", ")))
  end
  local status <const>, err <const> = run_verb(name, words, lang)
  if err then
    return complain("attest " .. name, err)
  end
  return status
end

-- Runs on the error's own stack, so that a bug shows where it happened.
local function explain(err)
  if errors.is(err) and IS_USAGE[err.code] then
    return { usage = tostring(err) }
  end
  return { traceback = debug.traceback(tostring(err), 2) }
end

-- Data that nobody got is no success; a run's verdict stands all the same.
local function flush(status, verb)
  local ok <const>, why <const> = io.stdout:flush()
  if not ok and status == 0 and verb ~= "run" and verb ~= "lua" then
    return complain("attest", "stdout: " .. why)
  end
  return status
end

--- Runs a command line on the main thread.
-- @tparam {string,...} argv words after the program's name
-- @treturn integer exit status
function cli.main(argv)
  local ok <const>, result <const> = xpcall(dispatch, explain, argv)
  if ok then
    return flush(result, argv[1])
  end
  io.stdout:flush()
  if result.usage then
    return complain("attest", result.usage)
  end
  io.stderr:write("attest: internal error, please report: ",
    text.printable_lines(result.traceback), "\n")
  return INTERNAL
end

return cli
