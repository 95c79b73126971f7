-- SPDX-License-Identifier: MIT
--
-- Bug: a catalogue file that loops, by a slip or by intent, hung whoever loaded
-- it: `attest doc --catalogue DIR` never ended. A file is data and takes no time;
-- one that runs on is refused with its name.

local catalogue <const> = require "attest.catalogue"
local lfs <const> = require "lfs"
local script_file <const> = require "tests.support.script_file"

describe("a catalogue file that runs on and on", function()
  it("is refused", function()
    local files <close> = script_file.new()
    assert(lfs.mkdir(files.folder .. "/door"))
    files:write("door/module.lua", "while true do end")
    files:remove_later(files.folder .. "/door")
    local module <const>, err <const> = catalogue.load("door", { files.folder })
    assert.is_nil(module)
    assert.equal("invalid", err.code)
    assert.equal("module door: it runs on and on; a catalogue file is data", err.message)
  end)
end)
