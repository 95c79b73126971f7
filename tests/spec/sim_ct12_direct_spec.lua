-- SPDX-License-Identifier: MIT
--
-- The direct mode of the simulated ct12 (6.4.1, 6.4.3, 6.4.4): data both ways,
-- +++ with its silences, ATO without a line end. On the virtual clock and a
-- network in the process; a client that types as a person or a program would.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"

core.virtual()

local OPEN <const> = 'AT+QIOPEN="TCP","192.0.2.1",7,0,1'
local OPEN_UDP <const> = 'AT+QIOPEN="UDP","192.0.2.1",7,0,1'
local OPEN_AT <const> = 'AT+QIOPEN="TCP","192.0.2.2",7,0,0'
local CONNECTED <const> = "\r\nCONNECT,ID:3\r\n"
local OK <const> = "\r\nOK\r\n"

-- A module with two servers at hand; `far` is who connected last to the first.
local function start(options)
  options = options or {}
  local net <const> = fake_net.new()
  local world <const> = { net = net, heard = {} }
  net.servers["192.0.2.1:7"] = function(peer)
    world.far = peer
    function peer:data(bytes) -- luacheck: ignore 212/self
      world.heard[#world.heard + 1] = bytes
    end
  end
  net.servers["192.0.2.2:7"] = function(peer)
    world.other = peer
  end
  options.net = net
  local client <const> = bare_client.started(options)
  return client, world
end

local function heard(world)
  local bytes <const> = table.concat(world.heard)
  world.heard = {}
  return bytes
end

-- Opens the link and lets its first second pass.
local function open(client, command)
  client:ask("ATE0")
  assert.equals(CONNECTED, client:ask(command or OPEN, 1.1))
end

local function escape(client)
  core.sleep(1.1)
  client:send("+++")
  return client:listen(1.1)
end

describe("in direct mode", function()
  it("every byte is data, both ways", async(function()
    local client <close>, world <const> = start()
    open(client)
    local all <const> = {}
    for i = 0, 255 do
      all[#all + 1] = string.char(i)
    end
    local bytes <const> = table.concat(all) .. "AT\r\n\r\nOK\r\n>ATO+++\r\n"
    client:send(bytes)
    world.far:send(bytes)
    assert.equals(bytes, client:listen(2))
    assert.equals(bytes, heard(world))
  end))

  it("the first byte after CONNECT is data, and one typed before it", async(function()
    local client <close>, world <const> = start()
    client:send(OPEN .. "\r\nearly")
    client:expect(CONNECTED)
    client:send("+++late")
    core.sleep(1)
    assert.equals("early+++late", heard(world))
    assert.equals("", client:take())
  end))

  it("what the far end says at once comes behind CONNECT", async(function()
    local client <close>, world <const> = start()
    local serve <const> = world.net.servers["192.0.2.1:7"]
    world.net.servers["192.0.2.1:7"] = function(peer)
      serve(peer)
      peer:send("\r\nOK\r\nhello")
    end
    client:ask("ATE0")
    assert.equals(CONNECTED .. "\r\nOK\r\nhello", client:ask(OPEN))
  end))

  it("nothing is echoed and nothing is answered", async(function()
    local client <close> = start()
    assert.equals(OPEN .. "\r\n" .. CONNECTED, client:ask(OPEN))
    assert.equals("", client:ask("AT", 5))
  end))

  it("a far end that takes nothing makes the client wait, and loses nothing", async(function()
    for _, command in ipairs { OPEN, OPEN_UDP } do
      local client <close>, world <const> = start { chunk = 4096 }
      open(client, command)
      world.net.is_stalled = true
      local parts <const> = {}
      for i = 1, 20000 do parts[i] = ("%06d+++\r\n"):format(i) end
      local all <const> = table.concat(parts)
      client:send(all)
      core.sleep(10)
      assert.is_nil((client.port:drain(0)))
      assert.equals("", heard(world))
      world.net.go_on()
      core.sleep(10)
      assert.is_true(client.port:drain(0))
      assert.equals(all, heard(world))
    end
  end))

  it("a client that waited for a far end is heard again when the link goes", async(function()
    local client <close>, world <const> = start { chunk = 4096 }
    open(client)
    world.net.is_stalled = true
    client:send(("x"):rep(70000))
    core.sleep(1)
    world.far:close()
    assert.equals("\r\nDISCONNECT\r\n", client:listen(1))
    assert.equals(OK, client:ask("\r\nAT"))
  end))

  it("UDP goes in datagrams: a silence or 1024 bytes end one", async(function()
    local client <close>, world <const> = start()
    open(client, OPEN_UDP)
    client:send("one")
    core.sleep(0.01)
    client:send("+two")
    core.sleep(0.2)
    client:send(("x"):rep(1500))
    core.sleep(2)
    assert.same({ "one+two", ("x"):rep(1024), ("x"):rep(476) }, world.heard)
    world.far:send("back")
    assert.equals("back", client:listen(1))
  end))

  it("a link in AT mode waits until the commands are back", async(function()
    local client <close>, world <const> = start()
    client:ask("ATE0")
    client:ask(OPEN_AT)
    assert.equals("\r\nCONNECT,ID:4\r\n", client:ask(OPEN, 2))
    world.other:send("for 3")
    world.far:send("for 4")
    assert.equals("for 4", client:listen(1))
    assert.equals(OK .. "\r\n+QIRD:3,5\r\nfor 3\r\n", escape(client))
    assert.equals(OK, client:ask("AT"))
    client:send("ATO")
    core.sleep(1)
    world.other:send("more")
    assert.equals("", client:listen(1))
    assert.equals(OK .. "\r\n+QIRD:3,4\r\nmore\r\n", escape(client))
  end))

  it("a URC waits as well", async(function()
    local client <close>, world <const> = start { set = { register = 10 } }
    client:ask("ATE0")
    client:ask("AT+CREG=1")
    open(client)
    client.sim.machine:announce("+CREG", { stat = 5 })
    world.far:send("data")
    assert.equals("data", client:listen(1))
    assert.equals(OK .. "\r\n+CREG:5\r\n", escape(client))
  end))

  it("a power cycle ends it", async(function()
    local client <close>, world <const> = start()
    open(client)
    client:send("+++")
    client.sim.machine:reboot()
    client:expect("SIM_SUCCESS\r\n")
    assert.equals("AT\r\n" .. OK, client:ask("AT", 0.1))
    assert.equals("", heard(world))
    client:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
    assert.same({ "ERROR=102" }, client:lines("ATO", 3))
  end))
end)

describe("the escape", function()
  it("answers OK and does not reach the far end", async(function()
    local client <close>, world <const> = start()
    open(client)
    client:send("data")
    assert.equals(OK, escape(client))
    assert.equals("data", heard(world))
    assert.equals(OK, client:ask("AT"))
    assert.equals("", heard(world))
  end))

  it("needs exactly three pluses between two silences", async(function()
    local client <close>, world <const> = start()
    open(client)
    for _, pieces in ipairs {
      { "a+++b" }, { "+++a" }, { "a+++" }, { "++++" }, { "++" }, { "+" }, { "+++\r\n" },
      { "a", "+++" }, { "+++", "b" }, { "+++", "+++" }, { "++", "++" }, { "+++", "AT\r\n" },
    } do
      core.sleep(1.1)
      for _, piece in ipairs(pieces) do
        client:send(piece)
        core.sleep(0.3)
      end
      core.sleep(1.1)
      assert.equals(table.concat(pieces), heard(world))
      assert.equals("", client:take())
    end
  end))

  it("may come plus by plus", async(function()
    local client <close>, world <const> = start()
    open(client)
    for _ = 1, 3 do
      client:send("+")
      core.sleep(0.3)
    end
    assert.equals(OK, client:listen(1))
    assert.equals("", heard(world))
  end))

  it("keeps the silences that are set", async(function()
    local client <close>, world <const> = start { set = { guard = 0.02 } }
    open(client)
    client:send("a")
    core.sleep(0.01)
    client:send("+++")
    core.sleep(0.05)
    assert.equals("a+++", heard(world))
    client:send("+++")
    assert.equals(OK, client:listen(0.03))
    assert.equals("", heard(world))
  end))

  it("leaves what the far end says meanwhile as data before its OK", async(function()
    local client <close>, world <const> = start()
    open(client)
    client:send("+++")
    for _ = 1, 3 do
      core.sleep(0.3)
      world.far:send("tick")
    end
    assert.equals("tickticktick" .. OK, client:listen(0.5))
  end))

  it("is none in command mode", async(function()
    local client <close> = start()
    core.sleep(2)
    client:send("+++")
    assert.equals("+++", client:listen(2))
    assert.equals("AT\r\n" .. OK, client:ask("AT"))
  end))
end)

describe("ATO", function()
  local function escaped(options)
    local client <const>, world <const> = start(options)
    open(client)
    assert.equals(OK, escape(client))
    return client, world
  end

  it("needs no line end, and answers nothing", async(function()
    local client <close>, world <const> = escaped()
    client:send("ATO")
    core.sleep(0.4)
    world.far:send("kept")
    assert.equals("", client:listen(0.05))
    assert.equals("kept", client:listen(0.2))
    client:send("more")
    core.sleep(1)
    assert.equals("more", heard(world))
  end))

  it("may have one, which is not data", async(function()
    for _, text in ipairs { "ATO\r\n", "ATO\r", "ato\r\n", "+++ATO\r\n" } do
      local client <close>, world <const> = escaped()
      client:send(text)
      assert.equals("", client:listen(0.1))
      client:send("data")
      core.sleep(1)
      assert.equals("data", heard(world))
    end
  end))

  it("is echoed like any command", async(function()
    local client <close>, world <const> = escaped()
    client:ask("ATE1")
    world.far:send("kept")
    client:send("ATO")
    assert.equals("ATOkept", client:listen(1))
  end))

  it("is no command before its silence is over", async(function()
    local client <close>, world <const> = escaped()
    client:send("ATO")
    core.sleep(0.4)
    client:send("X\r\n")
    assert.equals("\r\nERROR=104\r\n", client:listen(1))
    client:send("xATO")
    core.sleep(1)
    client:send("\r\n")
    core.sleep(1)
    assert.equals("", heard(world))
  end))

  it("delivers what came meanwhile, in order and complete", async(function()
    local client <close>, world <const> = escaped()
    local parts <const> = {}
    for i = 1, 300 do
      parts[i] = ("%04d\r\nOK\r\n"):format(i)
      world.far:send(parts[i])
      core.sleep(0.02)
    end
    assert.equals(OK, client:ask("AT"))
    world.far:close()
    assert.equals("", client:listen(1))
    client:send("ATO")
    assert.equals(table.concat(parts) .. "\r\nDISCONNECT\r\n", client:listen(5))
    assert.equals("\r\nERROR=102\r\n", client:ask("ATO"))
  end))

  it("without a direct link is refused", async(function()
    local client <close> = start()
    assert.same({ "ERROR=102" }, client:lines("ATO"))
    client:send("ATO")
    assert.equals("ATO\r\nERROR=102\r\n", client:listen(1))
    client:ask("ATE0")
    client:ask(OPEN_AT)
    client:send("ATO")
    assert.equals("\r\nERROR=102\r\n", client:listen(1))
  end))

  it("is refused once the link was closed", async(function()
    local client <close>, world <const> = escaped()
    world.far:send("never seen")
    core.sleep(0.1)
    assert.equals(OK .. "\r\nDISCONNECT\r\n", client:ask("AT+QICLOSE=3"))
    assert.equals("\r\nERROR=102\r\n", client:ask("ATO"))
    assert.equals(0, world.net.open)
    assert.equals(CONNECTED, client:ask(OPEN))
  end))
end)

describe("a direct link", function()
  it("that the far end closes says so within the data, and commands are back", async(function()
    local client <close>, world <const> = start()
    open(client)
    world.far:send("bye")
    world.far:close()
    assert.equals("bye\r\nDISCONNECT\r\n", client:listen(1))
    assert.equals(OK, client:ask("AT"))
    assert.equals(OK, client:ask("AT+QISTATE"))
    assert.equals("\r\nERROR=102\r\n", client:ask("ATO"))
  end))

  it("that ends in the middle of an escape leaves no data mode behind", async(function()
    local client <close>, world <const> = start()
    open(client)
    client:send("+++")
    world.far:close()
    assert.equals("\r\nDISCONNECT\r\n", client:listen(3))
    assert.equals(OK, client:ask("AT"))
  end))

  it("that the far end closes in command mode says so at once", async(function()
    local client <close>, world <const> = start()
    open(client)
    escape(client)
    world.far:close()
    assert.equals("\r\nDISCONNECT\r\n", client:listen(1))
    assert.equals("\r\nERROR=102\r\n", client:ask("ATO"))
  end))

  it("is escaped from again and again, and loses nothing", async(function()
    local client <close>, world <const> = start { set = { guard = 0.05 } }
    open(client)
    local said <const>, back = {}, ""
    for i = 1, 20 do
      said[i] = ("%d+++ATO\r\n"):format(i)
      client:send(said[i])
      world.far:send(said[i])
      core.sleep(0.2)
      client:send("+++")
      core.sleep(0.2)
      client:send("ATO")
      core.sleep(0.7)
      back = back .. client:take()
    end
    local all <const> = table.concat(said)
    assert.equals(all, heard(world))
    assert.equals(all, (back:gsub("\r\nOK\r\n", "")))
  end))
end)
