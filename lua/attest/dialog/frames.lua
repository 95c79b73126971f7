-- SPDX-License-Identifier: MIT
--- What each kind of frame from the port means to a dialog.
--
-- Called while the chunk is parsed: nothing here waits, and what it changes
-- holds from the next byte.

local codec <const> = require "attest.codec"
local error_object <const> = require "attest.error"
local judge <const> = require "attest.dialog.judge"
local legible <const> = require "attest.dialog.legible"
local quick <const> = require "attest.dialog.quick"
local steps <const> = require "attest.dialog.steps"

local frames <const> = {}

function frames.line(self, line)
  if not self.is_legible then
    legible.line(self, line)
  end
  judge.line(self, line)
end

function frames.echo(self)
  self.is_legible = true
  judge.echo(self)
  if self.on_echo then
    self.on_echo()
  end
end

-- Few modules echo a payload. Where its first line is one that may answer it,
-- the line that comes is the answer.
local function may_be_echoed(self, payload)
  local line <const> = payload:match("^[\r\n]*([^\r\n]*)")
  return not codec.final(line) and not codec.word(self.module, line)
end

function frames.prompt(self)
  self:tell("prompt")
  local command <const> = self.pending
  if not command or not command.payload then
    return
  end
  self.is_legible = true
  if may_be_echoed(self, command.payload) then
    self.port:expect_echo(command.payload, false)
  end
  self.port:write(command.payload)
  steps.take_prompt(command)
  self:allow_silence(command)
end

function frames.payload(self, bytes, header, fault)
  self.is_legible = true
  if fault ~= "cut" then
    self:tell("raw", bytes)
    local row <const>, fields = codec.urc(self.module, header)
    if row then
      fields = fields or {}
      fields.payload = bytes
      fields.fault = fault
      self:deliver(row.name, fields)
    end
  end
  if fault then
    self:tell("flag", fault == "long" and "raw_long" or "raw_short")
  end
end

function frames.noise(self, bytes)
  self:tell("noise", bytes)
end

function frames.data(self, bytes)
  if self.catch then
    self.catch:take(bytes)
  else
    self:data(bytes)
  end
end

function frames.overflow(self)
  self:tell("flag", "line_overflow")
end

frames.left = quick.left

--- The task of a command on the short way was cancelled, or could not wait at all.
function frames.abandoned(self)
  self.flight, self.left = nil, nil
  getmetatable(self.lock).__close(self.lock)
end

function frames.closed(self, message, name)
  self:shut(error_object.from_core(message, name, { code = "closed" }))
end

--- A script closed the port itself.
function frames.shut(self)
  self:shut(error_object.new { code = "closed", message = "it was closed" })
end

return frames
