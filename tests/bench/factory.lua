-- SPDX-License-Identifier: MIT
--
-- Full runs of scripts/factory/ct12_final.lua on simulated slots in process,
-- on the virtual clock and a network inside the process: what is left is what
-- engine, simulator, runner and store cost. Prints runs, real seconds, CPU
-- seconds, seconds of virtual time and verdicts.
--
--     attest lua tests/bench/factory.lua SLOTS ROUNDS DB

local attest <const> = require "attest"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local runner <const> = require "attest.runner"
local sim <const> = require "attest.sim"
local uv <const> = require "luv"

local EPOCH <const> = 2208988800 -- seconds from 1900 to 1970
local NTP_HEADER <const> = ">BBbbI4I4I4I4I4"
local slots <const>, rounds <const>, db <const> = tonumber(arg[1]), tonumber(arg[2]), arg[3]

local function ntp_server(peer)
  function peer.data(_, request)
    local now <const> = core.wall()
    local whole <const> = math.floor(now)
    local stamp <const> = string.pack(">I4I4", (whole + EPOCH) & 0xffffffff,
      math.floor((now - whole) * 2 ^ 32))
    peer:send(string.pack(NTP_HEADER, 4 << 3 | 4, 1, 4, -20, 0, 0, 0, 0, 0)
      .. request:sub(41, 48) .. stamp .. stamp)
  end
end

local function network()
  local net <const> = fake_net.new()
  net.names["echo.example.net"] = "192.0.2.1"
  net.names["ntp.example.net"] = "192.0.2.2"
  net.names["ping.example.net"] = "192.0.2.3"
  net.servers["192.0.2.1:7"] = fake_net.echo
  net.servers["192.0.2.2:123"] = ntp_server
  net.answers["192.0.2.3"] = { 20, 21, 22, 23 }
  return net
end

local function open(path, options)
  local ours <const>, theirs <const> = core.pair()
  local module <const> = assert(sim.new {
    module = "ct12", set = { wire = "0:1" }, net = network(),
  })
  module:serve(theirs)
  return attest.attach(ours, { module = options.module, path = path, simulated = module })
end

local nowhere <const> = setmetatable({}, { __index = {
  write = function(self) return self end,
  flush = function() end,
} })

local verdicts <const> = {}
local function counting(stream)
  return {
    write = function(_, ...)
      stream.text = (stream.text or "") .. table.concat { ... }
      return stream
    end,
    flush = function() end,
  }
end

local ports <const> = {}
for i = 1, slots do
  ports[i] = ("slot%d"):format(i)
end

local function cpu()
  local used <const> = uv.getrusage()
  return used.utime.sec + used.stime.sec + (used.utime.usec + used.stime.usec) / 1e6
end

core.virtual()
local began <const>, spent <const>, before <const> = uv.hrtime(), cpu(), core.now()
local log <const> = {}
local status <const> = runner.run {
  scripts = { "scripts/factory/ct12_final.lua" }, ports = ports, db = db, ["repeat"] = rounds,
  open = open, out = counting(log), err = nowhere,
  signals = function() return function() end end,
}
for verdict in (log.text or ""):gmatch("slot %d+ +(%u+)") do
  verdicts[verdict] = (verdicts[verdict] or 0) + 1
end
local list <const> = {}
for verdict, count in pairs(verdicts) do
  list[#list + 1] = ("%s=%d"):format(verdict, count)
end
print(slots * rounds, (uv.hrtime() - began) / 1e9, cpu() - spent, core.now() - before,
  "status=" .. status, table.concat(list, ","))
if status ~= 0 and os.getenv("BENCH_VERBOSE") then
  io.stderr:write(log.text or "", "\n")
end
