-- SPDX-License-Identifier: MIT
--- TCP and UDP through the module, in AT mode, with the methods of a socket.
--
-- Data that comes before the socket is made waits with its link. The module
-- does not say which link a DISCONNECT is for: with one link it is that one,
-- with several the module is asked.

local check_options <const> = require("attest.modem.options").check
local chunks <const> = require "attest.modem.chunks"
local core <const> = require "attest.core"
local error_object <const> = require "attest.error"

local socket <const> = {}

--- Most bytes of one send, and of one datagram (manual 6.4.2).
local CHUNK <const> = 1024
--- Received bytes of a link that wait for a reader, unless a script says otherwise.
local MOST_UNREAD <const> = 1 << 20
--- Links whose data is kept; a module that goes wrong may name any number.
local MOST_LINKS <const> = 32

local soft <const> = {}
local loud <const> = {}
local mt <const> = { __name = "attest.socket", __index = loud }

local function new_link(dut, number)
  local link <const> = { received = chunks.new(MOST_UNREAD, true) }
  dut.links[number] = link
  return link
end

local function wake(link)
  if link.waiter then
    core.wake(link.waiter)
  end
end

local function has_room(dut)
  local count = 0
  for _ in pairs(dut.links) do
    count = count + 1
  end
  return count < MOST_LINKS
end

--- Finds the link that data is for; one that is opened just now has no socket yet.
local function link_of(dut, fields)
  local number <const> = fields.link_num
  return dut.links[number] or has_room(dut) and new_link(dut, number) or nil
end

