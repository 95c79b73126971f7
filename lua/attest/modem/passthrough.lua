-- SPDX-License-Identifier: MIT
--- A link whose every byte the module forwards: direct mode, with the methods
-- of a socket and the way to commands and back.
--
-- In command mode what the far end sends waits in the module. That the far end
-- closed is seen in the data, where anybody may write it, or in a line that
-- names no link: `maybe_closed` says that it looked so, `is_open` asks.

local check_options <const> = require("attest.modem.options").check
local chunks <const> = require "attest.modem.chunks"
local core <const> = require "attest.core"
local error_object <const> = require "attest.error"
local resume <const> = require "attest.dialog.resume"

local passthrough <const> = {}

--- Received bytes that wait for a reader, unless a script says otherwise.
local MOST_UNREAD <const> = 64 << 20

local soft <const> = {}
local loud <const> = {}
local mt <const> = { __name = "attest.passthrough", __index = loud }

--- What a module prints in command mode when a far end goes; it names no link.
local FAREWELLS <const> = { "DISCONNECT", "UDP_CLOSE" }

local function suspect(self)
  if not self.maybe_closed then
    self.maybe_closed = true
    self.dut.dialog:tell("flag", "maybe_closed")
  end
end

local function wake(self)
  if self.waiter then
    core.wake(self.waiter)
  end
end

local function take_in(self, bytes, is_goodbye)
  local received <const> = self.received
  local was_whole <const> = received.lost == 0
  received:put(bytes)
  if was_whole and received.lost > 0 then
    self.dut.dialog:tell("flag", "data_dropped")
  end
  if is_goodbye then
    self.maybe_closed = true -- the dialog has told it
  elseif self.is_resumed and resume.is_refusal(bytes) then
    suspect(self)
  end
  self.is_resumed = false
  wake(self)
end

local GUARD <const>, SIZE <const> = "0 to 3600 seconds", "a number of bytes"
local known <const> = {
  type = true, host = true, port = true, local_port = true, timeout = "seconds above 0",
  guard = GUARD, max_unread = SIZE,
}
local known_running <const> = { running = "boolean", guard = GUARD, max_unread = SIZE }
local known_wait <const> = { timeout = "seconds from 0" }

local function new(dut, max_unread)
  local self <const> = setmetatable({
    dut = dut, received = chunks.new(max_unread or MOST_UNREAD), maybe_closed = false, try = {},
  }, mt)
  setmetatable(self.try, { __index = function(_, name)
    return function(_, ...) return soft[name](self, ...) end
  end })
  return self
end

local function watch(self)
  self.watches = {}
  for i, name in ipairs(FAREWELLS) do
    self.watches[i] = self.dut:on(name, function() suspect(self) end)
  end
end

local function connect(dut, options)
  local answer <const>, err <const> = dut.try:qiopen({
    type = options.type or "TCP", server_ip = options.host, server_port = options.port,
    local_port = options.local_port, mode = 1,
  }, { timeout = options.timeout })
  return answer and answer.link_num, err
end

