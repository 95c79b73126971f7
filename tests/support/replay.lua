-- SPDX-License-Identifier: MIT
--
-- Replays exchanges of a manual on the host: a module that knows one by heart
-- says its part byte by byte, and every command is called as a script would
-- call it. Knows no module.

local assert <const> = require "luassert"
local attest <const> = require "attest"
local codec <const> = require "attest.codec"
local core <const> = require "attest.core"
local transcript <const> = require "tests.support.transcript"

local replay = {}

-- A typed call of the entry that a line names, with the arguments it holds.
local function call(dut, turns, i)
  local parsed <const> = assert(codec.parse(dut.module, turns[i].text))
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
  local told <const> = { lines = {}, raw = {}, echoes = 0, ends = 0, wrong = {} }
  dut:observe(function(event, value)
    if event == "info" or event == "urc" then
      told.lines[value] = (told.lines[value] or 0) + 1
    elseif event == "raw" then
      told.raw[#told.raw + 1] = value
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

-- Tells whether a line was told: whole, or as the counted bytes at its end.
local function was_told(told, line)
  local count <const> = told.lines[line] or 0
  told.lines[line] = count > 0 and count - 1 or nil
  local raw <const> = told.raw[1]
  if count == 0 and raw and line:sub(-#raw - 1) == "," .. raw then
    table.remove(told.raw, 1)
    return true
  end
  return count > 0
end

-- Tells whether a line is a word that ends its command together with an OK.
local function is_half_an_end(module, turn, line)
  local _, form <const> = codec.lookup(module, turn.text)
  local steps <const> = form and form.completion or {}
  local first <const> = steps[1] and steps[1].kind == "OK" and steps[1].settle
  local name <const> = codec.word(module, line)
  for _, step in ipairs(steps) do
    if first and step.words and step.words[name] then
      return true
    end
  end
  return false
end

local function check_told(module, told, turns)
  local ends, commands, echoes, unheard = 0, 0, 0, 0
  for _, turn in ipairs(turns) do
    commands = commands + (turn.is_payload and 0 or 1)
    echoes = echoes + (turn.echo ~= "" and 1 or 0)
    for _, line in ipairs(turn.lines) do
      ends = ends + (is_half_an_end(module, turn, line) and 1 or 0)
      unheard = unheard + (was_told(told, line) and 0 or 1)
    end
  end
  assert.same({}, told.wrong)
  assert.equals(commands, told.ends)
  assert.equals(echoes, told.echoes)
  assert.same({}, told.raw)
  assert.truthy(unheard <= commands + ends, "lines were lost") -- each command's last line ends it
end

--- Replays an exchange; waits. Checks what was sent, that every line was heard
-- and what each command returned.
-- @tparam table module catalogue
-- @tparam table steps
-- @tparam table decoded what each command returns
-- @tparam[opt] table own steps that follow although nobody calls them: what the
--   host asks by itself
function replay.on_host(module, steps, decoded, own)
  local turns <const>, asked <const> = transcript.turns(steps), transcript.turns(own or {})
  local all <const> = table.move(asked, 1, #asked, #turns + 1, table.move(turns, 1, #turns, 1, {}))
  local near <const>, far <const> = core.pair(1) -- each byte in a read of its own
  local played <const> = transcript.play(far, all)
  local dut <close> = assert(attest.attach(near, { module = module }))
  local told <const>, results <const>, sent = watch(dut), {}, ""
  for i, turn in ipairs(turns) do
    sent = sent .. turn.bytes
    if not turn.is_payload then
      local result <const> = call(dut, turns, i)
      results[#results + 1] = result
    end
  end
  for _, turn in ipairs(asked) do
    sent = sent .. turn.bytes
  end
  core.sleep(1) -- the words behind the end
  far:close()
  assert.equals(sent, played.heard)
  assert.same(decoded, results)
  check_told(module, told, all)
end

local function joined(...)
  local parts <const> = {}
  for _, list in ipairs { ... } do
    table.move(list, 1, #list, #parts + 1, parts)
  end
  return table.concat(parts, "\n")
end

--- Lists a catalogue's examples, each with its section, as a set of texts.
-- @tparam table module
-- @treturn table
function replay.examples_of(module)
  local out <const> = {}
  for _, entry in ipairs(module.list) do
    for _, example in ipairs(entry.examples) do
      local text <const> = joined({ example.send }, example.answer, { example.payload },
        example.result or {})
      out[entry.section .. "\n" .. text] = true
    end
  end
  return out
end

--- Lists printed examples in the same way.
-- @tparam table records of tests/transcripts
-- @treturn table
function replay.examples_in(records)
  local out <const> = {}
  for _, record in ipairs(records) do
    local lines <const> = {}
    for i, step in ipairs(record.steps) do
      lines[i] = step[2]
    end
    out[record.section .. "\n" .. table.concat(lines, "\n")] = true
  end
  return out
end

return replay
