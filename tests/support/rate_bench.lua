-- SPDX-License-Identifier: MIT
--
-- A module that stands at a rate: it hears and is heard only while the host
-- has the same one, and garbles otherwise. What it answers is the test's.
--
--     local m <close> = rate_bench.module { baud = 9600, echo = false }
--     m.dut:at("AT")                 -- garbage

local attest <const> = require "attest"
local core <const> = require "attest.core"

local rate_bench = {}

local methods <const> = {}
local mt <const> = { __index = methods }

function mt.__close(self)
  self.dut:close()
  self.port:close()
end

function methods:is_met()
  return self.port:client_baud() == self.baud
end

--- Sends bytes, which come as others where the rates differ.
function methods:say(bytes)
  if not self.port:is_closed() then
    self.port:write(self:is_met() and bytes or (bytes:gsub(".", "\x80")))
  end
end

--- Sends a line.
function methods:line(text)
  self:say("\r\n" .. text .. "\r\n")
end

local function hear(self, text)
  self.heard[#self.heard + 1] = text
  if self.echo then
    self:say(text .. "\r\n")
  end
  local answer = self.answers[text]
  if type(answer) == "function" then
    answer = answer(self)
  end
  for _, each in ipairs(type(answer) == "string" and { answer } or answer or {}) do
    self:line(each)
  end
end

local function receive(self, bytes)
  self.bytes = self.bytes + #bytes
  if not self:is_met() then
    return self:say(self.echo and bytes or "")
  end
  self.typed = self.typed .. bytes
  local text, rest = self.typed:match("^(.-)\r\n(.*)$")
  while text do
    self.typed = rest
    hear(self, text)
    text, rest = self.typed:match("^(.-)\r\n(.*)$")
  end
end

--- Makes a module and a DUT on it.
-- @tparam table options `baud`; `echo`, default true; `answers` by command: a
--   line, a list of lines, or a function that gives them; `attach`, options of
--   attest.attach; `wrap(port)`, what the host gets for its port
-- @treturn table with `dut`, `heard` (commands), `bytes` (how many came)
function rate_bench.module(options)
  local near <const>, far <const> = core.pair()
  local attach <const> = { module = "ct12" }
  for key, value in pairs(options.attach or {}) do
    attach[key] = value
  end
  local self <const> = setmetatable({
    port = far, baud = options.baud or 115200, echo = options.echo ~= false,
    answers = options.answers or { AT = "OK" }, heard = {}, typed = "", bytes = 0,
  }, mt)
  far:data(true)
  far:listen(function(kind, bytes)
    if kind == "data" then
      receive(self, bytes)
    end
  end)
  self.dut = assert(attest.attach(options.wrap and options.wrap(near) or near, attach))
  return self
end

return rate_bench
