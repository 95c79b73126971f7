-- SPDX-License-Identifier: MIT
--
-- A client of a simulated module that knows no AT command: it writes bytes
-- and looks at the bytes that come back. Its calls wait.

local core <const> = require "attest.core"
local sim <const> = require "attest.sim"

local bare_client = {}

local methods <const> = {}
local mt <const> = { __index = methods }

--- Attaches to a port of any kind.
function bare_client.attach(port)
  local self <const> = setmetatable({ port = port, bytes = "" }, mt)
  port:data(true)
  port:listen(function(kind, bytes)
    if kind == "data" then
      self.bytes = self.bytes .. bytes
      if self.waiter then
        core.wake(self.waiter)
      end
    elseif kind == "closed" then
      self.is_closed = true
    end
  end)
  return self
end

--- Starts a simulated ct12 on a pair.
-- @tparam[opt] table options of sim.new, `chunk` (bytes per turn) and `baud`
-- @treturn client
function bare_client.start(options)
  local given <const> = { module = "ct12" }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  local chunk <const> = given.chunk or 8
  local baud <const> = given.baud
  given.chunk, given.baud = nil, nil
  local near <const>, far <const> = core.pair(chunk)
  local self <const> = bare_client.attach(near)
  near:set { baud = baud }
  self.sim = assert(sim.new(given))
  self.sim:serve(far)
  return self
end

--- Starts one that has booted and found its network; its words are gone.
function bare_client.started(options)
  local self <const> = bare_client.start(options)
  self:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
  return self
end

function methods:send(bytes)
  assert(self.port:write(bytes))
end

--- Takes what has come so far.
function methods:take()
  local bytes <const> = self.bytes
  self.bytes = ""
  return bytes
end

--- Waits and takes what came meanwhile.
function methods:listen(seconds)
  core.sleep(seconds)
  return self:take()
end

--- Waits for a text and takes everything up to its end.
function methods:expect(text, seconds)
  local deadline <const> = core.now() + (seconds or 60)
  self.waiter = core.current()
  while true do
    local _, last <const> = self.bytes:find(text, 1, true)
    if last then
      local bytes <const> = self.bytes:sub(1, last)
      self.bytes = self.bytes:sub(last + 1)
      self.waiter = nil
      return bytes
    end
    if not core.wait(math.max(0, deadline - core.now())) then
      self.waiter = nil
      error(string.format("no %q in %q", text, self.bytes), 2)
    end
  end
end

--- Has the module change its rate, and follows it.
-- @tparam string command such as "AT+IPR=9600"
function methods:change_rate(command)
  self:send(command .. "\r\n")
  self:expect("\r\nOK\r\n")
  self.port:set { baud = math.tointeger(command:match("=(%d+)")) }
end

--- Sends a command with CR LF and takes all that comes within a second.
function methods:ask(command, seconds)
  self:take()
  self:send(command .. "\r\n")
  return self:listen(seconds or 1)
end

--- As ask(), but only the answer, as a list of lines: no echo, no empty line.
function methods:lines(command, seconds)
  local bytes = self:ask(command, seconds)
  local echo <const> = command:match("^[^\r]*") .. "\r\n"
  if bytes:sub(1, #echo) == echo then
    bytes = bytes:sub(#echo + 1)
  end
  local list <const> = {}
  for line in bytes:gmatch("[^\r\n]+") do
    list[#list + 1] = line
  end
  return list
end

function methods:close()
  if self.sim then
    self.sim:close()
  end
  self.port:close()
end

mt.__close = methods.close

return bare_client
