-- SPDX-License-Identifier: MIT
--
-- The story of the ML302's manual, 3.4, with a transcript: the plan of
-- scripts/regression on a simulated module in this process, whose broker falls
-- silent after some pings. On whatever clock the process has.

local attest <const> = require "attest"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local lfs <const> = require "lfs"
local mqtt_peer <const> = require "tests.support.mqtt_peer"
local runner <const> = require "attest.runner"
local sim <const> = require "attest.sim"
local uv <const> = require "luv"

local ROOT <const> = arg[0]:match("^(.*)/tests/.*$") or "."
local ADDRESS <const> = "183.230.40.39:6002"
local PINGS <const> = 2 -- that are answered
local PATIENCE <const> = 30 -- seconds of real time

local lost_server = {}

local GOLDEN <const> = ROOT .. "/tests/transcripts/ml302_3_4_lost_server.txt"

--- What makes the story short: settings of the module, parameters of the plan,
-- and a server that refuses where else it would be waited for.
lost_server.HURRY = {
  set = { ping = "0.5", reconnect = "0.1" }, params = { keepalive = "2", ack = "1" },
  refuses = true,
}

local function server(net, refuses)
  local broker <const> = mqtt_peer.new(net)
  local count = 0
  broker.answers.pingreq = function()
    count = count + 1
    if count <= PINGS then
      return { type = "pingresp" }
    end
    net.servers[ADDRESS] = not refuses and fake_net.sink or nil
    return nil
  end
  net.servers[ADDRESS] = broker.serve
end

local function open(set, refuses)
  local net <const> = fake_net.new()
  server(net, refuses)
  local near <const>, far <const> = core.pair()
  local module <const> = assert(sim.new { module = "ml302", net = net, set = set })
  module:serve(far)
  return attest.attach(near, { module = "ml302", path = "sim", simulated = module })
end

local function yes()
  return true
end

local silent <const> = { write = function(self) return self end, flush = function() end }

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

-- Reads the only file of a folder, once the loop has written its last line; the
-- disk knows no virtual clock.
local function take_transcript(folder)
  local deadline <const> = uv.hrtime() + PATIENCE * 1000000000
  local path
  for name in lfs.dir(folder) do
    path = name:find("%.trace$") and folder .. "/" .. name or path
  end
  local text = read(path)
  while not text:find(" closed\n$") and uv.hrtime() < deadline do
    core.sleep(0)
    text = read(path)
  end
  os.remove(path)
  return text
end

--- What both sides said, without times: a line for each turn of one side.
local function without_times(text)
  local list = {}
  for direction, bytes in text:gmatch("%S+ %S+ ([<>]) %S+ %S+ ([^\n]*)\n") do
    if list[#list] and list[#list]:sub(1, 1) == direction then
      list[#list] = list[#list] .. bytes
    else
      list[#list + 1] = direction .. " " .. bytes
    end
  end
  return table.concat(list, "\n") .. "\n"
end

--- Runs the plan. Waits.
-- @tparam[opt] table options `set` of the module, `params` of the plan, `refuses`
-- @treturn integer exit status
-- @treturn string its transcript without times
-- @treturn number seconds that it took, on the process's clock
function lost_server.run(options)
  options = options or {}
  local folder <const> = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  local from <const> = core.now()
  local status <const> = runner.run {
    scripts = { ROOT .. "/scripts/regression/ml302_3_4_lost_server.lua" },
    ports = { "sim" }, transcript = folder, params = options.params,
    open = function() return open(options.set, options.refuses) end,
    store = { begin = yes, finish = yes, close = yes, recover = function() return {} end },
    signals = function() return yes end,
    out = silent, err = io.stderr,
  }
  local text <const> = take_transcript(folder)
  lfs.rmdir(folder)
  return status, without_times(text), core.now() - from
end

--- Reads the golden transcript, for a keepalive and a patience.
-- @tparam string keepalive as in the golden one: "10"
-- @tparam string ack "10"
-- @treturn string
function lost_server.golden(keepalive, ack)
  local file <close> = assert(io.open(GOLDEN, "rb"))
  local text <const> = file:read("a"):gsub(',10,"75829"', (',%s,"75829"'):format(keepalive))
  return (text:gsub("MQTTTO=10", "MQTTTO=" .. ack))
end

return lost_server
