-- SPDX-License-Identifier: MIT
--- A link whose every byte the module forwards: direct mode, with the methods
-- of a socket and the way to commands and back.
--
-- In command mode what the far end sends waits in the module. That the far end
-- closed is seen in the data only, where anybody may write it: `maybe_closed`
-- says that it looked so, `is_open` asks the module.

local core <const> = require "attest.core"
local error_object <const> = require "attest.error"

local passthrough <const> = {}

local soft <const> = {}
local loud <const> = {}
local mt <const> = { __name = "attest.passthrough", __index = loud }

local function take_in(self, bytes, is_goodbye)
  self.maybe_closed = self.maybe_closed or is_goodbye
  self.chunks[#self.chunks + 1] = bytes
  self.size = self.size + #bytes
  if self.waiter then
    core.wake(self.waiter)
  end
end

local known <const> = {
  type = true, host = true, port = true, local_port = true, timeout = true, guard = true,
}

--- Opens a link in direct mode.
-- @tparam table options `host`, `port`, `type` ("TCP" or "UDP", default TCP), `local_port`,
--   `timeout` in seconds, `guard` (seconds of silence around `+++`, default the profile's)
-- @treturn attest.passthrough in data mode
-- @raise attest.error "invalid", "rejected", "timeout"
function passthrough.open(dut, options)
  for key in pairs(options) do
    if not known[key] then
      error(("passthrough: unknown option %q"):format(tostring(key)), 3)
    end
  end
  local guard <const> = options.guard
  dut.dialog.guard = guard and { before = guard, after = guard } or nil
  local self <const> = setmetatable({
    dut = dut, chunks = {}, size = 0, maybe_closed = false, try = {},
  }, mt)
  setmetatable(self.try, { __index = function(_, name)
    return function(_, ...) return soft[name](self, ...) end
  end })
  dut.dialog.on_data = function(bytes, is_goodbye) take_in(self, bytes, is_goodbye) end
  local answer <const>, err <const> = dut.try:qiopen({
    type = options.type or "TCP", server_ip = options.host, server_port = options.port,
    local_port = options.local_port, mode = 1,
  }, { timeout = options.timeout })
  if not answer then
    dut.dialog.on_data = nil
    return nil, err
  end
  self.number = answer.link_num
  return self
end

--- Sends bytes to the far end.
-- @tparam string bytes; three pluses alone after a silence are refused: they would be an escape
-- @treturn boolean true
-- @raise attest.error "invalid", "closed"
function soft.write(self, bytes)
  return self.dut.dialog:write(bytes)
end

--- Reads bytes from the far end.
-- @tparam[opt] int count exactly so many; without it, what came in one piece
-- @tparam[opt] table options `timeout` in seconds, default 10
-- @treturn string
-- @raise attest.error "timeout" (with `partial`; it stays readable), "closed"
function soft.read(self, count, options)
  local timeout <const> = options and options.timeout or 10
  local deadline <const> = core.now() + timeout
  while self.size < (count or 1) do
    if self.dut.dialog.closed then
      return nil, self.dut.dialog.closed
    end
    self.waiter = core.current()
    local left <const> = deadline - core.now()
    local woken <const> = left > 0 and core.wait(left)
    self.waiter = nil
    if not woken and self.size < (count or 1) then
      return nil, error_object.new {
        code = "timeout", seconds = timeout, partial = table.concat(self.chunks),
        message = ("passthrough: %d of %s bytes read within %g s"):format(self.size,
          count or "some", timeout),
      }
    end
  end
  if not count then
    self.size = self.size - #self.chunks[1]
    return table.remove(self.chunks, 1)
  end
  local all <const> = table.concat(self.chunks)
  local rest <const> = all:sub(count + 1)
  self.chunks, self.size = { rest ~= "" and rest or nil }, #rest
  return all:sub(1, count)
end

--- Leaves data mode: `+++` with silence around it, proved by AT. What arrives meanwhile is data.
-- @treturn boolean true
-- @raise attest.error "timeout" when the module does not leave it, "closed"
function soft.command_mode(self)
  if not self.dut.dialog.is_data then
    return true
  end
  local done <const>, err <const> = self.dut.try:escape()
  return done and true, err
end

--- Enters data mode again.
-- @treturn boolean true
-- @raise attest.error "closed"
function soft.data_mode(self)
  if self.dut.dialog.is_data then
    return true
  end
  local done <const>, err <const> = self.dut.try:ato()
  return done and true, err
end

--- Asks the module whether the link is still open; leaves it in command mode.
-- @treturn boolean
function soft.is_open(self)
  local left <const>, err <const> = soft.command_mode(self)
  if not left then
    return nil, err
  end
  local rows <const>, failed <const> = self.dut.try:qistate()
  if not rows then
    return nil, failed
  end
  for _, row in ipairs(rows) do
    if row.link_num == self.number then
      return true
    end
  end
  return false
end

--- Ends the link; closing twice is quiet.
-- @treturn boolean true
function soft.close(self)
  if self.is_closed then
    return true
  end
  self.is_closed = true
  local left, err = soft.command_mode(self)
  if left then
    left, err = self.dut.try:qiclose { link_num = self.number }
  end
  self.dut.dialog.on_data = nil
  if not left and not error_object.is(err, "rejected") then
    return nil, err
  end
  return true
end

for name, fn in pairs(soft) do
  loud[name] = function(...)
    local result <const>, err <const> = fn(...)
    if result == nil then
      error(err, 0)
    end
    return result
  end
end

--- A link that goes out of scope is ended; where that cannot be (the task was cancelled, the port
-- is gone), it is the teardown's.
function mt.__close(self)
  pcall(soft.close, self)
end

return passthrough
