-- SPDX-License-Identifier: MIT
--
-- Command lines as the simulated module reads them, and as the host recognises raw ones.

local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"

local ct12 <const> = assert(catalogue.load("ct12"))

local function args_of(line)
  return assert(codec.parse(ct12, line)).args
end

describe("parsing a command", function()
  it("accepts lower case and blanks", function()
    for _, line in ipairs { "AT+CREG=1", "at+creg=1", "At+CrEg=1", "AT+ CREG=1", "AT+CREG = 1",
                            "AT+CREG=1  ", "AT+CREG= 1", "AT +CREG=1" } do
      assert.same({ n = 1 }, args_of(line))
    end
    assert.same({ mode = 0 }, args_of("ate0"))
    assert.equal("test", assert(codec.parse(ct12, "at")).entry.name)
    assert.equal("ato", assert(codec.parse(ct12, "ato")).entry.name)
    assert.equal("escape", assert(codec.parse(ct12, "+++")).entry.name)
  end)

  it("tells the kinds apart", function()
    assert.equal("read", assert(codec.parse(ct12, "AT+CREG?")).kind)
    assert.equal("set", assert(codec.parse(ct12, "AT+CREG=0")).kind)
    assert.equal("exec", assert(codec.parse(ct12, "AT+CSQ")).kind)
    assert.equal("bare", assert(codec.parse(ct12, "ATO")).kind)
  end)

  it("keeps case, blanks and commas inside of quotes", function()
    local parsed <const> = assert(codec.parse(ct12, 'AT+OTA=1,"http://a/B c,?="'))
    assert.equal("http://a/B c,?=", parsed.args.url)
    assert.equal(2, parsed.count)
    assert.is_true(parsed.raw.quoted[2])
  end)

  it("accepts text without its quotes", function()
    assert.equal("TCP", args_of("AT+QIOPEN=TCP,1.2.3.4,7,0,0").type)
  end)

  it("fills in defaults for arguments that may be absent", function()
    assert.equal(4, args_of('AT+QPING="a.b"').num_pings)
    local ipr <const> = assert(codec.parse(ct12, "AT+IPR=9600"))
    assert.same({ baudrate = 9600, databits = 8, stopbits = 0, parity = 0 }, ipr.args)
    assert.equal(1, ipr.count)
    assert.same({ link_num = 3 }, args_of("AT+QISEND=3"))
    assert.same({ link_num = 3 }, args_of("AT+QISEND=3,"))
  end)

  it("tells the forms of AT+GPIO by their number of columns", function()
    assert.equal("query", assert(codec.parse(ct12, "AT+GPIO=0")).form.label)
    assert.equal("set", assert(codec.parse(ct12, "AT+GPIO=0,1")).form.label)
    assert.equal("set", assert(codec.parse(ct12, "AT+GPIO=0,2,1")).form.label)
  end)

  local refusals <const> = {
    { "AT+BOGUS", 104 }, { "AT+BOGUS?", 104 }, { "hello", 104 }, { "", 104 }, { "A", 104 },
    { "ATX", 104 }, { "ATI3", 104 }, { "AT+", 104 }, { "AT++++", 104 }, { "AT+++", 104 },
    { "AT+GMR?", 104 }, { "AT+GMR=1", 104 }, { "AT+CREG", 104 }, { "AT+CREG=?", 104 },
    { "AT+QCCID?", 104 }, { "ATO1", 104 }, { "AT+CREG?x", 104 }, { "+++x", 104 },
    { "AT+CREG=", 101 }, { "AT+CREG=1,1", 101 }, { "ATE0,1", 101 }, { "ATE=0", 103 },
    { "AT+GPIO=0,1,2,3", 101 }, { "AT+IPR=9600,8,1,0,0", 101 },
    { 'AT+QIOPEN="TCP","1.2.3.4",7', 101 },
    { "AT+QISEND=3,0", 101 }, { "AT+QISEND=3,1025", 101 },
    { 'AT+OTA=1,"' .. ("x"):rep(257) .. '"', 101 },
    { "AT+CREG=3", 103 }, { "AT+CREG=-1", 103 }, { "AT+CREG=x", 103 }, { 'AT+CREG="1"', 103 },
    { "AT+CREG=1.5", 103 }, { "AT+CREG=99999999999999999999", 103 },
    { "AT+QISEND=2,10", 103 }, { "AT+QISEND=21,10", 103 }, { "AT+QISEND=3,x", 103 },
    { "AT+QISEND=,10", 103 }, { "ATE2", 103 }, { "AT+IPR=1200", 103 }, { "AT+IPR=9600,,,", 103 },
    { 'AT+QIOPEN="SCTP","1.2.3.4",7,0,0', 103 }, { 'AT+QIOPEN="TCP","1.2.3.4",65536,0,0', 103 },
    { 'AT+QIOPEN="TCP","1.2.3.4",7,0,2', 103 }, { 'AT+QPING="a.b",11', 103 },
    { 'AT+QPING="a b",1', 103 },
  }
  for _, case in ipairs(refusals) do
    it(("refuses %q with %d"):format(case[1]:sub(1, 40), case[2]), function()
      local parsed <const>, refusal <const> = codec.parse(ct12, case[1])
      assert.is_nil(parsed)
      assert.equal(case[2], refusal.number)
      assert.is_string(refusal.reason)
    end)
  end

  it("reads each example of the manual, and the host writes it so again", function()
    for _, entry in ipairs(ct12.list) do
      for _, example in ipairs(entry.examples) do
        local parsed <const> = assert(codec.parse(ct12, example.send))
        assert.equal(entry, parsed.entry)
        local values <const> = parsed.kind == "set" and parsed.args or nil
        if values and parsed.form.payload then
          values[parsed.form.payload.name] = example.payload
        end
        assert.equal(example.send, (assert(codec.encode(ct12, entry, values, parsed.kind))))
      end
    end
  end)

  it("and reading its answers accounts for every line that is printed", function()
    for _, entry in ipairs(ct12.list) do
      for _, example in ipairs(entry.examples) do
        local _, form <const> = codec.lookup(ct12, example.send)
        for _, lines in ipairs { example.answer, example.result or {} } do
          for _, line in ipairs(lines) do
            assert.is_truthy(line == example.send or line == ">" or codec.final(line)
              or codec.claims(form, line) or codec.word(ct12, line), line)
          end
        end
      end
    end
  end)

  it("survives any bytes", function()
    math.randomseed(7)
    local alphabet <const> = { "AT", "+", "CREG", "=", "?", ",", '"', "1", "\0", "\xFF", " ",
                               "QISEND", "E", "O", "\r", "-", "\\", "\xE2\x80\x9C" }
    for _ = 1, 3000 do
      local parts <const> = {}
      for i = 1, math.random(1, 9) do parts[i] = alphabet[math.random(#alphabet)] end
      local line <const> = table.concat(parts)
      local parsed <const>, refusal <const> = codec.parse(ct12, line)
      assert.is_truthy(parsed or math.type(refusal.number) == "integer")
      codec.lookup(ct12, line)
      codec.urc(ct12, line)
      codec.final(line)
      codec.decode(ct12.entries.cpsi.forms[1], "+CPSI:" .. line)
    end
  end)
end)

describe("looking up a raw command", function()
  local function found(line)
    local entry <const>, form <const>, has_payload <const> = codec.lookup(ct12, line)
    return entry and entry.name, form and (form.label or form.kind), has_payload
  end

  it("does not judge its values", function()
    assert.same({ "qisend", "set", true }, { found("AT+QISEND=99,x,y") })
    assert.same({ "creg", "set", false }, { found("at+creg=9") })
    assert.same({ "gpio", "query", false }, { found("AT+GPIO=7") })
    assert.same({ "gpio", "set", false }, { found("AT+GPIO=7,1") })
    assert.same({ "escape", "bare", false }, { found("+++") })
  end)

  it("knows an entry without such a form, and no unknown entry", function()
    local entry <const>, form <const> = codec.lookup(ct12, "AT+GMR=?")
    assert.equal("gmr", entry.name)
    assert.is_nil(form)
    assert.is_nil((found("AT+BOGUS")))
    assert.is_nil((found("ATI3")))
    assert.is_nil((found("")))
  end)

  it("takes no longer for a line that is longer than every command", function()
    local looks = 0
    local counted <const> = setmetatable({
      wires = setmetatable({}, { __index = function(_, wire)
        looks = looks + 1
        return ct12.wires[wire]
      end }),
    }, { __index = ct12 })
    assert.is_nil((codec.lookup(counted, "AT" .. ("x"):rep(5000))))
    assert.is_true(looks < 100, looks .. " looks")
  end)
end)
