-- SPDX-License-Identifier: MIT
--
-- Compares the catalogue of the ML302 with tests/facts/ml302.lua, which was
-- typed from the manual by somebody who had not seen the catalogue: field by
-- field and in both directions. The basic commands are not in that manual.
--
-- Where the manual contradicts itself or says nothing, the catalogue had to
-- choose: each such place is in `chosen` (see tests/support/facts/compare.lua).

local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"
local compare <const> = require "tests.support.facts.compare"
local facts <const> = require "tests.facts.ml302"
local model <const> = require "attest.sim.ml302"
local session_of <const> = require "attest.sim.ml302.session"
local settings <const> = require "attest.sim.settings"

local ml302 <const> = assert(catalogue.load("ml302"))

local NO_RANGE <const> = "the manual prints no range; the protocol has this one"
local SAME_CELL <const> = "printed under the argument of that name in the same cell"
local FLAG <const> = "0 and 1 of a flag mean no and yes"
local SEEN <const> = "the manual prints it; modules were seen to leave it out"

-- key -> what the catalogue holds, and why.
local chosen <const> = {
  ["AT+MQTTCFG set arg port values"] = { "1..65535", NO_RANGE },
  ["AT+MQTTCFG set arg keep_alive values"] = { "0..65535", NO_RANGE },
  ["AT+MQTTCFG read field port values"] = { "0..65535", NO_RANGE },
  ["AT+MQTTCFG read field keep_alive values"] = { "0..65535", NO_RANGE },
  ["AT+MQTTCFG read field keep_alive unit"] = { "s", SAME_CELL },
  ["AT+MQTTCFG read field version optional"] = { "true", "after 7 arguments it may be missing" },
  ["AT+MQTTCFG read field encrypt optional"] = { "true", "after 7 arguments it may be missing" },
  ["AT+MQTTCFG read head in the table"] = { "+MQTTCFG: ", "the example has the blank" },
  ["AT+MQTTCFG read unset"] = { '"(null)"', "not printed; modules were seen to say it" },

  ["AT+MQTTOPEN set ok"] = { "optional", SEEN },
  ["AT+MQTTOPEN set words"] = { "+MQTTOPEN +MQTTOPEN:FAIL", "not printed; the maker's library "
    .. "knows a failure's word" },
  ["AT+MQTTOPEN set one word of these"] = { "true", "because of the failure's word" },
  ["AT+MQTTDISC exec ok"] = { "optional", "2.3.7 prints it, 3.3 does not" },

  ["AT+MQTTSUB set field code values"] = { "0..2 128", "not described; it is what <qos> says" },
  ["AT+MQTTSUB set field code means 128"] = { "订阅失败", "the remark of <qos> says it" },
  ["AT+MQTTSUB set field pack_id values"] = { "0..65535", NO_RANGE },
  ["AT+MQTTSUB read repeated"] = { "true", "the brackets and the list say it" },
  ["AT+MQTTSUB read field qos optional"] = { "true", "the example leaves it out" },
  ["AT+MQTTUNSUB set field pack_id values"] = { "0..65535", NO_RANGE },

  ["AT+MQTTPUB set arg dup default"] = { "0", "the module sets it to 0 whatever it was" },

  ["AT+MQTTREC read field reconnum values"] = { "0..99", "the manual prints no range" },
  ["AT+MQTTREC read head in the example"] = { "+MQTTREC:", "no example; the blank before the "
    .. "name is the table's only" },
  ["AT+MQTTTO set arg timeout values"] = { "1..65535", "the manual prints no range" },
  ["AT+MQTTTO read field timeout values"] = { "1..65535", "the manual prints no range" },
  ["AT+MQTTTO read head in the example"] = { "+MQTTTO:", "no example; the blank before the "
    .. "name is the table's only" },
}

for form, names in pairs {
  ["AT+MQTTCFG read"] = { host = 128, id = 128, user = 128, passwd = 128, version = 128 },
  ["AT+MQTTSUB set"] = { topic = 512 },
  ["AT+MQTTSUB read"] = { topic = 512 },
  ["AT+MQTTUNSUB set"] = { topic = 512 },
} do
  for name, bytes in pairs(names) do
    chosen[("%s field %s bytes"):format(form, name)] = { tostring(bytes), SAME_CELL }
  end
end

for form, names in pairs {
  ["AT+MQTTOPEN set"] = { "usr_flag", "pwd_flag", "will_flag", "will_retain" },
  ["AT+MQTTPUB set"] = { "retain", "dup" },
} do
  for _, name in ipairs(names) do
    local where <const> = ("%s arg %s "):format(form, name)
    chosen[where .. "type"] = { "enum", FLAG }
    chosen[where .. "values"] = { "0 1", FLAG }
    chosen[where .. "means 0"] = { "否", FLAG }
    chosen[where .. "means 1"] = { "是", FLAG }
  end
end

local renamed <const> = {
  ["AT+MQTTSTAT read connected"] = { "stat", "the table's line says <connected>, the description "
    .. "below it <stat>" },
}

