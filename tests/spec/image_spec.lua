-- SPDX-License-Identifier: MIT
--
-- The image (core/image.h): what is compiled is what stands there, an edited
-- source wins at once, and an image that is no good harms nothing. Each test
-- has an installed tree of its own and edits that.

local async <const> = require "tests.support.async"
local child <const> = require "tests.support.child"
local uv <const> = require "luv"

local ROOT <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."

-- Runs a shell script, $A being the tree's runner; gives exit code and words.
local function shell(tree, script)
  local words <const> = ("R='%s' A='%s/bin/attest'; cd '%s' || exit; %s"):format(
    uv.fs_realpath(ROOT), tree.folder, tree.folder, script)
  local process <const> = child.shell(words)
  local code <const> = process:join(60)
  return code, process.text
end

local WRITE_IMAGE <const> = "$A lua $R/scripts/image.lua share/attest/lua share/attest/attest.image"

local function must(tree, script)
  local code <const>, text <const> = shell(tree, script)
  assert.equal(0, code, text)
  return text
end

local function new_tree()
  local folder <const> = assert(uv.fs_mkdtemp("/tmp/attest-image-XXXXXX"))
  local tree <const> = setmetatable({ folder = folder }, {
    __close = function(self) shell(self, "cd / && rm -rf '" .. self.folder .. "'") end,
  })
  must(tree, ("mkdir -p bin share/attest && cp '%s' bin/attest && cp -r $R/lua share/attest/ && %s")
    :format(uv.exepath(), WRITE_IMAGE))
  return tree
end

local function write(tree, name, text)
  local file <close> = assert(io.open(tree.folder .. "/" .. name, "wb"))
  file:write(text)
end

-- Makes every file older, as if it had been written long before the image was.
local GROW_OLD <const> = "find share/attest/lua -type f -exec touch -d '2 days ago' {} + && "

-- Prints the modules whose code the image gives.
local LIST <const> = [[
for name in ("attest.text attest.cli attest.dialog argparse attest.catalogue.assembled.ct12")
    :gmatch("%S+") do
  local loader = package.searchers[2](name)
  print(name, loader and debug.getinfo(loader, "S").source or "not there")
end
]]

describe("the image", function()
  it("gives the code of our files, of argparse and of the catalogue", async(function()
    local tree <close> = new_tree()
    write(tree, "list.lua", LIST)
    local text <const> = must(tree, "$A lua list.lua")
    assert.matches("attest.text\t@attest/text.lua\n", text, 1, true)
    assert.matches("attest.cli\t@attest/cli/init.lua\n", text, 1, true)
    assert.matches("attest.dialog\t@attest/dialog/init.lua\n", text, 1, true)
    assert.matches("argparse\t@/usr/", text, 1, true)
    assert.not_matches("not there", text)
  end))

  it("is silent where package.path finds another file", async(function()
    local tree <close> = new_tree()
    must(tree, "mkdir -p mine/attest")
    write(tree, "mine/attest/text.lua", "return 'mine'")
    write(tree, "ask.lua", "package.path = 'mine/?.lua;' .. package.path "
      .. "package.loaded['attest.text'] = nil print((require 'attest.text'))")
    assert.equal("mine\n", must(tree, "$A lua ask.lua"))
  end))

  it("keeps the lines of tracebacks", async(function()
    local tree <close> = new_tree()
    write(tree, "ask.lua", "print(select(2, pcall(require('attest.text').printable)))")
    assert.matches("^attest/text%.lua:%d+: ", (must(tree, "$A lua ask.lua")))
  end))
end)

