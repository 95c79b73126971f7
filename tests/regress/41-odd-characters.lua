-- SPDX-License-Identifier: MIT
--
-- Characters that a terminal or an editor obeys went raw into the exports: the
-- controls U+0080..U+009F into JSON, and those that turn the direction of text
-- (U+202E makes one line look like another) into JSON, JUnit and messages.

local json <const> = require "attest.json"
local text <const> = require "attest.text"
local xml <const> = require "attest.report.xml"

local ODD <const> = { 0x80, 0x9B, 0x61C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202E, 0x2066,
  0x2069, 0xFEFF }

describe("a character that is obeyed", function()
  for _, code in ipairs(ODD) do
    local char <const> = utf8.char(code)

    it(("U+%04X is escaped everywhere"):format(code), function()
      local encoders <const> = { json = json.encode, text = text.printable, xml = xml.attribute }
      for name, encode in pairs(encoders) do
        assert.is_nil(encode("a" .. char .. "b"):find(char, 1, true), name)
      end
    end)

    it(("U+%04X comes back from JSON"):format(code), function()
      assert.equal("a" .. char, json.decode(json.encode("a" .. char)))
    end)
  end

  it("has neighbours that are left alone", function()
    for _, code in ipairs { 0xA0, 0x61B, 0x2010, 0x2026, 0x2030, 0x2065, 0x4FE1, 0xFF01 } do
      local char <const> = utf8.char(code)
      assert.equal('"' .. char .. '"', json.encode(char))
      assert.equal(char, text.printable(char))
      assert.equal(char, xml.text(char))
    end
  end)
end)
