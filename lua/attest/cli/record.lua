-- SPDX-License-Identifier: MIT
--
-- `attest record --port P [-- PROGRAM ARG...]`: stands between any program and
-- a port and writes their transcript as it happens.
--
-- Without PROGRAM it prints `ready PATH` and serves until a signal ends it,
-- status 0. With one it ends when the program ends, with its status.

local address <const> = require "attest.address"
local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local ports <const> = require "attest.port"
local recorder <const> = require "attest.record"
local serve <const> = require "attest.cli.serve"
local shared <const> = require "attest.cli.options"
local text <const> = require "attest.text"
local uv <const> = require "luv"

local record = {}

record.summary = {
  en = "write the transcript of what a program and a port say",
  zh = "记录任意程序与串口之间的通信",
}

local BAUD <const> = 115200
local NOT_STORED <const> = 5
local PATIENCE <const>, DISK_PATIENCE <const> = 1, 10 -- seconds, for the last bytes
local SIGNALS <const> = 128
local LONGEST_HEAD <const> = 64 * 1024 -- a transcript's first line tells only the port

local function not_empty(option)
  return function(value)
    if value == "" then
      return nil, ("%s \"\": expected some text"):format(option)
    end
    return value
  end
end

function record.parser(parser)
  parser:usage "Usage: attest record --port P [OPTION...] [-- PROGRAM ARG...]"
  parser:argument("program", "Program to run with the port: {} in its arguments, and the variable "
    .. "ATTEST_PORT, are the path to open."):args "*"
  parser:option("--port", "Path of the port, or sim:MODULE."):argname "P":count "1"
  parser:option("--baud", "Bits per second, until the program sets its own."):convert(shared.rate)
    :default(tostring(BAUD))
  parser:option("--out", "File to write, or to continue."):argname "FILE":default "attest.trace"
    :convert(shared.path "--out")
  parser:option("--slot", "Name of the slot, for the transcript."):argname "NAME"
    :convert(not_empty "--slot")
  parser:option("--mask", "Secret that the transcript must not show."):argname "TEXT":count "*"
    :default {}:convert(not_empty "--mask")
  serve.options(parser)
end

local function say(message)
  io.stderr:write("attest record: ", text.printable(message), "\n")
end

-- Whether a file is a transcript, or empty: what is added would spoil another.
local function can_continue(path)
  local there <const> = uv.fs_stat(path)
  local file <close> = there and there.type == "file" and io.open(path, "rb") or nil
  local first <const> = file and file:read(LONGEST_HEAD)
  return not first or core.trace_line(first:match("^[^\n]*")) ~= nil
end

local function open_trace(options)
  if not can_continue(options.out) then
    return nil, errors.new {
      code = "invalid",
      message = options.out .. ": it holds something else, expected a new file or a transcript",
    }
  end
  local trace <const>, message <const>, name <const> = core.trace {
    path = options.out, slot = options.slot, port = options.port,
  }
  if not trace then
    return nil, errors.from_core(message, name)
  end
  for _, secret in ipairs(options.mask) do
    trace:mask(secret)
  end
  return trace
end

local function environment(path)
  local list <const> = { "ATTEST_PORT=" .. path }
  for name, value in pairs(uv.os_environ()) do
    if name ~= "ATTEST_PORT" then
      list[#list + 1] = name .. "=" .. value
    end
  end
  return list
end

-- Starts the program; `ended(status)` is called once.
local function start_program(words, path, ended)
  local arguments <const> = {}
  for i = 2, #words do
    arguments[i - 1] = words[i]:gsub("{}", (path:gsub("%%", "%%%%")))
  end
  local child, why
  child, why = uv.spawn(words[1], {
    args = arguments, env = environment(path), stdio = { 0, 1, 2 },
  }, function(code, signal)
    child:close()
    ended(signal ~= 0 and SIGNALS + signal or code)
  end)
  if not child then
    return nil, errors.new { code = "invalid", message = ("%s: %s"):format(words[1], why) }
  end
  return child
end

-- A terminal tells its Ctrl-C to the program, too.
local function pass_on(child, signal)
  if not child:is_closing() and (signal ~= "sigint" or not core.is_terminal(0)) then
    child:kill(signal)
  end
end

-- Serves until the program or a signal ends it; returns the exit status.
local function wait_for_end(options, place)
  local task <const> = core.current()
  local status, child, err
  local function ended(with)
    status = status or with
    core.wake(task)
  end
  local stop_signals <const> = serve.on_signals(function(signal)
    if child then
      pass_on(child, signal)
    else
      ended(0)
    end
  end)
  if #options.program > 0 then
    child, err = start_program(options.program, place.name, ended)
  else
    place:announce()
  end
  while not status and not err do
    core.wait()
  end
  stop_signals()
  return status, err
end

local function record_port(options, port, far, reach)
  local trace <close>, err <const> = open_trace(options)
  if not trace then
    return nil, err
  end
  local place <close>, problem <const> = serve.open(options.link, { baud = options.baud })
  if not place then
    return nil, problem
  end
  local through <close> = recorder.start {
    client = place.port, port = port, far = far, open = reach, baud = options.baud,
    trace = trace, say = function(message)
      say(options.port .. ": " .. message)
    end,
  }
  local status <const>, why <const> = wait_for_end(options, place)
  through:finish(PATIENCE)
  through:close()
  local failure <const> = through:settle(DISK_PATIENCE)
  if failure then
    say(("%s: the transcript is not complete: %s"):format(options.out, failure))
    return NOT_STORED
  end
  return status, why
end

local function start(options)
  local where <const>, err <const> = address.parse(options.port)
  if not where then
    return nil, err
  end
  local function reach(baud)
    return ports.open(where, { baud = baud })
  end
  local port <close>, far <const> = reach(options.baud)
  if not port then
    return nil, far
  end
  local behind <close> = far -- luacheck: ignore 211/behind
  return record_port(options, port, far, reach)
end

--- Records until the program or a signal ends it.
-- @tparam table options of the command line
-- @treturn[1] integer exit status
-- @treturn[2] nil
-- @treturn[2] table error object
function record.run(options)
  return serve.run(start, options)
end

return record
