-- SPDX-License-Identifier: MIT
--
-- `attest replay FILE`: a transcript as a module again, on a PTY, for any
-- program.
--
-- Prints `ready PATH` each time that the port is there. Ends with 0 when the
-- recording is over and the client has read it, or at a signal; with 1 when the
-- client sent something else than was recorded.

local address <const> = require "attest.address"
local core <const> = require "attest.core"
local player <const> = require "attest.replay"
local serve <const> = require "attest.cli.serve"
local text <const> = require "attest.text"

local replay = {}

replay.summary = {
  en = "serve a transcript as a module on a PTY",
  zh = "在伪终端上把通信记录当作模块回放",
}

local OTHER_BYTES <const>, NO_PORT <const> = 1, 2

-- A converter of argparse from one of attest.address.
local function converter(read)
  return function(value)
    local result <const>, err <const> = read(value)
    return result, result == nil and "--" .. tostring(err) or nil
  end
end

function replay.parser(parser)
  parser:argument("file", "Transcript.")
  serve.options(parser)
  parser:flag("--by-command", "Answer each command as recorded, in any order.")
  parser:option("--slot", "Slot to replay, where the file holds several."):argname "NAME"
  parser:option("--session", "From which opening of the port on."):argname "N"
    :convert(converter(address.session))
  parser:option("--speed", "How many times as fast as recorded; 0: without pauses."):argname "X"
    :convert(converter(address.speed))
  parser:flag("--loop", "Begin again when it is over.")
end

local function say(message)
  io.stderr:write("attest replay: ", text.printable(message), "\n")
end

-- What becomes of the PTY, and when all ends.
local function conduct(module, place, options, ended)
  module:on("away", function()
    place:close()
  end)
  module:on("back", function()
    local again <const>, err <const> = serve.open(options.link)
    if not again then
      say(tostring(err))
      return ended(NO_PORT)
    end
    place = again
    place:announce()
    return place.port
  end)
  module:on("over", function()
    ended(0)
  end)
  module:on("failed", function(err)
    say(tostring(err))
    ended(OTHER_BYTES)
  end)
  return function()
    module:close()
    place:close()
  end
end

local function start(options)
  local module <close>, err <const> = player.open {
    path = options.file, mode = options.by_command and "command" or "strict",
    slot = options.slot, session = options.session, speed = options.speed, loop = options.loop,
  }
  if not module then
    return nil, err
  end
  local place <close>, problem <const> = serve.open(options.link)
  if not place then
    return nil, problem
  end
  local task <const> = core.current()
  local status
  local function ended(with)
    status = status or with
    core.wake(task)
  end
  local close <const> = conduct(module, place, options, ended)
  local stop_signals <const> = serve.on_signals(function()
    local line <const> = module:missing()
    if line then
      say(("%s: ended before line %d was sent"):format(options.file, line))
    end
    ended(0)
  end)
  module:serve(place.port)
  place:announce()
  while not status do
    core.wait()
  end
  close()
  stop_signals()
  return status
end

--- Serves until the recording is over or a signal ends it.
-- @tparam table options of the command line
-- @treturn[1] integer exit status
-- @treturn[2] nil
-- @treturn[2] table error object
function replay.run(options)
  return serve.run(start, options)
end

return replay
