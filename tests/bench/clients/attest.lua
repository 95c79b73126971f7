-- SPDX-License-Identifier: MIT
--
-- attest, as scripts use it. Run by `attest lua` from the project's root:
--
--     at N         dut:at("AT+GMR"), N times on every port at once
--     gmr N        dut:gmr(), the same
--     traced N     dut:at with a transcript
--     urc LINES    every line of AT+BENCHURC to a function on the port
--     urc_dut LINES   to a dut whose script hears none of them
--     urc_on LINES    to dut:on("*"), a task
--     qisend N     dut:qisend with 1024 bytes
--     echo BYTES   passthrough
--     memory KIND  PSS with one port, then with all: "port", "dut", "task"

local attest <const> = require "attest"
local core <const> = require "attest.core"
local marks <const> = require "tests.bench.marks"

local LAST <const> = "+BENCHEND"
local URC_TIMEOUT <const> = 120
local WINDOW <const> = 16384 -- bytes on their way in the echo

local paths <const> = marks.ports()
local workloads <const> = {}

local function each_port(fn)
  local tasks <const> = {}
  for i, path in ipairs(paths) do
    tasks[i] = core.spawn(fn, path, i)
  end
  for _, task in ipairs(tasks) do
    assert(task:join())
  end
end

local function repeated(count, command, prepare)
  local duts <const> = {}
  local warm_up <const> = #paths == 1 and 100 or 1
  local function work(times)
    each_port(function(_, i)
      local dut <const> = duts[i]
      for _ = 1, times do
        command(dut)
      end
    end)
  end
  for i, path in ipairs(paths) do
    duts[i] = attest.open(path)
    if prepare then prepare(duts[i]) end
  end
  work(warm_up)
  marks.mark "begin"
  work(count)
  marks.mark("end", count * #paths)
end

local function at(dut)
  assert(dut:at("AT+GMR").lines[1] == "+VERSION=CT12_V1.0.1")
end

function workloads.at(count)
  repeated(count, at)
end

function workloads.gmr(count)
  repeated(count, function(dut)
    assert(dut:gmr().version == "CT12_V1.0.1")
  end)
end

function workloads.traced(count)
  local path <const> = os.tmpname()
  repeated(count, at, function(dut)
    dut:trace(core.trace { path = path, slot = 1, port = dut.path })
    os.remove(path)
  end)
end

function workloads.qisend(count)
  local payload <const> = ("U"):rep(1024)
  repeated(count, function(dut)
    dut:qisend { link_num = 3, payload = payload }
  end)
end

-- Waits for the last line without polling.
local function stream(port, count, listen)
  local me <const> = core.current()
  listen(function()
    core.wake(me)
  end)
  marks.mark "begin"
  port:write(("AT+BENCHURC=%d\r\n"):format(count))
  assert(core.wait(URC_TIMEOUT))
end

function workloads.urc(count)
  local port <close> = assert(core.open(paths[1]))
  local lines = 0
  stream(port, count, function(done)
    port:listen(function(kind, text)
      if kind == "line" then
        lines = lines + 1
        if text == LAST then done() end
      end
    end)
  end)
  marks.mark("end", lines - 3) -- echo, OK, the last one
  assert(lines == count + 3, lines)
end

function workloads.urc_dut(count)
  local dut <const> = attest.open(paths[1])
  marks.mark "begin"
  dut:at(("AT+BENCHURC=%d"):format(count))
  assert(dut:await(LAST, { timeout = URC_TIMEOUT }))
  marks.mark("end", count)
end

function workloads.urc_on(count)
  local dut <const> = attest.open(paths[1])
  local lines = 0
  dut:on("*", function()
    lines = lines + 1
  end)
  marks.mark "begin"
  dut:at(("AT+BENCHURC=%d"):format(count))
  assert(dut:await(LAST, { timeout = URC_TIMEOUT }))
  core.sleep(0.01)
  marks.mark("end", count)
  if lines < count then
    io.stderr:write(("urc_on: %d of %d lines reached the function\n"):format(lines, count))
  end
end

function workloads.echo(total)
  local dut <const> = attest.open(paths[1])
  local port <const> = dut.port
  local block <const> = ("\0"):rep(WINDOW)
  local me <const> = core.current()
  local sent, back = WINDOW, 0
  dut:at(("AT+BENCHECHO=%d"):format(total))
  port:data(true)
  port:listen(function(kind, bytes)
    if kind ~= "data" then return end
    back = back + #bytes
    local room <const> = math.min(#bytes, total - sent)
    if room > 0 then
      port:write(block:sub(1, room))
      sent = sent + room
    end
    if back == total then core.wake(me) end
  end)
  marks.mark "begin"
  port:write(block)
  assert(core.wait(URC_TIMEOUT))
  marks.mark("end", total)
end

local openers <const> = {}

function openers.port(path)
  return assert(core.open(path))
end

function openers.dut(path)
  local dut <const> = attest.open(path)
  at(dut)
  return dut
end

function openers.task(path)
  local dut <const> = attest.open(path)
  core.spawn(function()
    at(dut)
    core.wait() -- the task stays, as a slot's does
  end)
  return dut
end

function workloads.memory(kind)
  local kept <const> = {}
  for i, path in ipairs(paths) do
    kept[i] = openers[kind](path)
    if i == 1 then
      core.sleep(0.05)
      collectgarbage()
      collectgarbage()
      marks.mark "one"
    end
  end
  core.sleep(0.1)
  collectgarbage()
  collectgarbage()
  marks.mark("all", #kept - 1)
  os.exit(0, false)
end

attest.run(function()
  local workload <const> = assert(workloads[arg[1]], "unknown workload")
  workload(tonumber(arg[2]) or arg[2])
end)
