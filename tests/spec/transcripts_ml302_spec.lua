-- SPDX-License-Identifier: MIT
--
-- Replays every example that the ML302's manual prints, byte by byte: against
-- the host with a module that knows the lines by heart, and against the
-- simulated module, which must print the same bytes.
--
-- tests/transcripts/ml302.lua was typed from the manual, and so were the
-- values beside it; the catalogue was not looked at for either.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local bare_client <const> = require "tests.support.bare_client"
local catalogue <const> = require "attest.catalogue"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local mqtt_peer <const> = require "tests.support.mqtt_peer"
local records <const> = require "tests.transcripts.ml302"
local replay <const> = require "tests.support.replay"
local transcript <const> = require "tests.support.transcript"
local values <const> = require "tests.transcripts.ml302_values"

core.virtual()

local ml302 <const> = assert(catalogue.load("ml302"))

-- Lines that the simulated module spells otherwise than the manual prints them.
local spelled <const> = {
  -- 2.4.1 and real modules have the blank and the quotes.
  ["+MQTTPUBLISH:0,1,0,1,pyr,3,abc"] = '+MQTTPUBLISH: 0,1,0,1,"pyr",3,abc',
  ["+MQTTPUBLISH:0,1,0,1,pyr,6,abcdef"] = '+MQTTPUBLISH: 0,1,0,1,"pyr",6,abcdef',
  -- The printed lengths are wrong: the messages have 12 and 9 bytes.
  ['+MQTTPUBLISH: 0,0,0,0,"test",14,abc"xxxx"abc'] =
    '+MQTTPUBLISH: 0,0,0,0,"test",12,abc"xxxx"abc',
  ['+MQTTPUBLISH: 0,1,0,1,"test",14,abxxxxabc'] = '+MQTTPUBLISH: 0,1,0,1,"test",9,abxxxxabc',
  -- 2.4.2 and 2.3.7 describe these words.
  ["+MQTTPINGRESP:OK"] = "+MQTTPINGRSP: OK",
  ["+MQTTDISC:OK"] = "+MQTTDISC: OK",
}

-- Lines of the host that ours writes otherwise: the blank is a misprint.
local typed_as <const> = {
  ['AT+MQTTOPEN=1,1,0,0,0, "",""'] = 'AT+MQTTOPEN=1,1,0,0,0,"",""',
}

local function as_typed(record)
  local steps <const> = {}
  for i, step in ipairs(record.steps) do
    steps[i] = { step[1], typed_as[step[2]] or step[2] }
  end
  return { id = record.id, section = record.section, steps = steps }
end

-- Lines that other examples of the command print and this one leaves out.
local left_out <const> = {
  ["3.3-1-mqttdisc"] = { "M", "OK" }, -- 2.3.7 has it
}

local function is_unasked(record)
  return record.steps[1][1] == "M"
end

-- --------------------------------------------------------------------- host

local function fields_of(event)
  local out <const> = {}
  for key, value in pairs(event) do
    out[key] = key ~= "line" and value or nil
  end
  return out
end

