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
--     echo BYTES   passthrough, a function on the port
--     link BYTES   the same by dut:passthrough
--     urc_counted LINES   counted in C, all but the last
--     memory KIND  PSS with one port, then with all: "port", "dut", "task"
--     timing N     how late sleeps, guards and receive stamps are; the ports
--                  after the first ones are busy meanwhile

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

local function repeated(count, command, prepare, finish)
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
  if finish then finish() end
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

-- What is not written yet when the last command ends is written before the
-- interval does: its CPU time counts, and its wall time is up to 0.1 s more.
function workloads.traced(count)
  local path <const>, traces <const> = os.tmpname(), {}
  repeated(count, at, function(dut)
    local trace <const> = core.trace { path = path, slot = 1, port = dut.path }
    traces[#traces + 1] = trace
    dut:trace(trace)
    os.remove(path)
  end, function()
    for _, trace in ipairs(traces) do
      while trace:behind() > 0 do core.sleep(0.001) end
    end
  end)
end

function workloads.qisend(count)
  local payload <const> = ("U"):rep(1024)
  repeated(count, function(dut)
    dut:qisend { link_num = 3, payload = payload }
  end)
end

-- Waits for the last line without polling.
local function stream(port, count, listen, then_do)
  local me <const> = core.current()
  listen(function()
    core.wake(me)
  end)
  marks.mark "begin"
  port:write(("AT+BENCHURC=%d\r\n"):format(count))
  if then_do then then_do() end
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

function workloads.urc_counted(count)
  local port <close> = assert(core.open(paths[1]))
  stream(port, count, function(done)
    port:listen(function(kind, text)
      if kind == "line" and text == LAST then done() end
    end)
  end, function()
    port:hear { LAST }
  end)
  marks.mark("end", count)
  assert(port:unheard() == count + 2, port:unheard()) -- echo and OK, too
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

-- As a script has it: a link's write and read.
function workloads.link(total)
  local dut <const> = attest.open(paths[1])
  local block <const> = ("\0"):rep(WINDOW)
  local sent, back = WINDOW, 0
  dut:at(("AT+BENCHECHO=%d"):format(total))
  local link <const> = dut:passthrough { running = true }
  marks.mark "begin"
  link:write(block)
  while back < total do
    local count <const> = #link:read()
    local room <const> = math.min(count, total - sent)
    back, sent = back + count, sent + room
    if room > 0 then link:write(block:sub(1, room)) end
  end
  marks.mark("end", total)
  os.exit(0, false)
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

-- Lateness, each in us: what is told is the median, the 99th percentile and the worst.
local function tell(name, late)
  table.sort(late)
  local file <close> = assert(io.open(os.getenv("BENCH_FIGURES"), "a"))
  file:write(("%s\t%.1f\t%.1f\t%.1f\t%d\n"):format(name, late[(#late + 1) // 2],
    late[math.ceil(#late * 0.99)], late[#late], #late))
end

local SLEEP <const> = 0.010

local function sleeps(count)
  local late <const> = {}
  for i = 1, count do
    local from <const> = core.now()
    attest.sleep(SLEEP)
    late[i] = (core.now() - from - SLEEP) * 1e6
  end
  return late
end

-- A line tells when it was written, the port when it was read.
local function stamps(count)
  local port <close> = assert(core.open(paths[1]))
  local me <const>, late <const> = core.current(), {}
  port:listen(function(kind, text)
    local written <const> = kind == "line" and text:match("^%+T: (%d+)")
    if not written then return end
    late[#late + 1] = port:stamp() * 1e6 - tonumber(written) / 1e3
    if #late == count then core.wake(me) end
  end)
  port:write(("AT+BENCHTIME=%d\r\n"):format(count))
  assert(core.wait(URC_TIMEOUT))
  return late
end

local GUARD <const> = 0.2 -- the responder's
local GUARD_PORTS <const> = 16
-- What the escape waits on purpose beyond the silence that it is told.
local MARGIN <const> = require("attest.dialog.escape").margin or 0

local function escape(dut, before, after)
  local link <const> = dut:passthrough { host = "192.0.2.1", port = 7, guard = GUARD }
  link:write("x")
  link:command_mode()
  local line <const> = dut:at("AT+BENCHGUARD?").lines[1]
  local first <const>, second <const> = line:match("(%d+),(%d+)$")
  before[#before + 1] = tonumber(first) / 1e3 - (GUARD + MARGIN) * 1e6
  after[#after + 1] = tonumber(second) / 1e3
  link:close()
end

local function guards(count)
  local before <const>, after <const>, tasks <const> = {}, {}, {}
  for i = 1, GUARD_PORTS do
    tasks[i] = core.spawn(function()
      local dut <close> = attest.open(paths[i])
      core.sleep(i * 0.037) -- so that they do not wait for each other
      for _ = 1, math.ceil(count / GUARD_PORTS) do
        escape(dut, before, after)
      end
    end)
  end
  for _, task in ipairs(tasks) do
    assert(task:join())
  end
  return before, after
end

--- The first ports are measured, the others keep the loop busy.
function workloads.timing(count)
  local load <const> = #paths > GUARD_PORTS and ("%d busy ports"):format(#paths - GUARD_PORTS)
    or "idle"
  for i = GUARD_PORTS + 1, #paths do
    core.spawn(function()
      local dut <const> = attest.open(paths[i])
      while true do at(dut) end
    end)
  end
  core.sleep(0.2)
  tell("sleep(0.010), " .. load, sleeps(count))
  tell("receive stamp, " .. load, stamps(count))
  local before <const>, after <const> = guards(math.max(GUARD_PORTS, count // 4))
  tell("silence before +++, " .. load, before)
  tell("from OK to AT, " .. load, after)
  os.exit(0, false)
end

attest.run(function()
  local workload <const> = assert(workloads[arg[1]], "unknown workload")
  workload(tonumber(arg[2]) or arg[2])
end)
