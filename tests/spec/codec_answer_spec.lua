-- SPDX-License-Identifier: MIT
--
-- Answers as text: every spelling that the manual shows is read, each dialect is written, URCs and
-- result words are told from answers.

local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"

local ct12 <const> = assert(catalogue.load("ct12"))

local function form_of(command)
  return select(2, codec.lookup(ct12, command))
end

local function decoded(command, line)
  return select(2, codec.decode(form_of(command), line))
end

describe("an answer", function()
  it("is read in every spelling of the manual", function()
    assert.same({ version = "CT12_V1.0.1" }, decoded("AT+GMR", "+VERSION=CT12_V1.0.1"))
    assert.same({ imei = "860720087453595" }, decoded("AT+GSN", "860720087453595"))
    for _, line in ipairs { "+QCCID:898604E6192391620488", "+QICCID: 898604E6192391620488",
                            "+QCCID: 898604E6192391620488", "+QICCID:898604E6192391620488" } do
      assert.same({ iccid = "898604E6192391620488" }, decoded("AT+QCCID", line))
    end
    for _, line in ipairs { "+CREG=0,1", "+CREG:0,1", "+CREG: 0,1", "+CREG: 0, 1" } do
      assert.same({ n = 0, stat = 1, registered = true }, decoded("AT+CREG?", line))
    end
    for _, line in ipairs { "+CSQ: 15,99", "+CSQ:15,99", "+CSQ:\t15,99 " } do
      assert.same({ rssi = 15, rssi_dbm = -83, ber = 99 }, decoded("AT+CSQ", line))
    end
    for _, line in ipairs { '+CIPPING:"1.2.3.4",30,52', "+CIPPING:1.2.3.4,30,52",
                            '+QPING: "1.2.3.4",30,52' } do
      assert.same({ ip_addr = "1.2.3.4", wait_time = 30, ttl = 52 },
        decoded('AT+QPING="a",1', line))
    end
  end)

  it("without an ICCID means that there is no SIM card", function()
    assert.same({}, decoded("AT+QCCID", "+QICCID: "))
    assert.same({}, decoded("AT+QCCID", "+QICCID:"))
  end)

  it("gives the signal in dBm, and none for 99", function()
    assert.equal(-113, decoded("AT+CSQ", "+CSQ: 0,0").rssi_dbm)
    assert.equal(-51, decoded("AT+CSQ", "+CSQ: 31,7").rssi_dbm)
    assert.same({ rssi = 99, ber = 99 }, decoded("AT+CSQ", "+CSQ: 99,99"))
  end)

  it("tells registered from not, and keeps what the manual does not explain", function()
    for stat = 0, 5 do
      local fields <const> = decoded("AT+CREG?", "+CREG:1," .. stat)
      assert.equal(stat == 1 or stat == 5, fields.registered)
    end
    assert.equal('"25EF","02D03DFE",7', decoded("AT+CREG?", '+CREG: 2,1,"25EF","02D03DFE",7').other)
  end)

  it("gives a time as text and in parts, in both documented forms", function()
    local parts <const> = { year = 2025, month = 10, day = 27, hour = 21, min = 5, sec = 9 }
    for _, text in ipairs { "2025-10-27 21:05:09", "25/10/27,21:05:09", "25/10/27,21:05:09+32" } do
      for _, line in ipairs { "+QLTS:" .. text, "+QLTS: " .. text, '+QLTS: "' .. text .. '"' } do
        parts.time = text
        assert.same(parts, decoded("AT+QLTS?", line))
      end
      assert.same(parts, decoded('AT+QNTP="a",1', "+QNTP:" .. text))
    end
    assert.is_nil(decoded("AT+QLTS?", "+QLTS: soon"))
  end)

  it("lists links with and without the local port", function()
    local link <const> = { link_num = 3, type = "TCP", server_ip = "1.2.3.4", server_port = 7 }
    for _, line in ipairs { '+CIPOPEN:3,"TCP","1.2.3.4",7,', '+CIPOPEN:3,"TCP","1.2.3.4",7',
                            "+QISTATE:3,TCP,1.2.3.4,7" } do
      assert.same(link, decoded("AT+QISTATE", line))
    end
    link.local_port = 61563
    assert.same(link, decoded("AT+QISTATE", '+QISTATE:3,"TCP","1.2.3.4",7,61563'))
  end)

  it("of AT+CPSI is text, with and without the empty column of the table", function()
    local example <const> = "+CPSI:460-0,0x25ef,47198990,411,5,5,-19,-82,-69,0"
    local fields <const> = decoded("AT+CPSI", example)
    assert.equal("0", fields.mnc)
    assert.equal("460", fields.mcc)
    assert.equal("0x25ef", fields.tac)
    assert.equal("-19", fields.rsrp)
    assert.same(fields, decoded("AT+CPSI", "+CPSI:460-0,0x25ef,47198990,411,,5,5,-19,-82,-69,0"))
    assert.is_nil(decoded("AT+CPSI", "+CPSI:460-0,0x25ef,47198990,411,5,5,-19,-82,-69,0,1"))
  end)

  it("is claimed by prefix, number of columns and their shape", function()
    local creg <const>, gsn <const> = form_of("AT+CREG?"), form_of("AT+GSN")
    assert.is_true(codec.claims(creg, "+CREG:1,1"))
    for _, line in ipairs { "+CREG:5", "+CREG:", "+CREGX:1,1", "+CRE", "CREG:1,1", "+CREG:a,b",
                            '+CREG: 1,"25EF","02D03DFE"', "x+CREG:1,1", "" } do
      assert.is_false(codec.claims(creg, line))
    end
    assert.is_false(codec.claims(gsn, "RDY"))
    assert.is_false(codec.claims(gsn, "+CSQ: 15,99"))
    assert.is_false(codec.claims(gsn, ""))
    assert.is_false(codec.claims(form_of("AT+GMR"), "OKAY"))
  end)
end)

