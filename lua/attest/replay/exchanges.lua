-- SPDX-License-Identifier: MIT
--
-- Cuts a recording into exchanges: a command line, and all that followed it
-- until the next one. Pure.
--
-- Bytes of the host behind a prompt are a payload and belong to the exchange.
-- A line that is typed is echoed as it comes; where the module says something
-- else before its end, there is none ("+++"), and that is the command.

local exchanges = {}

local methods <const> = {}
local mt <const> = { __index = methods }

local function no_line()
  return { text = "", steps = {} }
end

-- Files the exchange of the line that was typed, and begins it.
function methods:begin(at, is_open)
  local line <const> = self.line
  local exchange <const> = {
    text = line.text, masks = line.masks, at = at, steps = line.steps, tail = "",
  }
  self.line, self.current = no_line(), exchange
  local group = self.by_text[line.text]
  if not group then
    group = { next = 1, text = line.text, masks = line.masks }
    self.by_text[line.text] = group
    if line.masks then
      self.masked[#self.masked + 1] = group
    end
  end
  group[#group + 1] = exchange
  self.open[line.text] = is_open or self.open[line.text]
  self.echoes = self.echoes or #line.steps > 0
end

-- Masks of a part of a chunk, as they lie in the line to which it is added.
local function add_masks(line, event, first, last)
  for _, mask in ipairs(event.masks or {}) do
    if mask[1] >= first and mask[1] <= last then
      line.masks = line.masks or {}
      line.masks[#line.masks + 1] = {
        #line.text + mask[1] - first + 1, mask[2], run = mask.run, from = mask.from,
      }
    end
  end
end

-- The host typed: whole lines, or a part of one.
function methods:type(event)
  for first, text, last, is_ended in event.bytes:gmatch("()([^\r\n]*)()([\r\n]?)") do
    add_masks(self.line, event, first, last - 1)
    self.line.text = self.line.text .. text
    if is_ended ~= "" and self.line.text ~= "" then
      self:begin(event.at)
    end
  end
end

local function is_prompted(exchange)
  return exchange.tail:find("[\r\n]>%s?$") ~= nil
end

function methods:sent(event)
  local steps <const> = self.current.steps
  local last <const> = steps[#steps]
  if last and last.kind == ">" then
    last.bytes, last.at = last.bytes .. event.bytes, event.at
  elseif self.line.text == "" and is_prompted(self.current) then
    self.current.tail = ""
    steps[#steps + 1] = { kind = ">", at = event.at, bytes = event.bytes }
  else
    self:type(event)
  end
end

function methods:said(event)
  local line <const> = self.line
  if line.text ~= "" then
    line.echo = (line.echo or "") .. event.bytes
    if line.text:sub(1, #line.echo) == line.echo then
      line.steps[#line.steps + 1] = event
      return
    end
    self:begin(event.at, true)
  end
  local current <const> = self.current
  current.steps[#current.steps + 1] = event
  current.tail = (current.tail .. event.bytes):sub(-3)
  if current.text and not current.opening then
    current.opening = event.bytes
    self.echoes = self.echoes or event.bytes:sub(1, #current.text) == current.text
  end
end

--- Reads exchanges.
-- @tparam table events of attest.replay.recording
-- @treturn table `prelude` (what came before any command), `by_text`: command line -> its exchanges
--   in order, each with `steps` and `at`, when the line was complete; `masked`: those of lines with
--   masks; `open`: lines that nothing ended; `echoes`: whether the module echoes
function exchanges.read(events)
  local self <const> = setmetatable({
    prelude = { at = events[1].at, steps = {}, tail = "" }, by_text = {}, masked = {}, open = {},
    line = no_line(), echoes = false,
  }, mt)
  self.current = self.prelude
  for _, event in ipairs(events) do
    if event.kind == ">" then
      self:sent(event)
    elseif event.kind == "<" then
      self:said(event)
    elseif event.kind ~= "end" then
      self.current.steps[#self.current.steps + 1] = event
    end
  end
  return self
end

return exchanges
