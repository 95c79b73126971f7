-- SPDX-License-Identifier: MIT
--
-- Compares the catalogue of the ct12 with tests/facts/ct12.lua, which was
-- typed from the manual by somebody who had not seen the catalogue: field by
-- field and in both directions. Chapters join as soon as the catalogue has an
-- entry of theirs.
--
-- Where the manual contradicts itself or says nothing, the catalogue had to
-- choose: each such place is in `chosen` (see tests/support/facts/compare.lua).

local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"
local compare <const> = require "tests.support.facts.compare"
local facts <const> = require "tests.facts.ct12"
local model <const> = require "attest.sim.ct12"

local ct12 <const> = assert(catalogue.load("ct12"))

local LATE_OK <const> = "a restart may swallow the OK; the manual prints it in some places only"
local BOOT_WORDS <const> = "this section prints RDY only; the examples of 6.1.8 and 6.1.9 print all"
local FORMAT <const> = "the manual's chapter 1 orders the line's format otherwise; all are accepted"
local NOT_SET <const> = "what is not set is printed in 6.6.2 only; used for all"
local CONNECT <const> = "4.2.1 prints CONNECT after it, this section OK only"
local LESS <const> = "4.1.3 sets the client ID alone: there is nothing more to print"
local QUOTES <const> = "printed without quotes; a text in quotes is read as well"
local LENGTH <const> = "4.1.3 publishes a long message with it: a number without quotes, then >"
local PROMPT <const> = "no section prints the order of OK, prompt and data"
local FACTORY <const> = "chapter 1 prints 115200, 8/n/1 as the default"

