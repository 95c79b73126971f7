-- SPDX-License-Identifier: MIT
--
-- luv alone: a tty, lines cut in Lua, a coroutine for each port. As somebody
-- would write it who has no framer in C.
--
--     at N, urc LINES, qisend N

local uv <const> = require "luv"
local marks <const> = require "tests.bench.marks"

local Port <const> = {}
Port.__index = Port

local function open(path)
  local fd <const> = assert(uv.fs_open(path, uv.constants.O_RDWR | uv.constants.O_NOCTTY, 0))
  local self <const> = setmetatable({ tty = assert(uv.new_tty(fd, true)), rest = "" }, Port)
  self.tty:set_mode(2)
  self.tty:read_start(function(err, bytes)
    assert(not err, err)
    if bytes then self:feed(bytes) end
  end)
  return self
end

function Port:feed(bytes)
  local text <const> = self.rest .. bytes
  local at = 1
  while true do
    local stop <const> = text:find("\n", at, true)
    if not stop then break end
    local line <const> = text:sub(at, text:byte(stop - 1) == 13 and stop - 2 or stop - 1)
    at = stop + 1
    if line ~= "" then self:line(line) end
  end
  self.rest = text:sub(at)
  if self.prompt and self.rest == ">" then
    self.rest, self.prompt = "", nil
    self.tty:write(self.payload)
  end
end

function Port:line(line)
  if line == self.final then
    local lines <const> = self.lines
    self.final = nil
    assert(coroutine.resume(self.waiter, lines))
  elseif self.on_line then
    self.on_line(line)
  elseif self.final then
    self.lines[#self.lines + 1] = line
  end
end

function Port:command(text, final)
  self.lines, self.final, self.waiter = {}, final or "OK", coroutine.running()
  self.tty:write(text .. "\r\n")
  return coroutine.yield()
end

local ports <const> = {}
for i, path in ipairs(marks.ports()) do
  ports[i] = open(path)
end

local function all(fn)
  local busy = #ports
  for _, port in ipairs(ports) do
    local co <const> = coroutine.create(function()
      fn(port)
      busy = busy - 1
    end)
    assert(coroutine.resume(co))
  end
  while busy > 0 do
    uv.run("once")
  end
end

local workloads <const> = {}

local function repeated(count, command)
  all(command)
  marks.mark "begin"
  all(function(port)
    for _ = 1, count do
      command(port)
    end
  end)
  marks.mark("end", count * #ports)
end

function workloads.at(count)
  repeated(count, function(port)
    assert(port:command("AT+GMR")[2] == "+VERSION=CT12_V1.0.1")
  end)
end

function workloads.qisend(count)
  local payload <const> = ("U"):rep(1024)
  repeated(count, function(port)
    port.payload, port.prompt = payload, true
    port:command("AT+QISEND=3,1024", "SEND OK")
  end)
end

function workloads.urc(count)
  local lines = 0
  ports[1].on_line = function()
    lines = lines + 1
  end
  marks.mark "begin"
  all(function(port)
    port:command(("AT+BENCHURC=%d"):format(count), "+BENCHEND")
  end)
  marks.mark("end", lines - 2)
end

function workloads.first()
  all(function(port)
    print(port:command("AT+GMR")[2])
    io.flush()
  end)
end

workloads[arg[1]](tonumber(arg[2]))
os.exit(0, false)
