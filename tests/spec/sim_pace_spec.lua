-- SPDX-License-Identifier: MIT
--
-- `--set pace=on`: what a simulated module says takes the time that its rate
-- needs, on the virtual clock.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"

core.virtual()

local SERVER <const> = "192.0.2.1"
local LATENCY <const> = 0.01 -- of the network, each way
local BOOT <const> = "\r\nRDY\r\n\r\nSIM_SUCCESS\r\n\r\nNETWORK_ACTIVATE_SUCCESS\r\n"

-- A module at another rate; a pair's client follows it.
local function started(command, options)
  local given <const> = { chunk = 0, set = { pace = "on" } }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  local client <const> = bare_client.started(given)
  if command then
    client:change_rate(command)
    client:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
  end
  return client
end

-- Seconds from now on until so many bytes have come.
local function time_of(client, count)
  local start <const> = core.now()
  while #client.bytes < count and core.now() < start + 600 do
    core.sleep(0.001)
  end
  return core.now() - start
end

local function is_near(expected, value)
  assert.is_true(math.abs(value - expected) < 0.01 + 0.002 * expected, value)
end

describe("a paced module", function()
  it("needs 1.07 s for a KiB at 9600", async(function()
    local client <close> = started("AT+IPR=9600")
    client:ask("ATE0")
    client.sim.machine.settings.version = ("v"):rep(1024 - #"\r\n+VERSION=\r\n" - #"\r\nOK\r\n")
    client:send("AT+GMR\r\n")
    is_near(1024 * 10 / 9600, time_of(client, 1024))
    assert.equal(1024, #client:listen(1))
  end))

  it("needs the time of its own rate, stop bits and parity", async(function()
    for command, bits in pairs {
      ["AT+IPR=115200"] = 10, ["AT+IPR=115200,8,0,0"] = 10, ["AT+IPR=115200,8,1,0"] = 10,
      ["AT+IPR=115200,8,2,0"] = 11, ["AT+IPR=115200,8,0,1"] = 11, ["AT+IPR=115200,7,0,0"] = 9,
    } do
      local client <close> = started(command)
      client.sim.machine:write(("x"):rep(11520))
      is_near(bits / 10, time_of(client, 11520))
    end
  end))

  it("says it in small pieces and in order, URCs and answers alike", async(function()
    local client <close> = started("AT+IPR=4800")
    client:ask("ATE0")
    local pieces <const> = {}
    client.port:listen(function(_, bytes)
      pieces[#pieces + 1] = bytes
    end)
    client:send("AT+CSQ\r\n")
    core.sleep(0.01)
    client.sim.machine:announce("+CREG", { stat = 1 })
    core.sleep(1)
    assert.equal("\r\n+CSQ: 23,99\r\n\r\nOK\r\n\r\n+CREG:1\r\n", table.concat(pieces))
    assert.is_true(#pieces > 2)
    for _, piece in ipairs(pieces) do
      assert.is_true(#piece <= 16)
    end
  end))

  it("paces data mode, too", async(function()
    local net <const> = fake_net.new()
    net.servers[SERVER .. ":7"] = fake_net.echo
    local client <close> = started("AT+IPR=9600", { net = net })
    client:send(('AT+QIOPEN="TCP","%s",7,0,1\r\n'):format(SERVER))
    client:expect("CONNECT,ID:3\r\n")
    client:send(("d"):rep(960))
    is_near(1 + 2 * LATENCY, time_of(client, 960))
    assert.equal(("d"):rep(960), client:take())
  end))

  it("lets a reboot's last words leave at the old rate before the new ones", async(function()
    local client <close> = started("AT+IPR=4800", { set = { pace = "on", boot = 0, register = 0 } })
    client:ask("ATE0")
    client:change_rate("AT+IPR=115200")
    assert.equal(BOOT, client:listen(2))
  end))

  it("pauses peers while its client cannot keep up, and loses nothing", async(function()
    local net <const> = fake_net.new()
    local sent <const> = {}
    net.servers[SERVER .. ":7"] = function(peer)
      for i = 1, 200 do
        sent[i] = ("%04d"):format(i):rep(256)
        peer:send(sent[i])
      end
    end
    local client <close> = started(nil, { net = net })
    client:send(('AT+QIOPEN="TCP","%s",7,0,0\r\n'):format(SERVER))
    client:expect("CONNECT,ID:3\r\n")
    core.sleep(1)
    assert.is_true(net.pauses > 0)
    assert.is_true(client.sim.machine.line:backlog() < 80 * 1024) -- of the 200 KiB
    core.sleep(60)
    local received <const> = {}
    for bytes in client:take():gmatch("%+QIRD:3,1024\r\n(" .. ("."):rep(1024) .. ")\r\n") do
      received[#received + 1] = bytes
    end
    assert.same(sent, received)
  end))

  it("drops what does not fit in a line that it floods", async(function()
    local client <close> = started("AT+IPR=4800")
    for _ = 1, 40 do
      client.sim.machine:write(("x"):rep(65536))
    end
    assert.equal(1024 * 1024, client.sim.machine.line:backlog())
  end))
end)

describe("a module that is not paced", function()
  it("says everything at once", async(function()
    local client <close> = started("AT+IPR=4800", { set = { pace = "off" } })
    client.sim.machine:write(("x"):rep(100000))
    is_near(0, time_of(client, 100000))
  end))
end)
