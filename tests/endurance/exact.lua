-- SPDX-License-Identifier: MIT
--
-- Data mode, byte for byte: random bytes full of lookalikes go from a host
-- through `attest sim` on a PTY and a TCP connection to a foreign echo server
-- and back, with escapes to command mode in between while the echo is under
-- way. Nothing may be lost, doubled or moved, and the server must have seen
-- the bytes and nothing else. socat listens, tee echoes and keeps what it
-- saw, sha256sum and cmp judge.
--
--     attest lua tests/endurance/exact.lua [--mib 64] [--guard 0.02|1]
--         [--seed N] [--escapes N]
--
-- Ends with "N passed, N failed".

local here <const> = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../../?.lua;" .. package.path

local attest <const> = require "attest"
local child <const> = require "tests.support.child"
local core <const> = require "attest.core"
local lookalikes <const> = require "tests.support.lookalikes"
local uv <const> = require "luv"

local MIB <const> = 1024 * 1024
local FAR <const> = "192.0.2.1" -- where the module is told to connect to
-- Most bytes under way: what comes back must not wait for what is sent.
local WINDOW <const> = 4 * MIB
local PIECE <const> = 65536

-- ------------------------------------------------------------- the options
local function usage(text)
  io.stderr:write("exact.lua: ", text, "\n")
  os.exit(2)
end

local function read_options()
  local options <const> = { mib = 64, guard = 0.02, seed = os.time(), escapes = false }
  for i = 1, #arg, 2 do
    local name <const> = arg[i]:match("^%-%-(%a+)$")
    local value <const> = tonumber(arg[i + 1])
    if not name or options[name] == nil then
      usage(("unknown option %q"):format(arg[i]))
    elseif not value or value < 0 then
      usage(("%s is %s, expected a number"):format(arg[i], tostring(arg[i + 1])))
    end
    options[name] = value
  end
  -- An escape takes two guard times and the second of AT, ATO and their silences.
  options.escapes = options.escapes or (options.guard < 0.5 and 40 or 6)
  return options
end

-- ------------------------------------------------------------- the two ends
-- Says what a shell command said.
local function said_by(command)
  local pipe <const> = assert(io.popen(command .. " 2>&1"))
  local text <const> = pipe:read("a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local folder_mt <const> = { __close = function(folder)
  said_by(("rm -rf '%s'"):format(folder.path))
end }

local function folder_of_its_own()
  return setmetatable({ path = said_by("mktemp -d") }, folder_mt)
end

local function start_echo(path)
  local echo <const> = child.start {
    "socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1", "EXEC:tee " .. path,
  }
  echo:await("listening on AF=2 127.0.0.1:", 10)
  echo:await("\n", 10)
  return echo, assert(echo.text:match("127%.0%.0%.1:(%d+)"))
end

