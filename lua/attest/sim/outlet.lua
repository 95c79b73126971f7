-- SPDX-License-Identifier: MIT
--
-- What the module says, on its way to the client: in its order, each piece at
-- its time. Takes the time that the rate of the line needs, if it is to be
-- paced, and that of the faults `delay`, `jitter` and `fragment`. Knows no
-- port and no command.

local core <const> = require "attest.core"

local outlet = {}

-- Bytes that leave at once at the pace of the line: a UART's FIFO.
local FIFO <const> = 16
-- Milliseconds between fragments.
local SHORTEST <const>, LONGEST <const> = 1, 10
-- Bytes that may wait here; what does not fit is lost, as without flow control.
local MOST_WAITING <const> = 1024 * 1024

local methods <const> = {}
local mt <const> = { __name = "attest.sim.outlet", __index = methods }

--- Makes an empty one.
-- @tparam table options `faults`, `write(bytes, baud)` and `is_paced`
function outlet.new(options)
  return setmetatable({
    faults = options.faults,
    write = options.write,
    is_paced = options.is_paced,
    jitter = options.faults:dice("jitter"),
    pause = options.faults:dice("fragment"),
    queue = {},
    first = 1,
    waiting = 0,
    free_at = 0, -- when the line is free again
    waiters = {},
  }, mt)
end

local function is_timed(self)
  local faults <const> = self.faults
  return self.is_paced or faults.delay or faults.jitter or faults.fragment
end

local function latency(self)
  local delay <const>, jitter <const> = self.faults.delay, self.faults.jitter
  return (delay and delay.seconds or 0) + (jitter and self.jitter.share() * jitter.seconds or 0)
end

local function piece_size(self, bytes)
  local fragment <const> = self.faults.fragment
  local size <const> = self.is_paced and FIFO or #bytes
  return fragment and math.min(size, fragment.bytes) or size
end

local function enqueue(self, bytes, baud, bits)
  local byte_time <const> = self.is_paced and bits / baud or 0
  local at = math.max(core.now() + latency(self), self.free_at)
  local size <const> = piece_size(self, bytes)
  for i = 1, #bytes, size do
    local piece <const> = bytes:sub(i, i + size - 1)
    at = at + #piece * byte_time
    self.queue[#self.queue + 1] = { bytes = piece, baud = baud, at = at }
    if self.faults.fragment then
      at = at + self.pause.roll(SHORTEST, LONGEST) / 1000
    end
  end
  self.free_at = at
  self.waiting = self.waiting + #bytes
end

local function release(self)
  local piece <const> = self.queue[self.first]
  self.first = self.first + 1
  self.waiting = self.waiting - #piece.bytes
  self.write(piece.bytes, piece.baud)
end

local function run_dry(self)
  self.queue, self.first = {}, 1
  local waiters <const> = self.waiters
  self.waiters = {}
  for _, fn in ipairs(waiters) do
    fn()
  end
end

-- Sends what is due and comes again for the rest.
local function pump(self)
  local head = self.queue[self.first]
  while head and head.at <= core.now() do
    release(self)
    head = self.queue[self.first]
  end
  if not head then
    return run_dry(self)
  end
  self.timer = core.after(head.at - core.now(), function()
    self.timer = nil
    release(self) -- whatever the clock's rounding says
    pump(self)
  end)
end

--- Sends bytes in their time.
-- @tparam string bytes
-- @tparam integer baud at which they leave
-- @tparam number bits of a byte with its frame
function methods:put(bytes, baud, bits)
  if self.waiting == 0 and not is_timed(self) then
    return self.write(bytes, baud)
  elseif bytes == "" or self.waiting + #bytes > MOST_WAITING then
    return
  end
  enqueue(self, bytes, baud, bits)
  if not self.timer then
    pump(self)
  end
end

--- Calls `fn` once nothing waits any more: now, or later.
function methods:when_empty(fn)
  if self.waiting == 0 then
    return fn()
  end
  self.waiters[#self.waiters + 1] = fn
end

--- Forgets what waits.
function methods:close()
  if self.timer then
    self.timer:stop()
    self.timer = nil
  end
  self.queue, self.first, self.waiting, self.waiters = {}, 1, 0, {}
end

return outlet