describe("formatting", function()
  local function each_row(visit)
    for _, entry in ipairs(ct12.list) do
      for _, form in ipairs(entry.forms) do
        for i, row in ipairs(form.info) do visit(entry, form, i, row) end
      end
    end
  end

  local function sample(t)
    if t.kind == "timestamp" then return "2025-10-27 21:53:20" end
    if t.kind == "enum" then return t.order[#t.order] end
    if t.kind == "int" then return t.max end
    return t.kind == "digits" and ("8"):rep(t.max) or "4-6"
  end

  each_row(function(entry, form, i, row)
    it(("%s row %d is read back in every dialect"):format(entry.command, i), function()
      local values <const> = {}
      for _, field in ipairs(row.fields) do values[field.name] = sample(field.type) end
      for _, dialect in ipairs { "example", "table", "field" } do
        local line <const> = codec.format(form, i, values, dialect)
        local index <const>, fields <const> = codec.decode(form, line)
        assert.equal(i, index)
        local order <const> = row[dialect] and row[dialect].order or {}
        for name, v in pairs(values) do
          if #order == 0 or table.concat(order, " "):find(name, 1, true) then
            assert.equal(v, fields[name])
          end
        end
      end
    end)
  end)

  it("writes a time from its parts in the form of the dialect", function()
    local form <const> = form_of("AT+QLTS?")
    local parts <const> = { year = 2025, month = 1, day = 2, hour = 3, min = 4, sec = 5 }
    assert.equal("+QLTS:2025-01-02 03:04:05", codec.format(form, 1, parts))
    assert.equal("+QLTS: 25/01/02,03:04:05", codec.format(form, 1, parts, "table"))
  end)

  it("writes the table's prefix and gap", function()
    local form <const> = form_of("AT+QISTATE")
    local link <const> = { link_num = 3, type = "TCP", server_ip = "1.2.3.4", server_port = 7 }
    link.local_port = 9
    assert.equal('+QISTATE:3,"TCP","1.2.3.4",7,9', codec.format(form, 1, link))
    assert.equal('+CIPOPEN:3,"TCP","1.2.3.4",7,', codec.format(form, 1, link, "table"))
    assert.equal("+QICCID: ", codec.format(form_of("AT+QCCID"), 1, {}, "table"))
  end)

  it("raises when a column has no value", function()
    assert.has_error(function() codec.format(form_of("AT+CSQ"), 1, { rssi = 1 }) end)
  end)
end)

describe("a URC", function()
  local function urc(line)
    local spec <const>, fields <const> = codec.urc(ct12, line)
    return spec and spec.name, fields
  end

  it("is told by its exact word", function()
    for _, word in ipairs { "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS", "DISCONNECT",
                            "UDP_CLOSE" } do
      assert.equal(word, (urc(word)))
      assert.is_nil((urc(word .. "X")))
      assert.is_nil((urc("X" .. word)))
    end
    for _, line in ipairs { "", "+", "OK", "+CSQ: 15,99", "SEND OK", "ready", "rdy" } do
      assert.is_nil((urc(line)))
    end
  end)

  it("+CREG has one number; the answer to AT+CREG? has two", function()
    assert.equal("+CREG", (urc("+CREG:5")))
    assert.same({ stat = 5, registered = true }, select(2, urc("+CREG: 5")))
    assert.same({ stat = 2, registered = false }, select(2, urc("+CREG=2")))
    assert.is_nil((urc("+CREG:1,1")))
    assert.is_nil((urc("+CREG: 0,1")))
    assert.equal("25EF", select(2, urc('+CREG: 1,"25EF","02D03DFE",7')).other)
  end)

  it("CONNECT carries the link in each spelling of the manual", function()
    for _, line in ipairs { "CONNECT,ID:3", "CONNECT,ID3", "CONNECT, ID:3", "CONNECT,ID:<3>",
                            "+QIOPEN,ID:3", "+QIOPEN, ID:3", "+QIOPEN,ID3",
                            "CONNECT\xEF\xBC\x8CID3", "CONNECT\xEF\xBC\x8CID<3>" } do
      local name <const>, fields <const> = urc(line)
      assert.equal("CONNECT", name)
      assert.same({ link_num = 3 }, fields)
    end
    for _, line in ipairs { "CONNECT", "CONNECT 115200", "CONNECT,ID:", "CONNECT,ID:x" } do
      assert.is_nil((urc(line)))
    end
  end)

  it("with a counted payload is read from its header", function()
    assert.same({ link_num = 3, length = 5 }, select(2, urc("+QIRD:3,5")))
    assert.same({ link_num = 3, length = 5 }, select(2, urc("+QIRD: 3,5,")))
  end)

  it("can be written, and a word that nobody declared cannot", function()
    assert.equal("RDY", codec.announce(ct12, "RDY"))
    assert.equal("CONNECT,ID:3", codec.announce(ct12, "CONNECT", { link_num = 3 }))
    assert.equal("+QIOPEN,ID:3", codec.announce(ct12, "CONNECT", { link_num = 3 }, "table"))
    assert.equal("+CREG:5", codec.announce(ct12, "+CREG", { stat = 5 }))
    assert.equal("+QIRD:3,5", codec.announce(ct12, "+QIRD", { link_num = 3, length = 5 }))
    assert.has_error(function() codec.announce(ct12, "RING") end)
  end)
end)

describe("a word of a completion", function()
  it("is a result word or a URC, by its name in the catalogue", function()
    assert.equal("SEND OK", (codec.word(ct12, "SEND OK")))
    assert.equal("SEND OK", (codec.word(ct12, "SENDOK")))
    assert.equal("SEND FAIL", (codec.word(ct12, "SEND FAIL")))
    assert.equal("CONNECT", (codec.word(ct12, "CONNECT,ID:3")))
    assert.is_nil((codec.word(ct12, "OK")))
    assert.is_nil((codec.word(ct12, "SEND OKAY")))
  end)
end)
