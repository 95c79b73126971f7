-- SPDX-License-Identifier: MIT
--
-- `attest send --port P CMD...`: sends commands and prints what came back.
--
-- Stops at the first command that is not answered with success. The answer goes
-- to stdout as the module wrote it; why it is no success goes to stderr.

local attest <const> = require "attest"
local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local shared <const> = require "attest.cli.options"
local text <const> = require "attest.text"

local send = {}

send.summary = {
  en = "send commands to a port and print the answers",
  zh = "向串口发送指令并显示应答",
}

local OK <const>, REFUSED <const>, NOT_OPENED <const>, NO_ANSWER <const> = 0, 1, 2, 3

-- A command that never reached the wire is the caller's mistake.
local STATUS <const> = { rejected = REFUSED, invalid = NOT_OPENED }

local function positive(word)
  local number <const> = tonumber(word)
  if not number or number <= 0 or number == math.huge then
    return nil, ("--timeout %q: expected seconds, a number above 0"):format(word)
  end
  return number
end

local function rate(word)
  if word == "auto" then
    return word
  end
  return shared.rate(word)
end

function send.parser(parser)
  parser:argument("command", "Commands, each sent on its own line."):args "+"
  parser:option("--port", "Path of the port, sim:MODULE or replay:FILE."):count "1"
  parser:option("--module", "Module type; ct12 unless the port tells.")
  shared.catalogue(parser)
  parser:option("--baud", "Bits per second; auto finds the module's."):convert(rate)
  parser:option("--timeout", "Seconds to wait for each answer."):convert(positive)
end

-- As the module wrote it, except to a terminal, which it must not command. Whoever reads has the
-- answer before the next command is sent.
local function print_answer(lines, final)
  local is_terminal <const> = core.is_terminal(1)
  local function print_line(line)
    shared.print(is_terminal and text.printable(line) or line)
  end
  for _, line in ipairs(lines or {}) do
    print_line(line)
  end
  if final then
    print_line(final)
  end
  shared.flush()
end

local function complain(err)
  local line <const> = errors.text(err):gsub("%s*\n%s*", " ")
  io.stderr:write("attest send: ", text.printable(line), "\n")
end

local function send_all(dut, options)
  for _, command in ipairs(options.command) do
    local answer <const>, err <const> = dut.try:at(command, { timeout = options.timeout })
    if not answer then
      print_answer(err.lines, err.final)
      complain(err)
      return STATUS[err.code] or NO_ANSWER
    end
    print_answer(answer.lines, answer.final)
  end
  return OK
end

-- A module that is simulated in this process is switched on with the port.
local function boot(dut, options)
  if not options.port:find("^sim:") then
    return true
  end
  return dut.try:ready { timeout = options.timeout }
end

local function open_and_send(options)
  local dut <const>, err <const> = attest.try_open(options.port, {
    module = options.module, baud = options.baud, catalogue = options.catalogue,
  })
  if not dut then
    complain(err)
    return err.code == "timeout" and NO_ANSWER or NOT_OPENED
  elseif options.baud == "auto" then
    io.stderr:write(("attest send: the module is at %d\n"):format(dut.port:baud()))
  end
  local status = NO_ANSWER
  local is_up <const>, why <const> = boot(dut, options)
  if is_up then
    status = send_all(dut, options)
  else
    complain(why)
  end
  dut:close()
  return status
end

--- Sends the commands.
-- @tparam table options of the command line
-- @treturn[1] integer exit status
-- @treturn[2] nil
-- @treturn[2] table error object: the answers could not be written
function send.run(options)
  local ok <const>, status <const>, traceback <const> = core.run(core.spawn(open_and_send, options))
  if errors.is(status, "io") then
    return nil, status -- nobody reads what the module says
  elseif not ok then
    error(traceback and tostring(status) .. "\n" .. traceback or status, 0)
  end
  return status
end

return send