-- key -> what the catalogue holds, and why.
local chosen <const> = {
  ["AT+GSN exec field imei bytes"] = { "15", "an IMEI has 15 digits; nothing else marks the line" },

  ["AT+RST exec ok"] = { "optional", LATE_OK },
  ["AT+RST exec words"] = { "NETWORK_ACTIVATE_SUCCESS RDY SIM_SUCCESS", BOOT_WORDS },
  ["AT+RESTORE exec ok"] = { "optional", LATE_OK },
  ["AT+RESTORE exec words"] = { "NETWORK_ACTIVATE_SUCCESS RDY SIM_SUCCESS", BOOT_WORDS },
  ["AT+IPR set ok"] = { "optional", LATE_OK },
  ["AT+SINGLESIM set ok"] = { "optional", LATE_OK },

  ["AT+IPR set arity"] = { "1 2 3 4", FORMAT },
  ["AT+IPR set arg databits default"] = { "8", FACTORY },
  ["AT+IPR set arg stopbits default"] = { "0", FACTORY },
  ["AT+IPR set arg parity default"] = { "0", FACTORY },
  ["AT+IPR read field baudrate unit"] = { "bit/s", "the manual prints no unit" },
  ["AT+IPR read field databits optional"] = { "true", FORMAT },
  ["AT+IPR read field stopbits optional"] = { "true", FORMAT },
  ["AT+IPR read field parity optional"] = { "true", FORMAT },

  ["AT+SINGLESIM read field slot means 0"] = { "USIM0", "printed under <id> in the same cell" },
  ["AT+SINGLESIM read field slot means 1"] = { "USIM1", "printed under <id> in the same cell" },

  ["AT+OTA set ok"] = { "optional", "the table prints RDY only, the other restarts print OK" },
  ["AT+OTA set words"] = { "NETWORK_ACTIVATE_SUCCESS RDY SIM_SUCCESS", BOOT_WORDS },
  ["AT+OTA set arg mode values"] = { "0..255", "the manual names no update modes" },

  ["AT+GPIO set answered with"] = { "1 2 3", "the table shows no row after a setting, the example "
    .. "does after 0,2,1 but not after 0,1: it may come or not" },
  ["AT+GPIO set field value values"] = { "0..3", "a level in the table, the setting in the remark "
    .. "and the example" },

  ["AT+CREG read head in the example"] = { "+CREG:", "the example's line holds two alternatives, "
    .. "so it is not pasted from a terminal; '=' is read as well" },

  ["AT+QPING set arity"] = { "1 2", "a default is printed, brackets are not" },
  ["AT+QPING set arg num_pings optional"] = { "true", "a default is printed, brackets are not" },
  ["AT+QPING set field ttl optional"] = { "true", "a row for an answer that never came is not "
    .. "documented" },
  ["AT+QPING set field ttl values"] = { "0..255", "the manual prints no range; IP has this one" },

  ["AT+QIOPEN set ok"] = { "optional", "no OK is printed, but nothing says that none comes" },
  ["AT+QIOPEN set arg local_port default"] = { "0", "0 is in the range and means any" },
  ["AT+QIOPEN set arg mode default"] = { "0", "several links are possible in AT mode only" },
  ["AT+QISEND set words"] = { "SEND FAIL SEND OK", "the manual prints no word for a failure" },
  ["AT+QISEND set one word of these"] = { "true", "the manual prints no word for a failure" },
  ["+++ bare ok"] = { "optional", "no answer is printed; an OK is accepted" },
  ["AT+QICLOSE set arg link_num values"] = { "3..20", "this section prints no range, 6.4.1, 6.4.2 "
    .. "and 6.4.6 print this one" },
  ["AT+QISTATE exec field local_port optional"] = { "true", "the table describes it, its line "
    .. "leaves it out" },
  ["AT+QISTATE exec repeated"] = { "true", "one line for each link; the example has one link" },

  ["AT+SIMPLEMODE set ok"] = { "optional", LATE_OK },
  ["AT+SIMPLEMODE set words"] = { "NETWORK_ACTIVATE_SUCCESS RDY SIM_SUCCESS", "the remark says "
    .. "that it restarts, the words of a restart are those of 6.1.8 and 6.1.9" },
  ["AT+SIMPLECLIENT read unset"] = { "NOT SET", NOT_SET },
  ["AT+SIMPLECLIENT read field mode optional"] = { "true", "the table lacks a comma, so that one "
    .. "may be missing" },
  ["AT+SIMPLECLIENT set arg local_port default"] = { "0", "0 is in the range and means any" },
  ["AT+SIMPLECLIENT set arg mode default"] = { "0", "as AT+QIOPEN's" },
  ["AT+SIMPLECLIENT set fields"] = { "link_num", CONNECT },
  ["AT+SIMPLECLIENT set field link_num values"] = { "3..20", CONNECT },
  ["AT+SIMPLECLIENT set head in the example"] = { "CONNECT,ID:", CONNECT },
  ["AT+SIMPLECLIENT set head in the table"] = { "+QIOPEN,ID:", CONNECT },

  ["AT+QMTCFG read unset"] = { "NOT SET", NOT_SET },
  ["AT+QMTCFG read field username optional"] = { "true", LESS },
  ["AT+QMTCFG read field password optional"] = { "true", LESS },
  ["AT+QMTCFG read field will_qos optional"] = { "true", LESS },
  ["AT+QMTCFG read field will_retain optional"] = { "true", LESS },
  ["AT+QMTCFG read field will_topic optional"] = { "true", LESS },
  ["AT+QMTCFG read field will_message optional"] = { "true", LESS },
  ["AT+QMTCFG set arg will_topic type"] = { "string", QUOTES },
  ["AT+QMTCFG set arg will_message type"] = { "string", QUOTES },
  ["AT+QMTCONNCFG read field reconnect optional"] = { "true", "0 is its default" },
  ["AT+QMTSTART read field keepalive unit"] = { "s", "the symbol of the second" },
  ["AT+QMTSUB read repeated"] = { "true", "one line for each of up to 50 topics" },
  ["AT+QMTPUB set arg message type"] = { "text or int", LENGTH },
  ["AT+QMTPUB set prompt"] = { ">", LENGTH },
  ["AT+QMTPUB set ok"] = { "optional", PROMPT },
  ["AT+QMTPUBEX set ok"] = { "optional", PROMPT },
  ["AT+QMTPUBEX set arg msg_len values"] = { "1..2048", "no minimum is printed; nothing to wait "
    .. "for at 0" },
}