local function lose(dut, fields, reason)
  local link <const> = link_of(dut, fields)
  if link then
    local payload <const> = fields.payload
    link.received:lose(payload and #payload or fields.length or 1, reason)
    wake(link)
  end
end

local function received(dut, fields)
  if not fields.payload then
    return lose(dut, fields, "more were announced than are taken at once")
  end
  local link <const> = link_of(dut, fields)
  if link then
    link.received:put(fields.payload)
    wake(link)
  end
end

--- The number is free again: the module may give it to another link.
local function mark_closed(dut, number)
  local link <const> = dut.links[number]
  dut.links[number] = nil
  link.closed = true
  wake(link)
end

--- A link of this transport is closed: one of these by its far end, one in direct mode, or one
-- that we have closed.
local function has_closed(dut, transport)
  local open <const>, ours <const> = {}, dut.farewells[transport]
  dut.farewells[transport] = math.max(ours - 1, 0)
  for number, link in pairs(dut.links) do
    if link.transport == transport and not link.closing then
      open[#open + 1] = number
    end
  end
  if #open == 0 then
    return
  elseif #open == 1 and ours == 0 and not dut.dialog.direct then
    return mark_closed(dut, open[1])
  end
  local rows <const> = dut.try:qistate()
  local alive <const> = {}
  for _, row in ipairs(rows or {}) do
    alive[row.link_num] = true
  end
  for _, number in ipairs(rows and open or {}) do
    if not alive[number] and dut.links[number] then
      mark_closed(dut, number)
    end
  end
end

--- Hears of data and of closed links, from the first socket on.
local function listen(dut)
  if dut.listens then
    return
  end
  dut.listens = true
  dut.farewells = { TCP = 0, UDP = 0 } -- of links that we close, still to come
  dut.dialog.router:on(dut.module.profile.received,
    function(fields) received(dut, fields) end,
    function(fields) lose(dut, fields, "too many URCs waited for a handler") end)
  dut:on("DISCONNECT", function() has_closed(dut, "TCP") end)
  dut:on("UDP_CLOSE", function() has_closed(dut, "UDP") end)
  dut:on(dut.module.profile.boot_word, function()
    for number in pairs(dut.links) do mark_closed(dut, number) end
  end)
end

local known <const> = {
  type = true, host = true, port = true, local_port = true, timeout = "seconds above 0",
  max_unread = "a number of bytes",
}
local known_wait <const> = { timeout = "seconds from 0" }

--- Opens a TCP or UDP link.
-- @tparam table options `host`, `port`, `type` ("TCP" or "UDP", default TCP), `local_port`,
--   `timeout` in seconds, `max_unread` (while so many bytes wait to be received, what comes is
--   lost, and `receive` says so; 1 MiB)
-- @treturn attest.socket
-- @raise attest.error "invalid", "rejected", "timeout"
function socket.open(dut, options)
  if options == nil then
    error("socket: options are a nil, expected a table", 3)
  end
  check_options("socket", options, known)
  listen(dut)
  local transport <const> = options.type or "TCP"
  local answer <const>, err <const> = dut.try:qiopen({
    type = transport, server_ip = options.host, server_port = options.port,
    local_port = options.local_port, mode = 0,
  }, { timeout = options.timeout })
  if not answer then
    return nil, err
  end
  local number <const> = answer.link_num
  local link = dut.links[number]
  if link and link.transport then -- the module has forgotten that one
    mark_closed(dut, number)
    link = nil
  end
  link = link or new_link(dut, number)
  link.transport = transport
  link.received.limit = options.max_unread or MOST_UNREAD
  local self <const> = setmetatable({
    dut = dut, link = link, number = number, transport = transport, try = {},
  }, mt)
  setmetatable(self.try, { __index = function(_, name)
    return function(_, ...) return soft[name](self, ...) end
  end })
  return self
end

local function closed_error(self)
  return error_object.new {
    code = "closed", message = ("link %d was closed by the far end"):format(self.number),
  }
end

--- Sends bytes. A datagram holds at most 1024; a stream is cut into pieces.
-- @tparam string bytes
-- @treturn boolean true
-- @raise attest.error "invalid", "rejected", "timeout", "closed"
function soft.send(self, bytes)
  if type(bytes) ~= "string" then
    error(("socket: a %s cannot be sent"):format(type(bytes)), 3)
  end
  if self.transport == "UDP" and #bytes > CHUNK then
    return nil, error_object.new {
      code = "invalid",
      message = ("a datagram of %d bytes: at most %d fit"):format(#bytes, CHUNK),
    }
  end
  for from = 1, #bytes, CHUNK do
    if self.link.closed then
      return nil, closed_error(self)
    end
    local sent <const>, err <const> = self.dut.try:qisend {
      link_num = self.number, payload = bytes:sub(from, from + CHUNK - 1),
    }
    if not sent then
      return nil, err
    end
  end
  return true
end

--- Receives bytes.
-- @tparam[opt] int count exactly so many; without it, what came in one piece (a datagram)
-- @tparam[opt] table options `timeout` in seconds, default 10
-- @treturn string
-- @raise attest.error "timeout" (with `partial`, what came; it stays readable), "closed";
--   "overflow" (with `lost` and `partial`) behind the bytes that waited when no more were kept
function soft.receive(self, count, options)
  if type(count) == "table" then
    count, options = nil, count
  end
  local link <const> = self.link
  local unread <const>, wanted <const> = link.received, count or 1
  check_options("socket", options, known_wait)
  unread:check(count, "socket")
  local timeout <const> = options and options.timeout or 10
  local deadline <const> = core.now() + timeout
  while unread.size < wanted do
    if unread.lost > 0 then
      return nil, unread:overflow(("link %d"):format(self.number))
    elseif link.closed then
      return nil, closed_error(self)
    end
    link.waiter = core.current()
    local left <const> = deadline - core.now()
    local woken <const> = left > 0 and core.wait(left)
    link.waiter = nil
    if not woken and unread.size < wanted then
      return nil, error_object.new {
        code = "timeout", seconds = timeout, partial = unread:look(),
        message = ("link %d: %d of %s bytes received within %g s"):format(self.number, unread.size,
          count or "some", timeout),
      }
    end
  end
  return unread:take(count)
end

--- Closes the link; closing twice is quiet.
-- @treturn boolean true
function soft.close(self)
  if self.is_closed then
    return true
  end
  self.is_closed = true
  local dut <const>, link <const> = self.dut, self.link
  if link.closed then
    return true
  end
  link.closing = true
  local farewells <const>, transport <const> = dut.farewells, self.transport
  farewells[transport] = farewells[transport] + 1
  local done <const>, err <const> = dut.try:qiclose { link_num = self.number }
  if dut.links[self.number] == link then -- what came until now was not for the next of this number
    dut.links[self.number] = nil
  end
  if not done then
    farewells[transport] = math.max(farewells[transport] - 1, 0)
    if not error_object.is(err, "rejected") then
      return nil, err
    end
  end
  return true
end

for name, fn in pairs(soft) do
  loud[name] = error_object.raising(fn)
end

--- A socket that goes out of scope closes its link; where it cannot (the task was cancelled, the
-- port is gone), the link is the teardown's.
function mt.__close(self)
  pcall(soft.close, self)
end

return socket
