-- SPDX-License-Identifier: MIT
--
-- Replays every example that the ct12's manual prints, byte by byte: against
-- the host with a module that knows the lines by heart, and against the
-- simulated module, which must print the same bytes.
--
-- tests/transcripts/ct12.lua was typed from the manual, and so were the values
-- beside it; the catalogue was not looked at for either.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local catalogue <const> = require "attest.catalogue"
local core <const> = require "attest.core"
local decoded <const> = require "tests.transcripts.ct12_values"
local fake_net <const> = require "tests.support.fake_net"
local mqtt_peer <const> = require "tests.support.mqtt_peer"
local records <const> = require "tests.transcripts.ct12"
local replay <const> = require "tests.support.replay"
local transcript <const> = require "tests.support.transcript"

core.virtual()

local ct12 <const> = assert(catalogue.load("ct12"))

-- Procedures that are played as scripts only (scripts/regression): in data mode
-- there are no lines, and answers that no example of chapter 6 prints cannot
-- stand in for those that chapter 4 leaves out.
local skipped <const> = {
  ["4.1.2-procedure"] = "data mode",
  ["4.1.3-procedure"] = "data mode",
  ["4.2.1-procedure"] = "answers",
  ["4.2.2-procedure"] = "answers",
  ["4.2.3-procedure"] = "data mode",
}

-- Lines that the simulated module spells otherwise than the manual prints them.
local spelled <const> = {
  -- One printed line holds both alternatives, so it is no terminal's; the table has the colon.
  ["+CREG=0,0"] = "+CREG:0,0",
  ["+CREG=0,1"] = "+CREG:0,1",
}

-- Chapter 4 prints a placeholder in a spelling of its own.
local PLACEHOLDER <const>, FILLED <const> = "CONNECT,ID<link_num>", "CONNECT,ID3"

-- ------------------------------------------- the world of a simulated module

local NTP_EPOCH <const> = 2208988800 -- seconds from 1900 to 1970
local SYNCHRONISED <const> = 1761573200.3 -- 2025-10-27 21:53:20 in Beijing
local SERVER <const> = "112.125.89.8"

local PING_TIMES <const> = { 30, 45, 35, 35, 45, 40, 40, 40, 85, 35 }

local function ntp_server(peer)
  function peer:data(request)
    local seconds <const> = SYNCHRONISED + NTP_EPOCH
    local stamp <const> = string.pack(">I4I4", math.floor(seconds),
      math.floor(seconds % 1 * 2 ^ 32))
    local header <const> = string.pack(">BBBbI4I4I4", 0x24, 1, 0, 0, 0, 0, 0)
    self:send(header .. ("\0"):rep(8) .. request:sub(41, 48) .. stamp .. stamp)
  end
end

local function world()
  local net <const> = fake_net.new()
  net.names["cn.pool.ntp.org"] = "192.0.2.4"
  net.names["www.baidu.com"] = "2409:8C54:870:310:0:FF:B0ED:40AC"
  net.servers["192.0.2.4:123"] = ntp_server
  net.servers[SERVER .. ":33124"] = fake_net.sink
  net.servers[SERVER .. ":34287"] = fake_net.sink
  net.names["broker.emqx.io"] = "192.0.2.5"
  net.servers["192.0.2.5:1883"] = mqtt_peer.new(net).serve
  net.servers["192.0.2.6:1883"] = "black hole"
  net.servers["8.137.154.246:2057"] = "black hole" -- the example ends before CONNECT
  function net.ping(options, reply, done)
    core.after(1, function()
      for i = 1, options.count do
        reply(PING_TIMES[i], 52)
      end
      done(true)
    end)
  end
  return net
end

local configured <const> = [[AT+QMTCFG="CT12-9999","MQTT1","123456",1,1,QQQ,123456]]
local connected <const> = [[AT+QMTCONNCFG="broker.emqx.io",1883,0]]
local connecting <const> = [[AT+QMTCONNCFG="192.0.2.6",1883,0]]
local open_tcp <const> = [[AT+QIOPEN="TCP","112.125.89.8",33124,0,0]]

-- What was set, typed and waited for before an example begins.
local scene <const> = {
  ["6.1.2-gmr"] = { set = { version = "CT12_V1.0.1" } },
  ["6.1.3-gsn"] = { set = { imei = "860720087453595" } },
  ["6.1.4-ate0"] = { typed = { "ATE0" } }, -- the example shows no echo, so it was off
  ["6.1.7-qccid"] = { set = { iccid = "898604E6192391620488" } },
  ["6.2.1-creg-not-registered"] = { set = { creg = 0 } },
  ["6.2.1-creg-registered"] = { set = { creg = 1 } },
  ["6.2.2-csq"] = { set = { rssi = 15, ber = 99 } },
  ["6.2.4-qlts"] = { typed = { [[AT+QNTP="cn.pool.ntp.org",123]] }, wait = 155 },
  ["6.4.2-qisend"] = { typed = { open_tcp } },
  ["6.4.5-qiclose-tcp"] = { typed = { open_tcp } },
  ["6.4.5-qiclose-udp"] = { typed = { (open_tcp:gsub("TCP", "UDP")) } },
  ["6.4.6-qistate"] = { typed = { [[AT+QIOPEN="TCP","112.125.89.8",34287,61563,0]] } },
  ["6.5.2-simpleclient-set"] = { typed = { "AT+SIMPLEMODE=1,0" }, wait = 3.5 },
  ["6.6.1-qmtcfg-read"] = { typed = { configured } },
  ["6.6.4-qmtsub"] = { typed = { connected } },
  ["6.6.5-qmtpub"] = { typed = { connected } },
  ["6.6.6-qmtunsub"] = { typed = { connected, [[AT+QMTSUB="TTT",0]] } },
  ["6.6.7-qmtstatu-1"] = { typed = { connected } },
  ["6.6.7-qmtstatu-2"] = { typed = { connecting } },
  ["6.6.8-qmtdisc"] = { typed = { connected } },
}