-- Notes what the host hands on.
local function listen(dut)
  local heard <const> = {}
  for _, urc in ipairs(ml302.urcs) do
    dut:on(urc.name, function(event)
      heard[#heard + 1] = { urc.name, fields_of(event) }
    end)
  end
  return heard
end

describe("the host replays", function()
  for _, record in ipairs(records) do
    if not is_unasked(record) then
      it(record.id, async(function()
        replay.on_host(ml302, as_typed(record).steps, values.commands[record.id])
      end))
    end
  end

  for _, record in ipairs(records) do
    if values.unasked[record.id] then
      it("what comes unasked in " .. record.id, async(function()
        local near <const>, far <const> = core.pair(1)
        local dut <close> = assert(attest.attach(near, { module = ml302 }))
        local heard <const> = listen(dut)
        for _, step in ipairs(record.steps) do
          far:write(step[1] == "M" and step[2] ~= "OK" and ("\r\n%s\r\n"):format(step[2]) or "")
        end
        core.sleep(1)
        far:close()
        local list <const> = {}
        for _, each in ipairs(heard) do
          list[#list + 1] = each[1] ~= "+MQTTPUBACK" and each or nil
        end
        assert.same(values.unasked[record.id], list)
      end))
    end
  end
end)

-- ---------------------------------------------------------- simulated module

local BROKER <const> = "192.0.2.1:1883"
local configure <const> = 'AT+MQTTCFG="192.0.2.1",1883,"dut",0,"u","p",1'
local open <const> = 'AT+MQTTOPEN=1,1,0,0,0,"",""'
local subscribe <const> = 'AT+MQTTSUB="pyr",1'

-- Each takes a packet identifier.
local function requests(count)
  local typed <const> = { configure, open }
  for _ = 1, count do
    typed[#typed + 1] = 'AT+MQTTPUB="other",1,0,0,"x"'
  end
  return typed
end

-- Answers a message as the manual's broker did: PUBACK, then the message.
local function echo(broker)
  broker.answers.publish = function(packet)
    broker:send { type = "puback", id = packet.id }
    return { type = "publish", topic = "pyr", payload = packet.payload, qos = 1, id = 1 }
  end
end

local function tell(topic, qos, payload)
  return function(broker)
    broker:send {
      type = "publish", topic = topic, payload = payload, qos = qos, id = qos > 0 and 1 or nil,
    }
  end
end

-- Two pings, then silence.
local function tire(broker)
  local pings = 0
  broker.answers.pingreq = function()
    pings = pings + 1
    return pings <= 2 and { type = "pingresp" } or nil
  end
  broker.answers.connect = false
end

-- What was typed before an example begins, and what the broker does in it.
local scene <const> = {
  ["2.3.1-mqttcfg-read"] = { typed = { records[1].steps[1][2] } },
  ["2.3.2-mqttopen"] = { typed = { configure } },
  ["2.3.4-mqttsub-set"] = { typed = requests(1) },
  ["2.3.4-mqttsub-read"] = { typed = { configure, open, 'AT+MQTTSUB="dev/gsm/u",2' } },
  ["2.3.5-mqttunsub"] = { typed = requests(7) },
  ["2.3.6-mqttpub-qos2"] = { typed = requests(1) },
  ["2.3.6-mqttpub-qos1"] = { typed = requests(4) },
  ["2.3.6-mqttpub-json"] = { typed = requests(0) },
  ["2.3.7-mqttdisc"] = { typed = requests(0) },
  ["2.3.8-mqttping-set"] = { typed = requests(0) },
  ["2.4.1-publish-qos0"] = { typed = requests(0), act = tell("test", 0, 'abc"xxxx"abc') },
  ["2.4.1-publish-qos1"] = { typed = requests(0), act = tell("test", 1, "abxxxxabc") },
  ["2.4.1-publish-qos2"] = {
    typed = requests(0), act = tell("test", 2, '{"action":"leave_hbcd"}'),
  },
  ["3.2-1-mqttopen"] = { typed = { configure } },
  ["3.2-2-mqttsub"] = { typed = requests(0) },
  ["3.2-3-mqttpub"] = { typed = requests(0) }, -- a count of its own: 1 comes twice in 3.2
  ["3.2-4-mqttpub"] = { typed = requests(2), act = echo },
  ["3.2-5-mqttpub"] = { typed = requests(3), act = echo },
  ["3.2-6-mqttunsub"] = { typed = { configure, open, subscribe, table.unpack(requests(3), 3) } },
  ["3.2-7-mqttpub"] = { typed = requests(5) },
  ["3.3-1-mqttdisc"] = { typed = requests(0) },
  ["3.3-2-mqttdel"] = { typed = { configure, open, "AT+MQTTDISC" } },
  ["3.4-connection-loss"] = {
    typed = { configure:gsub(",0,", ",60,"), open }, act = tire, wait = 600,
  },
}

local LISTEN <const> = 5 -- seconds after each turn

local function stage(record)
  local options <const> = scene[record.id] or {}
  local net <const> = fake_net.new()
  local broker <const> = mqtt_peer.new(net)
  net.servers[BROKER] = broker.serve
  local client <const> = bare_client.start { module = "ml302", net = net, chunk = 1 }
  client:listen(LISTEN)
  client:ask("ATE0")
  for _, command in ipairs(options.typed or {}) do
    assert.truthy(client:ask(command):find("\r\nOK\r\n$"), command)
  end
  client:take()
  if options.act then
    options.act(broker)
  end
  return client, options.wait or LISTEN
end

local function steps_of(record)
  local steps <const> = transcript.respell(record.steps, spelled)
  steps[#steps + 1] = left_out[record.id]
  return steps
end

describe("the simulated module replays", function()
  for _, record in ipairs(records) do
    it(record.id, async(function()
      local client <close>, wait <const> = stage(record)
      if is_unasked(record) then
        local printed <const> = {}
        for i, step in ipairs(steps_of(record)) do
          printed[i] = ("\r\n%s\r\n"):format(step[2])
        end
        assert.equals(table.concat(printed), client:listen(wait))
        return
      end
      local turns <const> = transcript.turns(steps_of(record))
      for i, bytes in ipairs(transcript.type(client, turns, wait)) do
        assert.equals(turns[i].answer, bytes)
      end
    end))
  end
end)

-- ------------------------------------------------------------ the lists here

describe("the lists of examples:", function()
  it("each example has its values, and nothing else has", function()
    local ids <const> = {}
    for _, record in ipairs(records) do
      ids[record.id] = true
      local list <const> = is_unasked(record) and values.unasked or values.commands
      assert.truthy(list[record.id], record.id .. " has no values")
    end
    for _, list in ipairs { values.commands, values.unasked, scene, left_out } do
      for id in pairs(list) do
        assert.truthy(ids[id], id)
      end
    end
  end)

  it("each spelling is one that the manual prints", function()
    local printed <const> = {}
    for _, record in ipairs(records) do
      for _, step in ipairs(record.steps) do
        printed[step[2]] = true
      end
    end
    for line in pairs(spelled) do
      assert.truthy(printed[line], line)
    end
  end)

  it("those of the catalogue are the manual's, all and no others", function()
    local described <const> = {}
    for _, record in ipairs(records) do
      local is_described <const> = record.section:find("^2") or record.id == "3.3-2-mqttdel"
      if is_described and not is_unasked(record) then
        described[#described + 1] = as_typed(record)
      end
    end
    assert.same(replay.examples_in(described), replay.examples_of(ml302))
  end)
end)
