-- SPDX-License-Identifier: MIT
--
-- Exchanges of a manual (tests/transcripts) as bytes on a line, and a module
-- that has learned one of them by heart.
--
-- On the wire a line of the host ends with CR LF and is echoed as it comes,
-- unless the manual prints no echo; a line of the module stands between two
-- CR LF; a prompt has one before it and nothing behind it; a payload is
-- neither echoed nor ended.

local core <const> = require "attest.core"

local transcript = {}

local framed <const> = "\r\n%s\r\n"

local function said(text)
  return text == ">" and "\r\n>" or framed:format(text)
end

-- The manual prints an echo as the line behind the command.
local function has_echo(steps, i)
  local next_step <const> = steps[i + 1]
  return next_step ~= nil and next_step[1] == "M" and next_step[2] == steps[i][2]
end

--- Cuts an exchange into turns.
-- @tparam table steps list of `{ "H"|"M"|"P", text }`
-- @treturn table list of turns: `text` and `bytes` that the host sends,
--   `is_payload`, `echo` and `answer` (bytes), `lines` of the answer
function transcript.turns(steps)
  local turns <const>, i = {}, 1
  while steps[i] do
    local kind <const>, text <const> = steps[i][1], steps[i][2]
    if kind == "M" then
      local turn <const> = turns[#turns]
      turn.answer = turn.answer .. said(text)
      turn.lines[#turn.lines + 1] = text ~= ">" and text or nil
    else
      local is_payload <const> = kind == "P"
      local bytes <const> = is_payload and text or text .. "\r\n"
      local echoes <const> = not is_payload and has_echo(steps, i)
      turns[#turns + 1] = {
        text = text, bytes = bytes, is_payload = is_payload, answer = "", lines = {},
        echo = echoes and bytes or "",
      }
      i = echoes and i + 1 or i
    end
    i = i + 1
  end
  return turns
end

--- Replaces lines of the module, for instance what is printed with a placeholder.
-- @tparam table steps
-- @tparam table other line -> line
function transcript.respell(steps, other)
  local out <const> = {}
  for i, step in ipairs(steps) do
    out[i] = { step[1], step[1] == "M" and other[step[2]] or step[2] }
  end
  return out
end

local methods <const> = {}
local mt <const> = { __index = methods }

function methods:take(byte)
  local turn <const> = self.turns[self.at]
  self.heard = self.heard .. byte
  if not turn then
    return -- the test compares what was heard
  end
  self.got = self.got + 1
  if turn.echo ~= "" then
    self.port:write(byte)
  end
  if self.got == #turn.bytes then
    self.at, self.got = self.at + 1, 0
    self.port:write(turn.answer)
  end
end

--- Plays the module's part on a port: answers turn by turn, whatever it hears.
-- @tparam port port
-- @tparam table turns
-- @treturn table with `heard`, every byte from the host
function transcript.play(port, turns)
  local self <const> = setmetatable({ port = port, turns = turns, at = 1, got = 0, heard = "" }, mt)
  port:data(true)
  port:listen(function(kind, bytes)
    for byte in (kind == "data" and bytes or ""):gmatch(".") do
      self:take(byte)
    end
  end)
  return self
end

--- Sends the host's part to a client and takes what comes back, turn by turn.
-- Waits.
-- @tparam table client tests.support.bare_client
-- @tparam table turns
-- @tparam number seconds to listen after each turn
-- @treturn table list of bytes
function transcript.type(client, turns, seconds)
  local out <const> = {}
  client:take()
  for i, turn in ipairs(turns) do
    client:send(turn.bytes)
    core.sleep(seconds)
    out[i] = client:take()
  end
  return out
end

return transcript