-- Forms that the manual does not print.
local unprinted_forms <const> = {
  ["AT+QMTSTATU read"] = "the manual writes the query without its question mark",
}

-- URCs and result words that no record prints.
local unprinted <const> = {
  ["+CREG"] = "n = 1 switches the notification on; its form is not printed",
  ["+QIRD"] = "the manual documents no received data: invented",
  ["+QMTRECV"] = "the manual documents no received message: invented",
  ["SEND FAIL"] = "the manual prints no word for a failure",
}

local function chapter_of(section)
  return section:match("^%d+%.%d+")
end

local chapters <const> = {}
for _, entry in ipairs(ct12.list) do
  chapters[chapter_of(entry.section)] = true
end

local records <const> = {}
for _, record in ipairs(facts.commands) do
  if chapters[chapter_of(record.section)] then
    records[#records + 1] = record
  end
end

describe("the facts of the manual:", function()
  compare.declare(it, {
    module = ct12, entries = ct12.list, records = records, chosen = chosen,
    unprinted = unprinted_forms,
  })
end)

describe("errors:", function()
  compare.declare_errors(it, ct12, facts)
end)

describe("words:", function()
  local function printed_words()
    local words <const> = {}
    for _, record in ipairs(facts.commands) do
      for _, word in ipairs(record.words or {}) do
        words[word] = true
      end
      local answer <const> = record.answer
      if answer and answer.example and answer.example:find("^%u") then
        words[answer.example] = true -- CONNECT
      end
    end
    return words
  end

  it("each of the catalogue's is printed, or named as not printed", function()
    local printed <const> = printed_words()
    local open <const> = compare.copy(unprinted)
    for _, rows in ipairs { ct12.urcs, ct12.words } do
      for _, row in ipairs(rows) do
        assert.truthy(printed[row.name] or unprinted[row.name], row.name)
        assert.falsy(printed[row.name] and unprinted[row.name], row.name)
        open[row.name] = nil
      end
    end
    assert.same({}, open)
  end)

  it("each printed one is known", function()
    for _, record in ipairs(records) do
      for _, word in ipairs(record.words or {}) do
        assert.equals(word, (codec.word(ct12, word)))
      end
    end
  end)

  it("a closed link prints the word of its type", function()
    for _, record in ipairs(records) do
      if record.words_by_type then
        assert.same(record.words_by_type, model.closed)
      end
    end
  end)
end)

describe("defaults:", function()
  local defaults <const>, profile <const> = facts.defaults, ct12.profile
  local factory <const> = model.factory

  -- What the records repeat, and what is no datum of the catalogue.
  local elsewhere <const> = {
    num_pings = "6.2.5", mqtt_reconnect = "6.6.2", keepalive_s = "6.6.3",
    max_topic = "6.6.4", max_message = "6.6.5", max_long_message = "6.6.5",
    max_client_data = "6.5.2", max_tcp_send = "6.4.2", link_num = "6.4.1",
    boot_mode = "behaviour", uart_modes = "behaviour",
  }

  it("are those of the profile and of a new flash", function()
    assert.same({
      baudrate = profile.baud, data_bits = profile.data_bits, stop_bits = profile.stop_bits,
      parity = profile.parity:sub(1, 1), echo = profile.echo and 1 or 0,
      single_sim = factory.sim_slot, sys_sleep = factory.syssleep, csclk = factory.csclk,
      simple_mode = factory.simplemode, max_subscriptions = profile.mqtt.subscriptions,
    }, (function()
      local rest <const> = {}
      for key, value in pairs(defaults) do
        rest[key] = not elsewhere[key] and value or nil
      end
      return rest
    end)())
    assert.same({ baudrate = 115200, databits = 8, stopbits = 0, parity = 0 }, factory.ipr)
  end)

  it("link identifiers begin with the lowest that the manual allows", function()
    assert.equals(defaults.link_num.min, profile.first_link)
  end)

  it("a payload of AT+QISEND is as long as its length may be", function()
    local payload <const> = ct12.entries.qisend.forms[1].payload
    assert.same({ 1, defaults.max_tcp_send }, { payload.type.min, payload.type.max })
  end)
end)
