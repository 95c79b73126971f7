-- SPDX-License-Identifier: MIT
--
-- Does what README's page "Adding a module" says: writes its files, types its
-- commands and compares what they print, then looks at what each change does.
-- In real time: the commands are processes.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local boundary <const> = require "tests.support.boundary"
local catalogue <const> = require "attest.catalogue"
local child <const> = require "tests.support.child"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local folders <const> = require "attest.catalogue.folders"
local lfs <const> = require "lfs"
local sim <const> = require "attest.sim"
local uv <const> = require "luv"

local ROOT <const> = lfs.currentdir():gsub("/$", "")
local SOURCE <const> = (arg[0]:match("^(.*)/tests/[^/]*$") or "."):gsub("^%.", ROOT)

local folder -- where the page is followed

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function write(path, text)
  local at = #folder + 1
  while path:find("/", at + 1, true) do
    at = path:find("/", at + 1, true)
    lfs.mkdir(path:sub(1, at - 1))
  end
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

local function remove(path)
  if lfs.attributes(path, "mode") ~= "directory" then
    return os.remove(path)
  end
  for name in lfs.dir(path) do
    if name ~= "." and name ~= ".." then
      remove(path .. "/" .. name)
    end
  end
  return lfs.rmdir(path)
end

-- ------------------------------------------------------------------ the page

local page <const> = read(SOURCE .. "/README.md")
  :match("\n## Adding a module\n(.-)\n## ")

-- The files of the page, by path: blocks of Lua whose first line is their path.
local function files_of(text)
  local files <const> = {}
  for block in text:gmatch("```lua\n(.-)```") do
    local path <const> = assert(block:match("^%-%- (%S+)\n"), "a block names no file")
    files[path] = block
  end
  return files
end

-- The commands of the page, each with the lines that it is said to print.
local function commands_of(text)
  local commands <const> = {}
  for block in text:gmatch("```console\n(.-)```") do
    for line in block:gmatch("[^\n]+") do
      local typed <const> = line:match("^%$ (.*)$")
      if typed then
        commands[#commands + 1] = { typed = typed, printed = {} }
      else
        table.insert(commands[#commands].printed, line)
      end
    end
  end
  return commands
end

local files <const>, commands <const> = files_of(page), commands_of(page)

-- Times and counts differ from day to day.
local function plain(line)
  return (line:gsub("%d+%.%d s", "T s"):gsub("^%d+ passed", "N passed"))
end

-- Compares from the first line on; after "..." nothing more is said.
local function check_printed(expected, text, typed)
  local actual <const> = {}
  for line in text:gmatch("([^\n]*)\n") do
    actual[#actual + 1] = plain(line)
  end
  for i, line in ipairs(expected) do
    if line == "..." then
      return
    end
    assert.equal(plain(line), actual[i], typed .. "\n" .. text)
  end
  assert.equal(#expected, #actual, typed .. "\n" .. text)
end

-- Types a command as the page shows it; what it says to a person is left out.
local function type_in(command, environment)
  local script <const> = ([[
    cd %s && attest() { %s "$@"; } && SOURCE=%s && %s
    %s 2>>errors]]):format(folder, uv.exepath(), SOURCE, environment or ":", command)
  local shell <const> = child.shell(script)
  shell:join()
  return shell.text
end

local function make_folder()
  folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  for path, text in pairs(files) do
    write(folder .. "/" .. path, text)
  end
end

before_each(make_folder)

after_each(function()
  remove(folder)
end)

local function load_door()
  return assert(catalogue.load("door", { folder .. "/modules" }))
end

describe("README's page about a module of one's own", function()
  it("has files and commands", function()
    for _, path in ipairs {
      "modules/door/module.lua", "modules/door/door.lua", "modules/ct12/module.lua", "lock.lua",
    } do
      assert.is_string(files[path], path)
    end
    assert.is_true(#commands >= 5)
  end)

  for _, command in ipairs(commands) do
    it("is right about: " .. command.typed, async(function()
      check_printed(command.printed, type_in(command.typed), command.typed)
    end))
  end
end)

describe("a module of one's own", function()
  it("waits as long as it says and has no command that it removed", function()
    local door <const>, ct12 <const> = load_door(), assert(catalogue.load("ct12"))
    assert.equal(60, door.entries.qiopen.forms[1].timeout)
    assert.equal(30, ct12.entries.qiopen.forms[1].timeout)
    assert.same(ct12.entries.qiopen.forms[1].args, door.entries.qiopen.forms[1].args)
    assert.is_nil(door.entries.qping)
    assert.same({ "door", "ct12" }, door.lineage)
  end)

  it("can be simulated: what was removed is unknown, what was set is read back", async(function()
    local dut <close> = attest.open("sim:door", { catalogue = { folder .. "/modules" } })
    dut:ready()
    dut:registered { timeout = 30 }
    local answer <const>, err <const> = dut.try:at([[AT+QPING="192.0.2.1",1]])
    assert.is_nil(answer)
    assert.equal(104, err.number)
    assert.error_matches(function() dut:qping {} end, 'no command "qping"')
    assert.equal(1, dut:lock().state)
    dut:lock { state = 0 }
    assert.equal(0, dut:lock().state)
    assert.equal("invalid", select(2, dut.try:lock { state = 2 }).code)
  end))

  it("receives data in its own format", async(function()
    local net <const> = fake_net.new()
    local near <const>, far <const> = core.pair()
    net.servers["192.0.2.1:7"] = fake_net.echo
    local module <close> = assert(sim.new {
      module = "door", catalogue = { folder .. "/modules" }, net = net,
    })
    module:serve(far)
    local dut <close> = attest.attach(near, { module = load_door() })
    local trace <const> = assert(core.trace { keep = true, slot = "1", port = "pair" })
    dut:trace(trace)
    dut:ready()
    dut:registered { timeout = 30 }
    local socket <close> = dut:socket { host = "192.0.2.1", port = 7 }
    socket:send("hello")
    assert.equal("hello", socket:receive(5, { timeout = 30 }))
    assert.matches("+IPD,3,5,hello", trace:text(), 1, true)
    trace:close()
  end))

  it("is found in the user's default folder", async(function()
    lfs.mkdir(folder .. "/attest")
    assert(os.rename(folder .. "/modules", folder .. "/attest/catalogue"))
    local text <const> = type_in("attest send --port sim:door AT+LOCK=0 'AT+LOCK?'",
      "export XDG_CONFIG_HOME=" .. folder)
    assert.equal("OK\n+LOCK:0\nOK\n", text)
  end))

  it("that has a built-in one's name changes that one", function()
    local ct12 <const> = assert(catalogue.load("ct12", { folder .. "/modules" }))
    assert.equal(120, ct12.entries.qping.forms[1].timeout)
    assert.same({ "ct12" }, ct12.lineage)
  end)
end)

describe("each argument of a module of one's own", function()
  make_folder() -- tests are declared before the first one runs
  local door <const> = load_door()
  remove(folder)
  boundary.declare(it, door, { door = true })
end)

describe("a folder of modules", function()
  it("that is given and is not there is an error", function()
    local path <const>, err <const> = folders.check(folder .. "/nowhere")
    assert.is_nil(path)
    assert.equal("not_found", err.code)
    assert.equal(folder, folders.check(folder))
  end)

  it("comes before the user's default one, and the list given stays as it is", function()
    local given <const> = { "a", "b" }
    local list <const> = folders.list(given)
    assert.same({ "a", "b" }, { list[1], list[2] })
    assert.equal(2, #given)
  end)
end)
