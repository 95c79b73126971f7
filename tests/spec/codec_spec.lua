-- SPDX-License-Identifier: MIT
--
-- Commands as text: finals, columns, typed arguments. Answers stand in codec_answer_spec.
--
-- Boundary tests are generated from the catalogue: each argument of each form, at and beyond
-- every limit it has.

local boundary <const> = require "tests.support.boundary"
local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"

local ct12 <const> = assert(catalogue.load("ct12"))
local entries <const> = ct12.entries

local function text_of(name, values, kind)
  return (assert(codec.encode(ct12, entries[name], values, kind)))
end

local function refusal(name, values)
  local text <const>, err <const> = codec.encode(ct12, entries[name], values)
  assert.is_nil(text)
  assert.equal("invalid", err.code)
  return err.message
end

describe("a final", function()
  local finals <const> = {
    { "OK", "OK" }, { "OK ", "OK" }, { "OK\t ", "OK" },
    { "ERROR", "ERROR" }, { "ERROR ", "ERROR" },
    { "ERROR=104", "ERROR", 104 }, { "EEROR=101", "ERROR", 101 },
    { "+CME ERROR", "CME" }, { "+CME ERROR:", "CME" }, { "+CME ERROR: ", "CME" },
    { "+CME ERROR:603", "CME", 603 }, { "+CME ERROR: 603", "CME", 603 },
    { "+CME ERROR: SIM not inserted", "CME", "SIM not inserted" },
    { "+CMS ERROR: 500", "CMS", 500 }, { "+CMS ERROR", "CMS" },
  }
  for _, case in ipairs(finals) do
    it(("is the whole line %q"):format(case[1]), function()
      local kind <const>, number <const> = codec.final(case[1])
      assert.equal(case[2], kind)
      assert.equal(case[3], number)
    end)
  end

  local others <const> = {
    "", "OKAY", "LOOK", "O", "ok", " OK", "OK.", "OK,1", "ERRORLOG: 3", "ERROR=", "ERROR=x",
    "ERROR= 104", "ERROR=104x", "xERROR=104", "EEROR", "EEROR=", "error", "+X: \"ERROR\"", "+CME",
    "+CME ERRORS", "+CME ERROR=1", "+CMEERROR", "+CSQ: 15,99", "AT+ERROR", "+", "SEND OK", "\0OK",
    "+CMX ERROR: 1", "OK\0",
  }
  for _, line in ipairs(others) do
    it(("is not %q"):format(line), function()
      assert.is_nil((codec.final(line)))
    end)
  end
end)