local LISTEN <const> = 5 -- seconds after each turn: longer than a boot

local function stage(record)
  local options <const> = scene[record.id] or {}
  local client <const> = bare_client.start {
    set = options.set, net = world(), chunk = 1,
  }
  client:listen(LISTEN)
  for _, command in ipairs(options.typed or {}) do
    client:ask(command)
  end
  core.sleep(options.wait or 0)
  return client
end

-- ----------------------------------------------------------------- the rest

local function find_answer(text)
  for _, record in ipairs(records) do
    if not record.procedure and record.steps[1][2] == text then
      return record.steps
    end
  end
  return nil
end

-- A procedure of chapter 4 prints hardly any answer: those of the examples of
-- the same commands stand in, and what it does print must be among them.
local function complete(record)
  local steps <const> = {}
  for _, step in ipairs(record.steps) do
    if step[1] == "H" then
      table.move(find_answer(step[2]), 1, #find_answer(step[2]), #steps + 1, steps)
    else
      local text <const> = step[2] == PLACEHOLDER and "CONNECT,ID:3" or step[2]
      local seen = false
      for _, each in ipairs(steps) do
        seen = seen or each[1] == "M" and each[2] == text
      end
      assert.truthy(seen, step[2] .. " is in no example")
    end
  end
  return steps
end

local function steps_of(record)
  return record.procedure and complete(record) or record.steps
end

-- Why an example cannot be replayed; nil when it can.
local function hindrance(record)
  local is_answered = true
  for _, step in ipairs(record.steps) do
    if step[1] == "B" then
      return "data mode"
    elseif step[1] == "H" then
      is_answered = is_answered and find_answer(step[2]) ~= nil
    end
  end
  return not is_answered and "answers" or nil
end

local function runnable()
  local out <const> = {}
  for _, record in ipairs(records) do
    out[#out + 1] = not skipped[record.id] and record or nil
  end
  return out
end

-- --------------------------------------------------------------------- host

-- What the host asks by itself when the example is over: whether both sides
-- are at the rate that was set.
local asked <const> = {
  ["6.1.8-ipr-set"] = {
    { "H", "AT" }, { "M", "AT" }, { "M", "OK" },
    { "H", "AT+IPR?" }, { "M", "AT+IPR?" }, { "M", "+IPR:115200,8,1,0" }, { "M", "OK" },
  },
}

local function replay_on_host(record, steps)
  replay.on_host(ct12, steps, decoded[record.id], asked[record.id])
end

describe("the host replays", function()
  for _, record in ipairs(runnable()) do
    it(record.id, async(function()
      local steps <const> = steps_of(record)
      local spelling <const> = record.procedure and { ["CONNECT,ID:3"] = FILLED } or {}
      replay_on_host(record, transcript.respell(steps, spelling))
    end))
  end

  it("6.1.4-ate0 with the echo that real modules print", async(function()
    for _, record in ipairs(records) do
      if record.id == "6.1.4-ate0" then
        replay_on_host(record, { { "H", "ATE0" }, { "M", "ATE0" }, { "M", "OK" } })
      end
    end
  end))
end)

-- ---------------------------------------------------------- simulated module

describe("the simulated module replays", function()
  for _, record in ipairs(runnable()) do
    it(record.id, async(function()
      local turns <const> = transcript.turns(transcript.respell(steps_of(record), spelled))
      local client <close> = stage(record)
      for i, bytes in ipairs(transcript.type(client, turns, LISTEN)) do
        assert.equals(turns[i].echo .. turns[i].answer, bytes)
      end
    end))
  end
end)

-- ------------------------------------------------------------ the lists here

describe("the lists of examples:", function()
  it("each skipped one exists and cannot be replayed", function()
    local open <const> = {}
    for id, why in pairs(skipped) do
      open[id] = why
    end
    for _, record in ipairs(records) do
      assert.equals(skipped[record.id], hindrance(record), record.id)
      open[record.id] = nil
    end
    assert.same({}, open)
  end)

  it("each value and each scene belongs to an example that runs", function()
    local runs <const> = {}
    for _, record in ipairs(runnable()) do
      runs[record.id] = true
      assert.truthy(decoded[record.id], record.id .. " has no values")
    end
    for _, list in ipairs { decoded, scene, asked } do
      for id in pairs(list) do
        assert.truthy(runs[id], id)
      end
    end
  end)

  it("each spelling is one that the manual prints", function()
    local printed <const> = {}
    for _, record in ipairs(runnable()) do
      for _, step in ipairs(record.steps) do
        printed[step[2]] = true
      end
    end
    for line in pairs(spelled) do
      assert.truthy(printed[line], line)
    end
  end)
end)

describe("the examples in the catalogue", function()
  it("are those of the manual, all and no others", function()
    local printed <const> = {}
    for _, record in ipairs(runnable()) do
      printed[#printed + 1] = not record.procedure and record or nil
    end
    assert.same(replay.examples_in(printed), replay.examples_of(ct12))
  end)
end)
