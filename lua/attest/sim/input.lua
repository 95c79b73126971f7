-- SPDX-License-Identifier: MIT
--
-- What a module reads from its line: bytes become typed text (to be echoed),
-- command lines and counted payloads. Pure: no clock, no port, no command.
--
-- A line ends at CR; one LF right behind it belongs to the line end. Any
-- slicing of the same bytes gives the same lines. Because a CR may be the
-- last byte that has come so far, next() then answers "pending" and the owner
-- calls settle() after a short silence. A client that was seen to send no LF
-- is not waited for again.
--
--     AT+QISEND=3,2\r\n          "line" "AT+QISEND=3,2"
--     \x00\x1b ERROR at AT\r     "line" with junk; input.commands() finds AT

local input = {}

local MAX_WAITING <const> = 64 * 1024

local methods <const> = {}
local mt <const> = { __name = "attest.sim.input", __index = methods }

--- Makes an empty reader.
-- @tparam[opt=4096] integer max_line longest line in bytes
function input.new(max_line)
  return setmetatable({
    buffer = "",
    typed = "",
    max_line = max_line or 4096,
    is_long = false,
    is_settled = false,
    sends_lf = true,
    lacks_lf = false,
  }, mt)
end

--- Adds bytes; what does not fit is lost, as in a UART's full buffer.
function methods:feed(bytes)
  local room <const> = MAX_WAITING - #self.buffer
  self.buffer = self.buffer .. (#bytes > room and bytes:sub(1, room) or bytes)
end

local function take(self, count)
  local bytes <const> = self.buffer:sub(1, count)
  self.buffer = self.buffer:sub(count + 1)
  return bytes
end

-- Backspace and DEL rub out what was typed before them.
local function rub_out(text)
  if not text:find("[\b\x7f]") then
    return text
  end
  local count
  repeat
    text, count = text:gsub("[^\b\x7f][\b\x7f]", "", 1)
  until count == 0
  return (text:gsub("[\b\x7f]", ""))
end

local function keep_typed(self, bytes)
  local room <const> = self.max_line - #self.typed
  self.is_long = self.is_long or #bytes > room
  self.typed = self.typed .. bytes:sub(1, room)
end

--- Tells what was typed of an unfinished line.
function methods:unfinished()
  return rub_out(self.typed)
end

--- Takes an unfinished line as it is.
-- @treturn string
function methods:finish()
  local text <const> = rub_out(self.typed)
  self.typed, self.is_long = "", false
  return text
end

-- Ends the line at the CR at `at`.
local function end_line(self, at)
  local has_lf <const> = self.buffer:byte(at + 1) == 10
  if at < #self.buffer or self.is_settled then
    self.sends_lf = has_lf
  end
  self.is_settled, self.lacks_lf = false, not has_lf
  local bytes <const> = take(self, has_lf and at + 1 or at)
  keep_typed(self, bytes:sub(1, at - 1))
  local is_long <const> = self.is_long
  return "line", bytes, self:finish(), is_long
end

--- Takes the next piece of the command mode.
-- @treturn[1] string `"typed"`: bytes of an unfinished line, to be echoed
-- @treturn[1] string bytes
-- @treturn[2] string `"line"`
-- @treturn[2] string the bytes that end it, not reported before, with CR LF
-- @treturn[2] string text of the whole line without its end
-- @treturn[2] boolean true when it was too long; the text is its beginning
-- @treturn[3] string `"pending"`: a CR came, an LF may follow
-- @treturn[4] nil nothing is left
function methods:next()
  if self.typed == "" and self.buffer:byte() == 10 then
    self.sends_lf = true -- a late one, of the line before
  end
  local at <const> = self.buffer:find("\r", 1, true)
  if at and (at < #self.buffer or self.is_settled or not self.sends_lf) then
    return end_line(self, at)
  end
  local count <const> = at and at - 1 or #self.buffer
  if count > 0 then
    local bytes <const> = take(self, count)
    keep_typed(self, bytes)
    return "typed", bytes
  end
  return at and "pending" or nil
end

--- No LF came after a pending CR.
function methods:settle()
  self.is_settled = true
end

--- Takes a payload of exactly `count` bytes.
-- @treturn string|nil nil while fewer have come
function methods:payload(count)
  if #self.buffer >= count then
    return take(self, count)
  end
end

--- Takes a payload that a mark byte ends; the mark is dropped.
-- @tparam string mark
-- @tparam integer limit most bytes, a longer payload ends there
-- @treturn string|nil nil while neither has come
function methods:payload_until(mark, limit)
  local at <const> = self.buffer:find(mark, 1, true)
  if at and at <= limit + 1 then
    return take(self, at):sub(1, -2)
  end
  return self:payload(limit)
end

--- Takes everything that waits.
function methods:rest()
  return take(self, #self.buffer)
end

--- Leaves the command mode: takes everything that waits, but for an LF that
-- belongs to the line before.
-- @treturn string
function methods:leave()
  if self.lacks_lf and self.buffer:byte() == 10 then
    take(self, 1)
  end
  local bytes <const> = self:rest()
  self:reset()
  return bytes
end

--- Forgets everything, as a power cycle does.
function methods:reset()
  self.buffer, self.typed = "", ""
  self.is_long, self.is_settled = false, false
end

-- After junk only what looks like a command counts: "failed at line 3" is none.
local function looks_like_command(text, at)
  local before <const>, after <const> = text:sub(at - 1, at - 1), text:sub(at + 2, at + 2)
  return not before:find("%w") and after:find("^[+EeOo]?$")
end

--- Finds where a command may begin in a line that may start with junk: what
-- other programs left behind, a stray `+++`, NUL or ESC.
-- @tparam string text
-- @treturn table rests of the line that begin with AT; only one when it
--   stands at the start of the line
function input.commands(text)
  local line = text:gsub("^[%c%s]+", "")
  line = line:find("[%c%s]", -1) and line:gsub("[%c%s]+$", "") or line
  if line:find("^[Aa][Tt]") then
    return { line }
  end
  local found <const> = {}
  local at = line:find("[Aa][Tt]")
  while at do
    if looks_like_command(line, at) then
      found[#found + 1] = line:sub(at)
    end
    at = line:find("[Aa][Tt]", at + 1)
  end
  return found
end

return input
