-- SPDX-License-Identifier: MIT
--
-- The TCP and UDP links of a simulated module: identifiers, who is at the
-- other end as the module was told, and pausing where the client or the far
-- end reads too slowly. Reports what arrives through two callbacks; prints nothing itself.
-- A link that is held is not listened to: the network keeps its bytes.

local errors <const> = require "attest.error"

local links = {}

-- Identifiers that the manual allows (6.4.1).
local FIRST <const>, LAST <const> = 3, 20
-- Most bytes reported at once: what AT+QISEND takes in the other direction.
local PIECE <const> = 1024
-- Bytes that a far end has not taken beyond which the client has to wait.
local CROWDED <const> = 64 * 1024

links.DIRECT = 1 -- <mode> of AT+QIOPEN

local methods <const> = {}
local mt <const> = { __name = "attest.sim.links", __index = methods }

--- Makes an empty table of links.
-- @tparam table options `peers`; `received(link, bytes)`, `lost(link)`;
--   `line`, a function that returns the line to the client
function links.new(options)
  return setmetatable({
    peers = options.peers,
    received = options.received,
    lost = options.lost,
    line = options.line,
    by_id = {},
  }, mt)
end

local function lowest_free(by_id)
  for id = FIRST, LAST do
    if not by_id[id] then
      return id
    end
  end
end

--- Tells whether another link of this mode fits.
-- @tparam integer mode 0 for AT mode, 1 for direct: only one of these
function methods:has_room(mode)
  if not lowest_free(self.by_id) then
    return false
  end
  for _, link in pairs(self.by_id) do
    if mode == links.DIRECT and link.mode == links.DIRECT then
      return false
    end
  end
  return true
end

--- Opens a link; waits for the connection. Nothing is received before start().
-- @tparam table told `type`, `host`, `port`, `local_port` and `mode`
-- @treturn[1] table link: `told`'s fields, `id` and the real `local_port`
-- @treturn[2] nil
-- @treturn[2] error
function methods:open(told)
  local connection <const>, err <const> = self.peers:connect(told)
  if not connection then
    return nil, err
  end
  local link <const> = {
    id = lowest_free(self.by_id),
    type = told.type,
    host = told.host,
    port = told.port,
    mode = told.mode,
    local_port = connection:local_port(),
    connection = connection,
    queue = {},
    unsent = 0,
  }
  self.by_id[link.id] = link
  return link
end

local function listen_again(self, link)
  if not link.is_held and not self.is_paused then
    link.connection:resume()
  end
end

-- The client reads slowly: nobody's bytes are taken until it has caught up.
local function pause(self)
  if self.is_paused then
    return
  end
  self.is_paused = true
  for _, link in ipairs(self:list()) do
    link.connection:pause()
  end
  self.line():when_drained(function()
    self.is_paused = false
    for _, link in ipairs(self:list()) do
      listen_again(self, link)
    end
  end)
end

local function deliver(self, link, bytes)
  local piece <const> = link.mode == links.DIRECT and math.max(#bytes, 1) or PIECE
  for at = 1, #bytes, piece do
    self.received(link, bytes:sub(at, at + piece - 1))
  end
  if self.line():is_crowded() then
    pause(self)
  end
end

-- Nothing can be sent any more: nobody waits for this.
local function forget(self, link)
  self.by_id[link.id] = nil
  if link.unsent > CROWDED then
    self.line():listen(true)
  end
end

--- Begins to receive on a link.
function methods:start(link)
  link.connection:start {
    data = function(bytes)
      if self.by_id[link.id] == link then
        deliver(self, link, bytes)
      end
    end,
    closed = function()
      if self.by_id[link.id] == link then
        forget(self, link)
        self.lost(link)
      end
    end,
  }
end

--- Finds an open link.
function methods:get(id)
  return self.by_id[id]
end

--- Lists the open links by identifier.
function methods:list()
  local out <const> = {}
  for id = FIRST, LAST do
    out[#out + 1] = self.by_id[id]
  end
  return out
end

--- Sends bytes; waits until the network took them.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] error
function methods:send(link, bytes)
  if self.by_id[link.id] ~= link then
    return nil, errors.new { code = "closed", message = "the link is closed" }
  end
  return self.peers:write(link.connection, bytes)
end

local function ignore() end

local function count_unsent(self, link, count)
  link.unsent = link.unsent + count
  if self.by_id[link.id] == link then
    self.line():listen(link.unsent <= CROWDED)
  end
end

local function send_queue(self, link)
  local bytes <const> = table.concat(link.queue)
  link.queue, link.is_sending = {}, true
  link.connection:write(bytes, function()
    link.is_sending = false
    count_unsent(self, link, -#bytes)
    if #link.queue > 0 then
      send_queue(self, link)
    end
  end)
end

--- Sends bytes as they come, in their order, and never waits: the client does.
-- Each piece of UDP is a datagram.
function methods:stream(link, bytes)
  count_unsent(self, link, #bytes)
  if link.type == "UDP" then
    return link.connection:write(bytes, function() count_unsent(self, link, -#bytes) end)
  end
  link.queue[#link.queue + 1] = bytes
  if not link.is_sending then
    send_queue(self, link)
  end
end

--- Listens to a link no more, for a while.
function methods:hold(link) -- luacheck: ignore 212/self
  link.is_held = true
  link.connection:pause()
end

--- Listens to all links again, or to one only.
-- @tparam[opt] table chosen link
function methods:listen(chosen)
  for _, link in ipairs(self:list()) do
    if chosen and link ~= chosen then
      self:hold(link)
    else
      link.is_held = false
      listen_again(self, link)
    end
  end
end

local function remove(self, link)
  forget(self, link)
  link.connection:close()
end

--- Closes a link without a word, once it has sent what it should.
function methods:close(link)
  if #link.queue > 0 then
    link.connection:write(table.concat(link.queue), ignore)
    link.queue = {}
  end
  remove(self, link)
end

--- Closes all links without a word, as a power cycle does.
function methods:close_all()
  for _, link in ipairs(self:list()) do
    remove(self, link)
  end
  self.is_paused = false
end

return links