local entries <const> = {}
for _, entry in ipairs(ml302.list) do
  entries[#entries + 1] = entry.family == "mqtt" and entry or nil
end
local records <const> = table.move(facts.undocumented, 1, #facts.undocumented,
  #facts.commands + 1, table.move(facts.commands, 1, #facts.commands, 1, {}))

local function spec_of(name)
  for _, urc in ipairs(ml302.urcs) do
    if urc.name == name then
      return urc
    end
  end
end

describe("the facts of the manual:", function()
  compare.declare(it, {
    module = ml302, entries = entries, records = records, chosen = chosen, renamed = renamed,
  })
end)

describe("errors:", function()
  compare.declare_errors(it, ml302, facts)

  it("the table's dialect prints each command's own form", function()
    for _, record in ipairs(facts.commands) do
      local entry <const> = ml302.wires[record.command:match("^AT(.*)$")]
      if record.failure then
        local line <const> = model.refusal({ dialect = "table" }, 601, entry)
        assert.equals(record.failure:gsub("<err>", "601"), line, record.command)
      end
    end
  end)
end)

describe("lines that come unasked:", function()
  -- Parts of a command's answer, seen late, and what the manual does not have.
  local unprinted <const> = {
    ["RDY"] = "left to another manual", ["+CPIN"] = "left to another manual",
    ["+CREG"] = "left to another manual",
    ["+MQTTOPEN"] = "an answer", ["+MQTTOPEN:FAIL"] = "the maker's library knows it",
    ["+MQTTSUBACK"] = "an answer", ["+MQTTUNSUBACK"] = "an answer",
    ["+MQTTPUBACK"] = "an answer", ["+MQTTPUBREC"] = "an answer", ["+MQTTPUBCOMP"] = "an answer",
  }
  local PAYLOAD <const> = "mesg" -- no field: its bytes follow

  local function check_field(record, field)
    local t <const>, empty <const> = field.type, {}
    local values <const> = (record.field_enums or empty)[field.name]
    assert.same(values or t.order, t.order)
    for value, text in pairs((record.field_meanings or empty)[field.name] or empty) do
      assert.equals(text, t.values[value].zh)
    end
    local range <const> = (record.field_ranges or empty)[field.name]
    assert.same(range or { min = t.min, max = t.max }, { min = t.min, max = t.max })
  end

  for _, record in ipairs(facts.urcs) do
    it(record.word .. " as in " .. record.section, function()
      local spec <const>, names <const> = assert(spec_of(record.word)), {}
      for i, field in ipairs(spec.fields) do
        names[i] = field.name == "attempt" and "reconnum" or field.name -- not named there
        check_field(record, field)
      end
      names[#names + 1] = spec.payload and PAYLOAD or nil
      assert.same(record.fields, names)
      assert.equals(record.literal, spec.literal)
    end)

    it(record.word .. " is read in every printed spelling", function()
      local values <const> = {
        dup = "0", qos = "1", retained = "0", packId = "1", topic = '"t"', msg_len = "3",
        type = "5",
      }
      local example <const> = record.example and record.example .. ":"
        .. (record.literal or record.word == "+MQTTPUBREL" and "0,1" or "1")
      for _, printed in ipairs { record.template or example, example } do
        local line <const> = printed:gsub(",<mesg>", ""):gsub("<(%a[%w_]*)>", values)
        local urc <const> = codec.urc(ml302, line)
        assert.equals(record.word, urc and urc.name, line)
      end
    end)
  end

  it("each of the catalogue's is printed, or named as not printed", function()
    local known <const> = compare.copy(unprinted)
    for _, record in ipairs(facts.urcs) do
      known[record.word] = true
    end
    for _, urc in ipairs(ml302.urcs) do
      assert.truthy(known[urc.name], urc.name)
      known[urc.name] = nil
    end
    assert.same({}, known)
  end)
end)

describe("defaults:", function()
  local defaults <const> = facts.defaults

  local function setting(name)
    for _, each in ipairs(settings.list("ml302")) do
      if each.name == name then
        return tonumber(each.default)
      end
    end
  end

  it("are those of a module that was just switched on", function()
    local session <const> = session_of.new {
      peers = { rules = {} }, settings = { connect = setting("connect") },
    }
    assert.equals(defaults.ping_echo, session.rsp_echo)
    assert.equals(defaults.reconnect, session.recon)
    assert.equals(defaults.ack_timeout_s, session.timeout)
    assert.equals(defaults.connect_timeout_s, setting("connect"))
  end)

  -- max_failed_pings and max_reconnects: see sim_ml302_loss_spec.lua.
  it("sizes are those of the catalogue", function()
    local function size(name, form, arg)
      local t <const> = ml302.entries[name].forms[form].args[arg].type
      return (t.text or t).max
    end
    assert.equals(defaults.max_config_string, size("mqttcfg", 2, 1))
    assert.equals(defaults.max_topic, size("mqttsub", 2, 1))
    assert.equals(defaults.max_will_message, size("mqttopen", 1, 7))
    assert.equals(defaults.max_message, size("mqttpub", 1, 5))
    assert.truthy(ml302.entries.mqttsub.forms[2].info[1].fields[2].type.values[
      defaults.suback_failure])
  end)
end)