describe("an edited source", function()
  local EDIT <const> = "sed -i 's/unknown verb/unheard of /' share/attest/lua/attest/cli/init.lua"

  it("wins, even of the same size", async(function()
    local tree <close> = new_tree()
    for _, prepare in ipairs { "", GROW_OLD .. WRITE_IMAGE .. " && " } do
      must(tree, prepare .. EDIT)
      local code <const>, text <const> = shell(tree, "$A nothing")
      assert.equal(2, code)
      assert.matches("unheard of ", text, 1, true)
      must(tree, EDIT:gsub("unknown verb/unheard of ", "unheard of /unknown verb"))
    end
  end))

  it("wins even of the same age when it was young as the image was written", async(function()
    local tree <close> = new_tree()
    local file <const> = "share/attest/lua/attest/cli/init.lua"
    must(tree, ("touch %s && %s && touch -r %s stamp && %s && touch -r stamp %s")
      :format(file, WRITE_IMAGE, file, EDIT, file))
    local _, text <const> = shell(tree, "$A nothing")
    assert.matches("unheard of ", text, 1, true)
  end))

  it("that is the same after all is taken from the image, whatever its age", async(function()
    local tree <close> = new_tree()
    write(tree, "list.lua", LIST)
    must(tree, GROW_OLD .. WRITE_IMAGE)
    local before <const> = must(tree, "$A lua list.lua")
    assert.not_matches("not there", before)
    must(tree, "find share/attest/lua -type f -exec touch {} +")
    assert.equal(before, must(tree, "$A lua list.lua"))
  end))

  it("of the catalogue is read and checked anew", async(function()
    local tree <close> = new_tree()
    local family <const> = " share/attest/lua/attest/catalogue/ct12/power.lua"
    must(tree, "sed -i 's/\"6.3.1\"/\"9.9.9\"/'" .. family)
    assert.matches("AT+SYSSLEEP  9.9.9", must(tree, "$A doc"), 1, true)
    must(tree, "sed -i '0,/section/s//sektion/'" .. family)
    local code <const>, text <const> = shell(tree, "$A doc")
    assert.equal(2, code)
    assert.matches('family power, entry syssleep: unknown key "sektion"', text, 1, true)
  end))

  it("that the catalogue refuses ends the build without an image", async(function()
    local tree <close> = new_tree()
    must(tree, "rm share/attest/attest.image")
    must(tree, "sed -i '0,/section/s//sektion/' share/attest/lua/attest/catalogue/ct12/power.lua")
    local code <const>, text <const> = shell(tree, WRITE_IMAGE)
    assert.equal(1, code)
    assert.matches('unknown key "sektion"', text)
    assert.not_equal(0, (shell(tree, "ls share/attest/attest.image*")))
  end))
end)

describe("an image that is no good", function()
  -- Shell words after which "image" is another one; "whole" is a good one.
  local SPOILT <const> = {
    "head -c 0 whole >image", "head -c 14 whole >image", "head -c 15 whole >image",
    "head -c 300 whole >image", "head -c 400000 whole >image", "head -c -1 whole >image",
    "(cat whole; echo) >image", "sed 's/image 1/image 2/' whole >image",
    "sed 's/^.\\{3\\}/XXX/' whole >image", "head -c 100000 /dev/zero >image",
    "sed 's/\\x00S[0-9]/\\x00S99999999/' whole >image",
    "sed 's/\\x00S\\([0-9]*\\) /\\x00S\\1x/' whole >image", "mkdir image", "true",
  }

  it("changes nothing: cut, empty, of another kind, or absent", async(function()
    local tree <close> = new_tree()
    must(tree, "mv share/attest/attest.image whole; ln -s ../../image share/attest/attest.image")
    for _, spoil in ipairs(SPOILT) do
      local text <const> = must(tree, spoil .. "; $A doc && rm -rf image")
      assert.matches("^DX%-CT12.*AT%+QISEND", text, spoil)
    end
  end))
end)

describe("the assembled catalogue", function()
  -- Same data, same types, and the same tables shared by the same owners.
  local SAME <const> = [[
    local catalogue = require "attest.catalogue"
    local twins = {}
    local function same(a, b, where)
      if type(a) ~= "table" or type(b) ~= "table" then
        return assert(rawequal(a, b), where)
      elseif twins[a] then
        return assert(twins[a] == b, where .. " is shared otherwise")
      end
      twins[a] = b
      assert(getmetatable(a) == getmetatable(b), where)
      for key, value in pairs(a) do same(value, b[key], where .. "." .. tostring(key)) end
      for key in pairs(b) do assert(a[key] ~= nil, where .. "." .. tostring(key)) end
    end
    for _, name in ipairs(catalogue.builtin) do
      assert(package.searchers[2]("attest.catalogue.assembled." .. name))
      local one, read = catalogue.load(name), catalogue.load(name, { "." })
      same(one, read, name)
      assert(catalogue.load(name) ~= one)
      print(name)
    end
  ]]

  it("is what reading and checking its files gives", async(function()
    local tree <close> = new_tree()
    write(tree, "same.lua", SAME)
    assert.equal("ct12\nml302\n", must(tree, "$A lua same.lua"))
  end))
end)
