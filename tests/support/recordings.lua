-- SPDX-License-Identifier: MIT
--
-- Transcripts for tests of the replay: written by hand, one line per chunk, and
-- waited for while the loop writes them.

local core <const> = require "attest.core"
local uv <const> = require "luv"

local recordings = {}

local PATIENCE <const> = 5 -- seconds of real time

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
