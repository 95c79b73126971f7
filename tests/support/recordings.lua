-- SPDX-License-Identifier: MIT
--
-- Transcripts for tests of the replay: written by hand, one line per chunk,
-- served to a client, and waited for while the loop writes them.

local address <const> = require "attest.address"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local ports <const> = require "attest.port"
local uv <const> = require "luv"

local ROOT <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."

local recordings = {}

--- What pyserial and chat said to a module whose port went and came back.
recordings.FIELD = ROOT .. "/tests/transcripts/field.trace"

local PATIENCE <const> = 30 -- seconds of real time

--- Writes a transcript's text from lines such as `0.5 > AT\r`.
-- @tparam string text seconds, direction and escaped bytes; an optional word between the first two
--   is the slot
-- @treturn string
function recordings.text(text)
  return (text:gsub("[^\n]+", function(line)
    local at <const>, slot <const>, rest <const> = line:match("^%s*([%d.]+) (%w-) ?([<>!] .*)$")
    if not at then
      return line
    end
    local direction <const>, bytes <const> = rest:match("^(.) (.*)$")
    return ("%.3f 2026-11-21T03:45:12.123Z %s %s /dev/ttyUSB0 %s"):format(
      (1000 + tonumber(at)) * 1000, direction, slot == "" and "1" or slot, bytes)
  end))
end

--- Opens hand-written lines as a port, with a client that knows no command.
-- @tparam table files of tests.support.script_file
-- @tparam string text as for `text`
-- @tparam[opt=""] string query of the port's address
-- @treturn table client, which closes the replay with it
-- @treturn attest.replay
function recordings.client(files, text, query)
  local path <const> = files:write("field.txt", recordings.text(text))
  local near <const>, far <const> =
    assert(ports.open(assert(address.parse("replay:" .. path .. (query or "")))))
  local client <const> = bare_client.attach(near)
  client.sim = far
  return client, far
end

--- Waits until a file holds a text; the disk knows no virtual clock.
-- @tparam string path
-- @tparam string text
function recordings.await(path, text)
  local deadline <const> = uv.hrtime() + PATIENCE * 1000000000
  while true do
    local file <close> = assert(io.open(path, "rb"))
    local there <const> = file:read("a")
    if there == text then
      return
    end
    assert(uv.hrtime() < deadline, "the file holds something else")
    core.sleep(0)
  end
end

return recordings