local function start_module(link, port, guard)
  local words <const> = { "--link", link }
  for _, set in ipairs { "boot=0.1", "register=0.1", "guard=" .. guard } do
    table.move({ "--set", set }, 1, 2, #words + 1, words)
  end
  table.move({ "--map", FAR .. "=127.0.0.1:" .. port }, 1, 2, #words + 1, words)
  local module <const> = child.start { uv.exepath(), "sim", "ct12", table.unpack(words) }
  module:await("ready ", 10)
  return module
end

-- ------------------------------------------------------------- the traffic
-- A pause that the module may take for the silence of an escape.
local function pause(run)
  core.sleep(run.guard * (1 + math.random()))
end

-- Sends a chunk. Three pluses alone are refused where they might be an escape.
local function send(run, bytes)
  local done, err = run.link.try:write(bytes, { timeout = 60 })
  if not done and err.code == "invalid" and bytes == "+++" then
    run.refused = run.refused + 1
    bytes = "+++."
    done, err = run.link.try:write(bytes, { timeout = 60 })
  end
  assert(done, err and tostring(err))
  run.sent_file:write(bytes)
  run.sent = run.sent + #bytes
end

local function write_all(run)
  local every <const> = run.total // (run.pauses + 1)
  local next_pause = every
  while run.sent < run.total do
    while run.sent - run.received > WINDOW do
      core.sleep(0.001)
    end
    if run.sent >= next_pause then
      next_pause = next_pause + every
      pause(run)
      send(run, lookalikes.lone_chunk())
      pause(run)
    end
    send(run, lookalikes.chunk())
  end
  run.is_written = true
end

local function read_all(run)
  while not run.is_written or run.received < run.sent do
    local bytes <const>, err <const> = run.link.try:read(nil, { timeout = 60 })
    assert(bytes, err and tostring(err))
    run.received = run.received + #bytes
    run.received_file:write(bytes)
  end
end

-- Takes the module to its commands and back, at random places of the stream.
local function escape_often(run)
  local places <const> = {}
  for i = 1, run.escapes do
    places[i] = math.random(0, run.total - 1)
  end
  table.sort(places)
  for _, place in ipairs(places) do
    while run.sent < place do
      core.sleep(0.002)
    end
    assert(run.link:command_mode())
    local rows <const> = run.dut:qistate()
    assert(#rows == 1 and rows[1].link_num == run.link.number, "the link is not in the list")
    assert(run.link:data_mode())
    run.escaped = run.escaped + 1
  end
end

local function join(task)
  local outcome <const> = table.pack(task:join(3600))
  if not outcome[1] then
    return tostring(outcome[2])
  end
end

-- ------------------------------------------------------------- the verdict
local passed, failed = 0, 0

local function check(name, holds, why)
  if holds then
    passed = passed + 1
    print("ok " .. name)
  else
    failed = failed + 1
    print(("FAILED %s: %s"):format(name, why))
  end
end

local function sha256_of(path)
  return said_by("sha256sum " .. path):match("^%x+")
end

local function judge(run, problem)
  check("the traffic came to its end", not problem, problem)
  check(("%d escapes"):format(run.escapes), run.escaped == run.escapes, run.escaped .. " only")
  local sent <const> = sha256_of(run.folder .. "/sent")
  for _, name in ipairs { "received", "far" } do
    local path <const> = run.folder .. "/" .. name
    local sum <const> = sha256_of(path)
    check(("%s is what was sent: %s"):format(name, sum), sum == sent,
      sent .. "; " .. said_by(("cmp %s/sent %s"):format(run.folder, path)))
  end
end

local function run_all(options)
  local place <close> = folder_of_its_own()
  local folder <const> = place.path
  local echo <const>, port <const> = start_echo(folder .. "/far")
  local module <const> = start_module(folder .. "/module", port, options.guard)
  local dut <close> = attest.open(folder .. "/module", { module = "ct12" })
  dut:ready()
  dut:registered()
  local run <const> = {
    folder = folder, dut = dut, guard = options.guard, total = options.mib * MIB // 1 | 0,
    escapes = options.escapes // 1 | 0, pauses = options.guard < 0.5 and 30 or 3,
    sent = 0, received = 0, escaped = 0, refused = 0,
    sent_file = assert(io.open(folder .. "/sent", "wb")),
    received_file = assert(io.open(folder .. "/received", "wb")),
    link = dut:passthrough { host = FAR, port = 7, guard = options.guard },
  }
  run.sent_file:setvbuf("full", PIECE)
  run.received_file:setvbuf("full", PIECE)
  local start <const> = core.now()
  local tasks <const> = {
    core.spawn(write_all, run), core.spawn(read_all, run), core.spawn(escape_often, run),
  }
  local problem
  for _, task in ipairs(tasks) do
    problem = problem or join(task)
    if problem then
      task:cancel("another failed")
    end
  end
  local seconds <const> = core.now() - start
  print(("%g MiB, guard %g s, seed %d: %.1f s, %d writes of +++ refused"):format(options.mib,
    options.guard, options.seed, seconds, run.refused))
  run.sent_file:close()
  run.received_file:close()
  pcall(run.link.close, run.link)
  if not problem then
    echo:join(10) -- tee has written everything
  end
  judge(run, problem)
  echo:kill()
  module:kill()
end

local options <const> = read_options()
math.randomseed(options.seed)
local task <const> = core.spawn(run_all, options)
local ok <const>, err <const>, traceback <const> = core.run(task)
check("it ran", ok, tostring(err) .. "\n" .. tostring(traceback))
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
