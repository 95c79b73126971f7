-- SPDX-License-Identifier: MIT
--
-- `attest sim` as a process: its faults on the command line, its port that
-- goes away and comes back, and its end. Real time.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local child <const> = require "tests.support.child"
local core <const> = require "attest.core"
local sim <const> = require "attest.sim"
local uv <const> = require "luv"

-- In seconds: what a busy machine may take. A port goes later than a client
-- needs to open it, and comes back later than its absence is seen or a file made.
local PATIENCE <const> = 60

local function attest(...)
  local process <const> = child.start { uv.exepath(), ... }
  return process:join(), process.text
end

-- A simulated module under a link; both go with the test.
local function serve(...)
  local link <const> = os.tmpname()
  os.remove(link)
  local process <const> = child.start { uv.exepath(), "sim", "ct12", "--link", link, ... }
  process:await("ready " .. link)
  return setmetatable({ process = process, link = link }, {
    __close = function()
      process:kill()
      os.remove(link)
    end,
  })
end

local function await_no_link(served)
  local deadline <const> = core.now() + PATIENCE
  while uv.fs_lstat(served.link) and core.now() < deadline do
    core.sleep(0.01)
  end
end

describe("attest sim --list-faults", function()
  it("needs no module and shows each fault with its words", async(function()
    local code <const>, text <const> = attest("sim", "--list-faults")
    assert.equal(0, code)
    local lines <const> = {}
    for line in text:gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    local faults <const> = sim.faults()
    assert.equal(#faults, #lines)
    for i, fault in ipairs(faults) do
      assert.equal(fault.usage, lines[i]:match("^(%S+)  "))
      assert.matches(fault.doc, lines[i], 1, true)
    end
  end))

  it("is told by --help in the same words", async(function()
    local code <const>, text <const> = attest("sim", "--help")
    assert.equal(0, code)
    for _, fault in ipairs(sim.faults()) do
      assert.matches(fault.usage, text, 1, true)
      assert.matches(fault.doc, text, 1, true)
    end
  end))
end)

describe("attest sim", function()
  it("refuses a bad fault by its name", async(function()
    for spec, expected in pairs {
      ["gremlins"] = 'fault "gremlins": expected one of silent, loss:PROBABILITY',
      ["loss:7"] = 'fault "loss:7": PROBABILITY is "7", expected 0 to 1',
      ["silent,reboot"] = 'fault "reboot": COMMAND is missing',
      [""] = '--fault "": expected a fault',
    } do
      local code <const>, text <const> = attest("sim", "ct12", "--fault", spec)
      assert.equal(2, code, spec)
      assert.matches(expected, text, 1, true)
      assert.equal(1, select(2, text:gsub("\n", "")), text)
    end
  end))

  it("says that a module is missing", async(function()
    local code <const>, text <const> = attest("sim")
    assert.equal(2, code)
    assert.matches("missing argument 'module'", text, 1, true)
  end))

  it("ends with 0 at each of its signals, and its link goes", async(function()
    for _, name in ipairs { "sigint", "sigterm", "sighup" } do
      local served <close> = serve()
      served.process:signal(name)
      assert.equal(0, served.process:join())
      assert.is_nil(uv.fs_lstat(served.link))
    end
  end))

  it("comes back under its link after its port went, and boots", async(function()
    local served <close> =
      serve("--set", "boot=0", "--set", "register=0", "--fault", "vanish:3:3")
    do
      local client <close> = bare_client.attach(assert(core.open(served.link)))
      client:expect("NETWORK_ACTIVATE_SUCCESS\r\n", PATIENCE)
      while not client.is_closed do
        client:listen(0.01)
      end
      await_no_link(served) -- it goes right behind the port
      assert.is_nil(uv.fs_lstat(served.link))
    end
    served.process:await("ready " .. served.link)
    local client <close> = bare_client.attach(assert(core.open(served.link)))
    client:expect("NETWORK_ACTIVATE_SUCCESS\r\n", PATIENCE)
    client:send("AT\r\n")
    client:expect("OK\r\n", PATIENCE)
    served.process:signal("sigterm")
    assert.equal(0, served.process:join())
    assert.is_nil(uv.fs_lstat(served.link))
  end))

  it("takes its link away with a port that stays away", async(function()
    local served <close> = serve("--fault", "vanish:0.1")
    await_no_link(served)
    assert.is_nil(uv.fs_lstat(served.link))
    assert.is_false(served.process:is_over())
  end))

  it("ends with 2 when somebody else took its link meanwhile", async(function()
    local served <close> = serve("--fault", "vanish:0.1:3")
    await_no_link(served)
    assert(io.open(served.link, "w")):close()
    assert.equal(2, served.process:join())
    assert.matches("--link " .. served.link, served.process.text, 1, true)
    assert.equal("file", uv.fs_lstat(served.link).type)
  end))
end)
