-- SPDX-License-Identifier: MIT
--
-- Replays every example that the ct12's manual prints, byte by byte: against
-- the host with a module that knows the lines by heart, and against the
-- simulated module, which must print the same bytes.
--
-- tests/transcripts/ct12.lua was typed from the manual, and so were the values
-- beside it; the catalogue was not looked at for either.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local bare_client <const> = require "tests.support.bare_client"
local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"
local core <const> = require "attest.core"
local decoded <const> = require "tests.transcripts.ct12_values"
local fake_net <const> = require "tests.support.fake_net"
local records <const> = require "tests.transcripts.ct12"
local transcript <const> = require "tests.support.transcript"

core.virtual()

local ct12 <const> = assert(catalogue.load("ct12"))

-- Waits for the passthrough, or for a chapter that is not there yet.
local skipped <const> = {
  ["4.1.2-procedure"] = "passthrough",
  ["4.1.3-procedure"] = "passthrough",
  ["4.2.1-procedure"] = "chapter",
  ["4.2.2-procedure"] = "chapter",
  ["4.2.3-procedure"] = "passthrough",
  ["6.5.2-simpleclient-set"] = "chapter",
  ["6.6.1-qmtcfg-set"] = "chapter",
  ["6.6.1-qmtcfg-read"] = "chapter",
  ["6.6.2-qmtconncfg-read"] = "chapter",
  ["6.6.2-qmtconncfg-set"] = "chapter",
  ["6.6.3-qmtstart-read"] = "chapter",
  ["6.6.3-qmtstart-set"] = "chapter",
  ["6.6.4-qmtsub"] = "chapter",
  ["6.6.5-qmtpub"] = "chapter",
  ["6.6.6-qmtunsub"] = "chapter",
  ["6.6.7-qmtstatu-0"] = "chapter",
  ["6.6.7-qmtstatu-1"] = "chapter",
  ["6.6.7-qmtstatu-2"] = "chapter",
  ["6.6.8-qmtdisc"] = "chapter",
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
  error("no example of chapter 6 sends " .. text)
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

-- Why an example cannot run yet; nil when it can.
local function hindrance(record)
  for _, step in ipairs(record.steps) do
    if step[1] == "B" then
      return "passthrough"
    end
  end
  for _, step in ipairs(record.steps) do
    local entry <const>, form <const> = codec.lookup(ct12, step[2])
    if step[1] == "H" and not (entry and form) then
      return "chapter"
    end
  end
  return nil
end

local function runnable()
  local out <const> = {}
  for _, record in ipairs(records) do
    out[#out + 1] = not skipped[record.id] and record or nil
  end
  return out
end

-- --------------------------------------------------------------------- host

-- A typed call of the entry that a line names, with the arguments it holds.
local function call(dut, turns, i)
  local parsed <const> = assert(codec.parse(ct12, turns[i].text))
  local values = parsed.kind == "set" and parsed.args or nil
  local payload <const> = turns[i + 1] and turns[i + 1].is_payload and turns[i + 1].text
  if payload then
    values.payload = payload
  end
  local result <const> = dut[parsed.entry.name](dut, values, { kind = parsed.kind })
  result.line = nil -- the word's own text, where a word ended the command
  return result
end

-- What the host made of each line: told as it came, or the end of a command.
local function watch(dut)
  local told <const> = { lines = {}, echoes = 0, ends = 0, wrong = {} }
  dut:observe(function(event, value)
    if event == "info" or event == "urc" then
      told.lines[value] = (told.lines[value] or 0) + 1
    elseif event == "echo" then
      told.echoes = told.echoes + 1
    elseif event == "cmd" then
      told.ends = told.ends + 1
    elseif event ~= "prompt" then
      told.wrong[#told.wrong + 1] = event .. " " .. tostring(value)
    end
  end)
  return told
end

local function check_told(told, turns)
  local commands, echoes, unheard = 0, 0, 0
  for _, turn in ipairs(turns) do
    commands = commands + (turn.is_payload and 0 or 1)
    echoes = echoes + (turn.echo ~= "" and 1 or 0)
    for _, line in ipairs(turn.lines) do
      local count <const> = told.lines[line] or 0
      told.lines[line] = count > 0 and count - 1 or nil
      unheard = unheard + (count > 0 and 0 or 1)
    end
  end
  assert.same({}, told.wrong)
  assert.equals(commands, told.ends)
  assert.equals(echoes, told.echoes)
  assert.truthy(unheard <= commands, "lines were lost") -- each command's last line ends it
end

local function replay_on_host(record, steps)
  local turns <const> = transcript.turns(steps)
  local near <const>, far <const> = core.pair(1) -- each byte in a read of its own
  local module <const> = transcript.play(far, turns)
  local dut <close> = assert(attest.attach(near, { module = ct12 }))
  local told <const>, results <const>, sent = watch(dut), {}, ""
  for i, turn in ipairs(turns) do
    sent = sent .. turn.bytes
    if not turn.is_payload then
      local result <const> = call(dut, turns, i)
      results[#results + 1] = result
    end
  end
  core.sleep(1) -- the words behind the end
  far:close()
  assert.equals(sent, module.heard)
  assert.same(decoded[record.id], results)
  check_told(told, turns)
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
  it("each skipped one exists and cannot run yet", function()
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
    for _, list in ipairs { decoded, scene } do
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
  local function joined(...)
    local parts <const> = {}
    for _, list in ipairs { ... } do
      table.move(list, 1, #list, #parts + 1, parts)
    end
    return table.concat(parts, "\n")
  end

  local function from_catalogue()
    local out <const> = {}
    for _, entry in ipairs(ct12.list) do
      for _, example in ipairs(entry.examples) do
        local text <const> = joined({ example.send }, example.answer, { example.payload },
          example.result or {})
        out[entry.section .. "\n" .. text] = true
      end
    end
    return out
  end

  it("are those of the manual, all and no others", function()
    local printed <const> = {}
    for _, record in ipairs(runnable()) do
      local lines <const> = {}
      for i, step in ipairs(record.steps) do
        lines[i] = step[2]
      end
      if not record.procedure then
        printed[record.section .. "\n" .. table.concat(lines, "\n")] = true
      end
    end
    assert.same(printed, from_catalogue())
  end)
end)
