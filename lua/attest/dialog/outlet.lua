-- SPDX-License-Identifier: MIT
--- What a script writes in passthrough, on its way to the port.
--
-- One write after the other, in the order of the calls. A write waits while
-- the line is behind and while an escape is under way; one that an escape has
-- caught goes on when the data mode is back. Invariant: bytes are sent once,
-- in their order, and a write that fails tells how many of its own went.

local core <const> = require "attest.core"
local error_object <const> = require "attest.error"

local outlet <const> = {}

--- Most bytes at once: an escape comes between two pieces.
local PIECE <const> = 16 * 1024
--- Most bytes that wait in the port, far fewer than it would refuse.
local WINDOW <const> = 64 * 1024
--- What the last piece must exceed: pluses alone could be an escape.
local PLUSES <const> = 3
--- How long a line may take nothing, in seconds.
local STALL <const> = 10
local BITS <const> = 10 -- of a byte on the line
--- How often to look whether the OS has sent all, in seconds.
local LOOK <const> = 0.01

--- Begins a data mode.
-- @tparam attest.dialog d
function outlet.open(d)
  d.writers = d.writers or {}
  d.unsent = d.unsent or 0
  outlet.wake(d)
end

--- Lets those who wait look again.
-- @tparam attest.dialog d
function outlet.wake(d)
  for _, place in ipairs(d.writers or {}) do
    core.wake(place.task)
  end
end

--- How long so many bytes may take, in seconds.
local function patience(d, count)
  return STALL + 2 * (count + d.unsent) * BITS / d.port:baud()
end

local drain_mt <const> = { __close = function(drain) drain.dialog.is_draining = false end }

--- Waits until the port has handed over every byte.
local function drain(d, deadline)
  while d.is_draining and core.now() < deadline do
    core.sleep(LOOK)
  end
  if d.is_draining then
    return nil, "another write is in its way", "ETIMEDOUT"
  end
  d.is_draining = true
  local hold <close> = setmetatable({ dialog = d }, drain_mt) -- luacheck: ignore 211/hold
  local done <const>, message <const>, name <const> =
    d.port:drain(math.max(deadline - core.now(), 0))
  if done then
    d.unsent = 0
  end
  return done, message, name
end

--- Waits until every byte is on the line, as far as the OS can tell.
-- @tparam attest.dialog d
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] attest.error "timeout", "closed"
function outlet.settle(d)
  local deadline <const> = core.now() + patience(d, 0)
  local done <const>, message <const>, name <const> = drain(d, deadline)
  if not done then
    return nil, error_object.from_core(message, name, { message = "the line takes no bytes" })
  end
  while not d.closed and d.port:unsent() > 0 do
    if core.now() >= deadline then
      return nil, error_object.new { code = "timeout", message = "the line takes no bytes" }
    end
    core.sleep(LOOK)
  end
  return true
end

-- one write -------------------------------------------------------------------

local function closed_error(d)
  return error_object.new {
    code = "closed", name = d.closed and d.closed.name,
    message = d.closed and ("write: the port is gone: %s"):format(d.closed.message)
      or "write: the link is closed",
  }
end

local function is_free(d, place)
  return d.writers[1] == place and d.is_data and not d.escape:holds()
end

--- Waits until the next piece may go.
local function await_turn(d, place, deadline)
  while true do
    if d.closed or d.session ~= place.session then
      return nil, closed_error(d)
    elseif is_free(d, place) and d.unsent < WINDOW then
      return true
    end
    local left <const> = deadline - core.now()
    if left <= 0 then
      return nil, error_object.new { code = "timeout", message = is_free(d, place)
        and "write: the line takes no bytes" or "write: the link was not in passthrough" }
    elseif is_free(d, place) then
      drain(d, deadline)
    else
      core.wait(left)
    end
  end
end

local function piece_end(bytes, from)
  local last <const> = from + PIECE - 1
  return #bytes - last <= PLUSES and #bytes or last
end

local function send_piece(d, piece)
  if d.escape:would(piece) then
    return nil, error_object.new {
      code = "invalid",
      message = "these pluses would leave passthrough: send them with what follows",
    }
  end
  local done <const>, message <const>, name <const> = d.port:write(piece)
  if not done then
    return nil, error_object.from_core(message, name)
  end
  d.unsent = d.unsent + #piece
  d.escape:wrote(piece)
  return true
end

local place_mt <const> = {}

function place_mt.__close(place)
  local d <const> = place.dialog
  for i, each in ipairs(d.writers) do
    if each == place then
      table.remove(d.writers, i)
      break
    end
  end
  outlet.wake(d)
end

--- Writes bytes; waits until the port has taken them.
-- @tparam attest.dialog d
-- @tparam string bytes
-- @tparam[opt] number timeout seconds
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] attest.error "closed", "timeout"; "invalid" in command mode, and for
--   `+++` alone after a silence, which would be an escape. `sent`: bytes that went
function outlet.write(d, bytes, timeout)
  if d.closed then
    return nil, closed_error(d)
  elseif not d.is_data then
    return nil, error_object.new { code = "invalid", message = "the link is not in passthrough" }
  end
  local deadline <const> = core.now() + (timeout or patience(d, #bytes))
  local place <close> =
    setmetatable({ dialog = d, session = d.session, task = core.current() }, place_mt)
  d.writers[#d.writers + 1] = place
  local at = 1
  while at <= #bytes do
    local done, err = await_turn(d, place, deadline)
    local last <const> = piece_end(bytes, at)
    if done then
      done, err = send_piece(d, bytes:sub(at, last))
    end
    if not done then
      err.sent = at - 1
      return nil, err
    end
    at = last + 1
  end
  return true
end

return outlet
