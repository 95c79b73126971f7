-- SPDX-License-Identifier: MIT
--
-- The serial line of a simulated module, seen from the module: bytes come and
-- go through a core port, are garbled while the client's speed differs from
-- the module's, and suffer what the faults say; what goes out takes its time in
-- an outlet. Knows no AT command.
--
-- A PTY tells the client's speed but drops parity and 7 data bits silently,
-- so only the speed garbles. A pair has none: its client follows the module,
-- except where the module strays by a fault. Bytes are garbled and paced by
-- the rate at which they were written.

local core <const> = require "attest.core"
local damage <const> = require "attest.sim.fault.damage"
local outlet <const> = require "attest.sim.outlet"

local line = {}

-- Bytes after which peers pause until the client was seen to read.
local CROWDED <const> = 64 * 1024

local methods <const> = {}
local mt <const> = { __name = "attest.sim.line", __index = methods }

--- Takes over a port.
-- @tparam table options `port`, `faults`, `baud` (the module's own speed),
--   `bits` (of a byte), `is_paced`, `receive(bytes)` and `closed()`
-- @treturn line
function line.new(options)
  local port <const>, faults <const> = options.port, options.faults
  local self <const> = setmetatable({
    port = port,
    faults = faults,
    baud = options.baud,
    bits = options.bits,
    dice = faults:dice("garble"),
    damage_in = damage(faults, "in"),
    damage_out = damage(faults, "out"),
    waiting = 0,
    is_deaf = false,
  }, mt)
  self.outlet = outlet.new {
    faults = faults,
    is_paced = options.is_paced,
    write = function(bytes, baud)
      if not port:is_closed() then
        port:write(self:is_garbled(baud) and self:garble(bytes) or bytes)
      end
    end,
  }
  port:set { baud = self.baud }
  port:data(true)
  port:listen(function(kind, bytes)
    if kind == "data" then
      self:receive(bytes, options.receive)
    elseif kind == "closed" then
      options.closed()
    end
  end)
  return self
end

function methods:receive(bytes, receive)
  local heard <const> = self.damage_in(self:is_garbled() and self:garble(bytes) or bytes)
  if heard ~= "" and not self.faults.silent then
    receive(heard)
  end
end

--- Tells whether the client talks at another speed.
-- @tparam[opt] integer baud of bytes that leave; the module's own of now
function methods:is_garbled(baud)
  local theirs <const> = self.port:client_baud()
  if theirs == nil then
    return self.is_astray
  end
  return theirs ~= 0 and theirs ~= (baud or self.baud)
end

-- At a wrong speed start and stop bits fall anywhere: bytes become others,
-- mostly with high bits, and hardly ever a line end.
function methods:garble(bytes)
  local roll <const> = self.dice.roll
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
  bytes = self.damage_out(bytes)
  self.waiting = self.waiting + #bytes
  self.outlet:put(bytes, self.baud, self.bits)
end

--- Tells how many bytes have not left yet because their time has not come.
function methods:backlog()
  return self.outlet.waiting
end

--- Hears the client, or lets it wait as a module does that holds its CTS back.
-- @tparam boolean on
function methods:listen(on)
  if self.is_deaf == on and not self.port:is_closed() then
    self.is_deaf = not on
    self.port:pause(self.is_deaf)
  end
end

--- Tells whether so much was written that the client may be behind.
function methods:is_crowded()
  return self.waiting > CROWDED
end

--- Calls `fn` once the client has caught up.
function methods:when_drained(fn)
  self.outlet:when_empty(function()
    core.spawn(function()
      if not self.port:is_closed() and self.port:drain() then
        self.waiting = 0
        fn()
      end
    end)
  end)
end

--- Changes the module's own speed, not the client's.
-- @tparam integer baud
-- @tparam number bits of a byte with its frame
function methods:set_baud(baud, bits)
  self.baud, self.bits = baud, bits
  self.is_astray = false
end

--- Goes to a speed that nobody told the client, until set_baud().
function methods:stray(baud)
  self.is_astray = self.is_astray or baud ~= self.baud
  self.baud = baud
end

function methods:close()
  self.outlet:close()
  self.port:close()
end

return line