--- Opens a link in direct mode, or takes over a data mode that began otherwise: a client of simple
-- mode, a stream of messages.
-- @tparam table options `host`, `port`, `type` ("TCP" or "UDP", default TCP), `local_port`,
--   `timeout` in seconds, `guard` (seconds of silence around `+++`, default the profile's),
--   `max_unread` (while so many bytes wait to be read, what comes is lost, and `read` says so; 64
--   MiB); or `running` (true: the module forwards data already), `guard`, `max_unread`
-- @treturn attest.passthrough in data mode
-- @raise attest.error "invalid", "rejected", "timeout"
function passthrough.open(dut, options)
  if options == nil then
    error("passthrough: options are a nil, expected a table", 3)
  end
  local is_running <const> = type(options) == "table" and options.running
  check_options("passthrough", options, is_running and known_running or known)
  local self <const>, dialog <const> = new(dut, options.max_unread), dut.dialog
  local on_data <const>, on_gone <const>, guard <const> =
    dialog.on_data, dialog.on_gone, dialog.guard
  dialog.guard = options.guard and { before = options.guard, after = options.guard } or nil
  dialog.on_data = function(bytes, is_goodbye) take_in(self, bytes, is_goodbye) end
  dialog.on_gone = function() wake(self) end
  if options.running then
    dialog:enter_data()
  else
    local number <const>, err <const> = connect(dut, options)
    if not number then
      dialog.on_data, dialog.on_gone, dialog.guard = on_data, on_gone, guard
      return nil, err
    end
    self.number = number
  end
  self.session = dialog.session
  dialog.direct = self
  watch(self)
  return self
end

local function closed_error(self)
  return self.dut.dialog.closed or error_object.new {
    code = "closed",
    message = self.number and ("passthrough: link %d is closed"):format(self.number)
      or "passthrough: the data mode that was taken over is closed",
  }
end

--- Whether the dialog's data mode is this link's still.
local function is_ours(self)
  return not self.is_closed and self.session == self.dut.dialog.session
end

--- Sends bytes to the far end, in their order. Waits while the line is behind; while another task
-- takes the module to command mode and until it is back; never for the far end.
-- @tparam string bytes; three pluses alone after a silence are refused: they would be an escape
-- @tparam[opt] table options `timeout` in seconds, default what the line needs for the bytes and
--   some; when it is over, the error's `sent` tells how many of them went
-- @treturn boolean true
-- @raise attest.error "invalid", "timeout", "closed"
function soft.write(self, bytes, options)
  check_options("passthrough", options, known_wait)
  if type(bytes) ~= "string" then
    error(("passthrough: a %s cannot be written"):format(type(bytes)), 3)
  elseif not is_ours(self) then
    return nil, closed_error(self)
  end
  return self.dut.dialog:write(bytes, options and options.timeout)
end

--- Reads bytes from the far end.
-- @tparam[opt] int count exactly so many; without it, what came in one piece
-- @tparam[opt] table options `timeout` in seconds, default 10
-- @treturn string
-- @raise attest.error "timeout" (with `partial`; it stays readable), "closed"; "overflow" (with
--   `lost` and `partial`) behind the bytes that waited when `max_unread` was reached, from then on
function soft.read(self, count, options)
  if type(count) == "table" then
    count, options = nil, count
  end
  check_options("passthrough", options, known_wait)
  local received <const>, wanted <const> = self.received, count or 1
  received:check(count, "passthrough")
  if self.waiter then
    error("passthrough: another task is reading", 3)
  end
  local timeout <const> = options and options.timeout or 10
  local deadline <const> = core.now() + timeout
  local reader <close> = setmetatable({}, { __close = function() -- luacheck: ignore 211/reader
    self.waiter = nil
  end })
  while received.size < wanted do
    if received.lost > 0 then
      return nil, received:overflow("passthrough")
    elseif self.dut.dialog.closed then
      return nil, self.dut.dialog.closed
    elseif not is_ours(self) then
      return nil, closed_error(self)
    end
    local left <const> = deadline - core.now()
    if left <= 0 then
      return nil, error_object.new {
        code = "timeout", seconds = timeout, partial = received:look(),
        message = ("passthrough: %d of %s bytes read within %g s"):format(received.size,
          count or "some", timeout),
      }
    end
    self.waiter = core.current()
    core.wait(left)
  end
  return received:take(count)
end

--- Leaves data mode: `+++` with silence around it, proved by AT. What arrives meanwhile is data,
-- and what other tasks write waits.
-- @treturn boolean true
-- @raise attest.error "timeout" when the module does not leave it: then the pluses and AT went to
--   the far end; "closed"
function soft.command_mode(self)
  if not self.dut.dialog.is_data then
    return true
  end
  local done <const>, err <const> = self.dut.try:escape()
  return done and true, err
end

--- Enters data mode again.
-- @treturn boolean true
-- @raise attest.error "rejected" when the module has no such link any more, "closed"
function soft.data_mode(self)
  local dialog <const> = self.dut.dialog
  if not is_ours(self) then
    return nil, closed_error(self)
  elseif dialog.is_data then
    return true
  end
  self.is_resumed = true
  local done <const>, err <const> = self.dut.try:ato()
  return done and true, err
end

-- Without a number only ATO tells: it is refused where there is nothing to go on with.
local function can_resume(self)
  local resumed <const>, err <const> = soft.data_mode(self)
  if resumed then
    return soft.command_mode(self)
  elseif error_object.is(err, "rejected") then
    return false
  end
  return nil, err
end

local function is_listed(self)
  local rows <const>, err <const> = self.dut.try:qistate()
  if not rows then
    return nil, err
  end
  for _, row in ipairs(rows) do
    if row.link_num == self.number then
      return true
    end
  end
  return false
end

--- Asks the module whether the link is still open; leaves it in command mode.
-- @treturn boolean
function soft.is_open(self)
  if not is_ours(self) then
    return false
  end
  local left <const>, err <const> = soft.command_mode(self)
  if not left then
    return nil, err
  end
  local is_open <const>, failed <const> = (self.number and is_listed or can_resume)(self)
  if is_open then
    self.maybe_closed = false
  elseif is_open == false then
    self.dut.dialog.session = nil
  end
  return is_open, failed
end

local function unwatch(self)
  for _, each in ipairs(self.watches) do
    each:off()
  end
end

local function let_go(dialog)
  dialog.direct, dialog.session, dialog.on_data, dialog.on_gone = nil, nil, nil, nil
end

--- Ends the link; closing twice is quiet, and so is closing one that the far end ended. A data
-- mode that was taken over is left.
-- @treturn boolean true
function soft.close(self)
  if self.is_closed then
    return true
  end
  self.is_closed = true
  unwatch(self)
  wake(self)
  local dialog <const> = self.dut.dialog
  if dialog.direct ~= self then
    return true
  end
  local left, err = soft.command_mode(self)
  if left and self.number and self.session == dialog.session then
    left, err = self.dut.try:qiclose { link_num = self.number }
  end
  let_go(dialog)
  if not left and not error_object.is(err, "rejected") then
    return nil, err
  end
  return true
end

for name, fn in pairs(soft) do
  loud[name] = error_object.raising(fn)
end

--- A link that goes out of scope is ended; where that cannot be (the task was cancelled, the port
-- is gone), it is the teardown's.
function mt.__close(self)
  pcall(soft.close, self)
end

return passthrough