describe("splitting columns", function()
  local cases <const> = {
    { "", {}, {} },
    { "   ", {}, {} },
    { "1", { "1" }, {} },
    { "0,1", { "0", "1" }, {} },
    { " 15 , 99 ", { "15", "99" }, {} },
    { "3,", { "3", "" }, {} },
    { ",", { "", "" }, {} },
    { "1,,2", { "1", "", "2" }, {} },
    { '"a,b",2', { "a,b", "2" }, { true } },
    { '"",""', { "", "" }, { true, true } },
    { ' "a" , "b" ', { "a", "b" }, { true, true } },
    { '"abc', { '"abc' }, {} },
    { '"abc,1', { '"abc', "1" }, {} },
    { '"a"b,1', { '"a"b', "1" }, {} },
    { '"a\\",1', { "a\\", "1" }, { true } },
    { "\xE2\x80\x9Ctest\xE2\x80\x9D,8", { "test", "8" }, { true } },
    { "8,\xE2\x80\x9Dtest\xE2\x80\x9D", { "8", "test" }, { [2] = true } },
    { "a\xE2\x80\x9Db", { "a\xE2\x80\x9Db" }, {} },
    -- one quote typed, the other pasted
    { '"a,b\xE2\x80\x9D,"c"', { "a,b", "c" }, { true, true } },
    { '\xE2\x80\x9Ca,b",1', { "a,b", "1" }, { true } },
    -- what stands within typed quotes is text
    { '"a, \xE2\x80\x9Db",1', { "a, \xE2\x80\x9Db", "1" }, { true } },
    { "\xE2\x80\x9Cabc,1", { "\xE2\x80\x9Cabc", "1" }, {} },
    { "\xE2\x80\x9C\xE2\x80\x9D0,1", { "\xE2\x80\x9C\xE2\x80\x9D0", "1" }, {} },
  }
  for _, case in ipairs(cases) do
    it(("reads %q"):format(case[1]), function()
      local columns <const> = codec.split(case[1])
      assert.equal(#case[2], #columns)
      for i, text in ipairs(case[2]) do
        assert.equal(text, columns[i])
        assert.equal(case[3][i], columns.quoted[i])
      end
    end)
  end

  it("keeps an escaped quote inside where the command escapes", function()
    local columns <const> = codec.split([["{\"a\":1}",2]], { escape = true })
    assert.same({ [[{\"a\":1}]], "2" }, { columns[1], columns[2] })
  end)

  it("gives the last of a limited number of columns the rest", function()
    local columns <const> = codec.split("25/10/27,21:53:20", { limit = 1 })
    assert.same({ "25/10/27,21:53:20" }, { table.unpack(columns) })
  end)

  it("is not slow on a line of nothing but quotes and commas", function()
    local started <const> = os.clock()
    codec.split(('",'):rep(2000))
    codec.split(('"'):rep(4000))
    codec.split(('"1,'):rep(20000))
    codec.split(("\xE2\x80\x9C1,"):rep(20000))
    codec.split(('"1,\xE2\x80\x9D1,'):rep(20000))
    assert.is_true(os.clock() - started < 1)
  end)
end)

describe("encoding", function()
  it("takes the query without values, else the plain command", function()
    assert.equal("AT", text_of("test"))
    assert.equal("AT+GMR", text_of("gmr"))
    assert.equal("AT+CREG?", text_of("creg"))
    assert.equal("+++", text_of("escape"))
    assert.equal("ATO", text_of("ato"))
    assert.equal("AT+GMR", text_of("gmr", {}))
  end)

  it("takes the set form with values", function()
    assert.equal("AT+CREG=1", text_of("creg", { n = 1 }))
    assert.equal("ATE0", text_of("ate", { mode = 0 }))
    assert.equal('AT+QIOPEN="TCP","112.125.89.8",33124,0,0', text_of("qiopen",
      { type = "TCP", server_ip = "112.125.89.8", server_port = 33124, local_port = 0, mode = 0 }))
  end)

  it("takes the form that is asked for by kind", function()
    assert.equal("AT+CREG?", text_of("creg", nil, "read"))
    local text <const>, err <const> = codec.encode(ct12, entries.creg, nil, "test")
    assert.is_nil(text)
    assert.matches("has no test form", err.message)
  end)

  it("tells the two set forms of AT+GPIO by their arguments", function()
    assert.equal("AT+GPIO=0", text_of("gpio", { pin = 0 }))
    assert.equal("AT+GPIO=0,1", text_of("gpio", { pin = 0, dir = 1 }))
    assert.equal("AT+GPIO=0,2,1", text_of("gpio", { pin = 0, dir = 2, pull = 1 }))
    assert.matches("argument dir is missing", refusal("gpio", { pin = 0, pull = 1 }))
  end)

  it("fills in what the host always sends", function()
    assert.equal("AT+IPR=9600,8,0,0", text_of("ipr", { baudrate = 9600 }))
    assert.equal("AT+IPR=9600,7,0,2", text_of("ipr", { baudrate = 9600, databits = 7, parity = 2 }))
    assert.equal('AT+QIOPEN="UDP","a.b",7,0,0',
      text_of("qiopen", { type = "UDP", server_ip = "a.b", server_port = 7 }))
  end)

  it("leaves the module's own default to the module", function()
    assert.equal('AT+QPING="a.b"', text_of("qping", { addr = "a.b" }))
    assert.equal('AT+QPING="a.b",4', text_of("qping", { addr = "a.b", num_pings = 4 }))
  end)

  it("measures the payload", function()
    local text <const>, form <const>, payload <const> =
      codec.encode(ct12, entries.qisend, { link_num = 3, payload = "A\r\nOK\0" })
    assert.equal("AT+QISEND=3,6", text)
    assert.equal("A\r\nOK\0", payload)
    assert.equal(">", form.payload.prompt)
  end)

  it("refuses a length that the payload does not have", function()
    assert.equal("AT+QISEND: argument length is 4, but payload has 5 bytes",
      refusal("qisend", { link_num = 3, length = 4, payload = "hello" }))
  end)

  it("takes a float that is an integer", function()
    assert.equal("AT+CREG=1", text_of("creg", { n = 1.0 }))
  end)

  it("names command, argument, value and what was expected", function()
    assert.equal("AT+QISEND: argument link_num is 2, expected an integer from 3 to 20",
      refusal("qisend", { link_num = 2, payload = "x" }))
    assert.equal('AT+CREG: argument n is "1", expected one of 0, 1, 2',
      refusal("creg", { n = "1" }))
  end)

  it("refuses unknown names, missing arguments and no arguments at all", function()
    assert.matches("unknown argument m, expected n", refusal("creg", { m = 1 }))
    assert.matches("unknown argument n", refusal("csq", { n = 1 }))
    assert.matches("unknown argument 1", refusal("creg", { 1 }))
    assert.matches("argument link_num is missing", refusal("qiclose"))
    assert.matches("argument link_num is missing", refusal("qiclose", {}))
    assert.matches("argument payload is missing", refusal("qisend", { link_num = 3, length = 5 }))
    assert.matches("takes a table of arguments", refusal("qiclose", 3))
  end)

  it("shows a long or unprintable value cut and quoted", function()
    local message <const> = refusal("qping", { addr = "\r\n\0" .. ("x"):rep(9000) })
    assert.matches("9003 bytes", message)
    assert.is_nil(message:find("[%c\128-\255]"))
    assert.is_true(#message < 200)
  end)

  it("refuses a host that would end or split the command", function()
    for _, addr in ipairs { "", "a b", 'a"b', "a\rb", "a\nb", "a\0b", "a,b", ("x"):rep(254) } do
      assert.matches("argument addr is ", refusal("qping", { addr = addr }))
    end
    assert.equal('AT+QPING="2409:8C54::1"', text_of("qping", { addr = "2409:8C54::1" }))
  end)

  it("demands confirm = true of AT+OTA", function()
    local values <const> = { mode = 1, url = "http://example.net/f" }
    assert.matches("needs confirm = true", refusal("ota", values))
    values.confirm = "yes"
    assert.matches("needs confirm = true", refusal("ota", values))
    values.confirm = true
    assert.equal('AT+OTA=1,"http://example.net/f"', text_of("ota", values))
    assert.matches("unknown argument confirm", refusal("creg", { n = 1, confirm = true }))
  end)

  it("refuses text that the module cannot carry", function()
    for _, url in ipairs { "", 'a"b', "a\rb", "a\nb", "a\0b", ("x"):rep(257) } do
      assert.matches("argument url is ", refusal("ota", { mode = 1, url = url, confirm = true }))
    end
    local bytes <const> = "\xE4\xB8\xAD\xFF"
    assert.equal('AT+OTA=1,"' .. bytes .. '"',
      text_of("ota", { mode = 1, url = bytes, confirm = true }))
  end)
end)

describe("each argument of the catalogue", function()
  boundary.declare(it, ct12)

  for _, size in ipairs { 1, 1024 } do
    it(("AT+QISEND carries %d bytes"):format(size), function()
      assert.equal("AT+QISEND=20," .. size,
        text_of("qisend", { link_num = 20, payload = ("\0"):rep(size) }))
    end)
  end
  for _, size in ipairs { 0, 1025 } do
    it(("AT+QISEND refuses %d bytes"):format(size), function()
      assert.matches("argument payload is ",
        refusal("qisend", { link_num = 3, payload = ("x"):rep(size) }))
    end)
  end
end)
