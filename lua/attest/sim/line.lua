-- SPDX-License-Identifier: MIT
--
-- The serial line of a simulated module, seen from the module: bytes come and
-- go through a core port, are garbled while the client's speed differs from
-- the module's, and vanish where a fault says so. Knows no AT command.
--
-- A PTY tells the client's speed but drops parity and 7 data bits silently,
-- so only the speed garbles.

local core <const> = require "attest.core"

local line = {}

-- Bytes after which peers pause until the client was seen to read.
local CROWDED <const> = 64 * 1024

local methods <const> = {}
local mt <const> = { __name = "attest.sim.line", __index = methods }

--- Takes over a port.
-- @tparam table options `port`, `faults`, `baud` (the module's own speed),
--   `receive(bytes)` and `closed()`
-- @treturn line
function line.new(options)
  local self <const> = setmetatable({
    port = options.port,
    faults = options.faults,
    baud = options.baud,
    waiting = 0,
  }, mt)
  self.port:set { baud = self.baud }
  self.port:data(true)
  self.port:listen(function(kind, bytes)
    if kind == "data" then
      options.receive(self:is_garbled() and self:garble(bytes) or bytes)
    elseif kind == "closed" then
      options.closed()
    end
  end)
  return self
end

--- Tells whether the client talks at another speed.
function methods:is_garbled()
  local baud <const> = self.port:client_baud()
  return baud ~= nil and baud ~= 0 and baud ~= self.baud
end

-- At a wrong speed start and stop bits fall anywhere: bytes become others,
-- mostly with high bits, and hardly ever a line end.
function methods:garble(bytes)
  local roll <const> = self.faults.roll
  return (bytes:gsub(".", function()
    return string.char(roll(0, 3) == 0 and 0 or roll(0x80, 0xff))
  end))
end

--- Sends bytes to the client. What a full queue refuses is lost, as it is on
-- a real line without flow control.
function methods:write(bytes)
  if self.port:is_closed() or self.faults.silent then
    return
  end
  if self:is_garbled() then
    bytes = self:garble(bytes)
  end
  self.waiting = self.waiting + #bytes
  self.port:write(bytes)
end

--- Tells whether so much was written that the client may be behind.
function methods:is_crowded()
  return self.waiting > CROWDED
end

--- Calls `fn` once the client has caught up.
function methods:when_drained(fn)
  core.spawn(function()
    if not self.port:is_closed() and self.port:drain() then
      self.waiting = 0
      fn()
    end
  end)
end

--- Changes the module's own speed, not the client's.
function methods:set_baud(baud)
  self.baud = baud
end

function methods:close()
  self.port:close()
end

return line
