-- SPDX-License-Identifier: MIT
--
-- A DUT whose module side is the test itself: it sees the bytes that the host
-- sends and says what it likes. Echoes and answers only what it is told to.
--
--     local b <close> = bench.new()
--     local call = b:start("AT+CSQ")         -- in a task
--     b:say("AT+CSQ\r\n\r\n+CSQ: 15,99\r\n\r\nOK\r\n")
--     local answer, err = b:result(call)

local attest <const> = require "attest"
local core <const> = require "attest.core"

local bench = {}

local methods <const> = {}
local mt <const> = { __index = methods }

function mt.__close(self)
  self.dut:close()
  self.module:close()
end

--- Runs `dut.try:at(text, options)` in a task.
function methods:start(text, options)
  return self:run(function() return self.dut.try:at(text, options) end)
end

--- Runs a function in a task and lets it begin.
function methods.run(_, fn)
  local task <const> = core.spawn(fn)
  core.sleep(0.001)
  return task
end

--- What a task returned.
function methods.result(_, task)
  local outcome <const> = table.pack(task:join(600))
  assert(outcome[1], outcome[2])
  return table.unpack(outcome, 2, outcome.n)
end

--- The module says something, in one piece or in the pieces given.
function methods:say(...)
  for _, bytes in ipairs { ... } do
    self.module:write(bytes)
    core.sleep(0.001)
  end
end

--- Answers a command once it was sent: its echo, then each line.
function methods:answer(text, ...)
  assert(self:sent() == text .. "\r\n", "the host sent something else")
  self:say(text .. "\r\n")
  for _, line in ipairs { ... } do
    self:say("\r\n" .. line .. "\r\n")
  end
end

--- What the host sent since the last look.
function methods:sent()
  core.sleep(0.001)
  local bytes <const> = self.bytes
  self.bytes = ""
  return bytes
end

--- Makes a bench.
-- @tparam[opt] table options of attest.attach
-- @tparam[opt] boolean is_unobserved commands may take the short way; no `events`
function bench.new(options, is_unobserved)
  local host <const>, module <const> = core.pair()
  local given <const> = { module = "ct12" }
  for key, value in pairs(options or {}) do given[key] = value end
  local self <const> = setmetatable({ module = module, bytes = "", events = {} }, mt)
  self.dut = assert(attest.attach(host, given))
  if not is_unobserved then
    self.dut:observe(function(event, value)
      self.events[#self.events + 1] = value and event .. ":" .. value or event
    end)
  end
  module:data(true)
  module:listen(function(kind, bytes)
    if kind == "data" then self.bytes = self.bytes .. bytes end
  end)
  return self
end

return bench
