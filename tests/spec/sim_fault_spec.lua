-- SPDX-License-Identifier: MIT
--
-- Each fault of the simulated module alone, on the virtual clock: what it
-- does, that the same seed repeats it and another seed does not, and what bad
-- specifications are told. All of them together: sim_fault_property_spec.lua.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local fake_net <const> = require "tests.support.fake_net"
local sim <const> = require "attest.sim"

core.virtual()

local SERVER <const> = "192.0.2.1"
local OPEN <const> = ('AT+QIOPEN="TCP","%s",7,0,0'):format(SERVER)

local function with(fault, options)
  local given <const> = { fault = fault, chunk = 0 }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  return bare_client.started(given)
end

local function echo_net()
  local net <const> = fake_net.new()
  net.servers[SERVER .. ":7"] = fake_net.echo
  return net
end

local function refusal(fault, module)
  local made <const>, err <const> = sim.new { module = module or "ct12", fault = fault }
  assert.is_nil(made)
  assert.equal("invalid", err.code)
  return err.message
end

-- Everything that a client sees of some commands, with the time of each chunk.
local function record(options)
  local client <close> = bare_client.start(options)
  local log <const> = {}
  client.port:listen(function(kind, bytes)
    log[#log + 1] = ("%.6f %s %q"):format(core.now(), kind, bytes or "")
  end)
  local start <const> = core.now()
  core.sleep(2)
  for _ = 1, 8 do
    client:send("AT+GMR\r\n")
    core.sleep(0.5)
  end
  for i, entry in ipairs(log) do
    local at <const>, rest <const> = entry:match("^(%S+)(.*)$")
    log[i] = ("%.4f%s"):format(tonumber(at) - start, rest)
  end
  return table.concat(log, "\n")
end

describe("a fault with dice", function()
  for _, fault in ipairs {
    "loss:0.05", "corrupt:0.05", "fragment:3", "jitter:0.2", "storm:5",
    "loss:0.05,corrupt:0.05,fragment:3,jitter:0.2,storm:5",
  } do
    it("repeats with its seed and with no other: " .. fault, async(function()
      local first <const> = record { fault = fault, seed = 7, chunk = 0 }
      assert.equal(first, record { fault = fault, seed = 7, chunk = 0 })
      local seen <const> = { [first] = true }
      for _, seed in ipairs { 0, 1, 2, 3 } do
        local other <const> = record { fault = fault, seed = seed, chunk = 0 }
        assert.is_nil(seen[other], "seed " .. seed)
        seen[other] = true
      end
    end))
  end

  it("does the same to the same bytes however they are cut", async(function()
    local function damaged(chunk)
      local client <close> = bare_client.start {
        fault = "loss:0.1,corrupt:0.1", seed = 3, chunk = chunk,
      }
      client:send(("AT+CSQ\r\n"):rep(20))
      return client:listen(5)
    end
    local whole <const> = damaged(0)
    assert.is_true(#whole > 100)
    for _, chunk in ipairs { 1, 3, 8 } do
      assert.equal(whole, damaged(chunk))
    end
  end))
end)

describe("silent", function()
  it("makes the module say nothing", async(function()
    local client <close> = bare_client.start { fault = { "silent" } }
    assert.equals("", client:listen(10))
    assert.equals("", client:ask("AT"))
  end))
end)

describe("loss", function()
  it("loses about as many bytes as it says, in both directions", async(function()
    local heard = 0
    local client <close> = bare_client.started { chunk = 0, seed = 5 }
    client:ask("ATE0")
    client.sim.faults.loss = { probability = 0.25 }
    client.sim.machine.engine.receive = function(_, bytes)
      heard = heard + #bytes
      client.sim.machine:write(("x"):rep(#bytes))
    end
    client:send(("x"):rep(4000))
    local said <const> = client:listen(1)
    assert.is_true(heard > 2900 and heard < 3100, heard)
    assert.is_true(#said > 0.7 * heard and #said < 0.8 * heard, #said)
  end))

  it("of everything leaves nothing, of nothing all", async(function()
    local client <close> = bare_client.start { fault = "loss:1" }
    client:send("AT\r\n")
    assert.equal("", client:listen(10))
    local other <close> = with "loss:0"
    assert.equal("AT\r\n\r\nOK\r\n", other:ask("AT"))
  end))
end)

describe("corrupt", function()
  it("turns one bit of a byte and keeps their number", async(function()
    local client <close> = with()
    client:ask("ATE0")
    client.sim.faults.corrupt = { probability = 1 }
    client.sim.machine:write(("U"):rep(2000))
    local bytes <const> = client:listen(1)
    local seen <const> = {}
    for byte in bytes:gmatch(".") do
      local turned <const> = byte:byte() ~ ("U"):byte()
      assert.is_true(turned ~= 0 and turned & turned - 1 == 0)
      seen[turned] = true
    end
    assert.equal(2000, #bytes)
    for bit = 0, 7 do
      assert.is_true(seen[1 << bit])
    end
  end))
end)

describe("fragment", function()
  it("cuts what the module says into small pieces with pauses", async(function()
    local client <close> = with("fragment:3")
    local pieces <const>, times <const> = {}, {}
    client.port:listen(function(_, bytes)
      pieces[#pieces + 1] = bytes
      times[#times + 1] = core.now()
    end)
    client:send("AT+GMR\r\n")
    core.sleep(1)
    assert.equal("AT+GMR\r\n\r\n+VERSION=CT12_V1.0.1\r\n\r\nOK\r\n", table.concat(pieces))
    for i, piece in ipairs(pieces) do
      assert.is_true(#piece <= 3)
      local pause <const> = i > 1 and times[i] - times[i - 1] or 0.005
      assert.is_true(pause > 0.0009 and pause < 0.0101, pause)
    end
  end))
end)

describe("delay", function()
  it("comes before everything that the module says", async(function()
    local client <close> = with("delay:2")
    client:send("AT\r\n")
    assert.equal("", client:listen(1.9))
    assert.equal("AT\r\n\r\nOK\r\n", client:listen(0.2))
    client:send("AT\r\n")
    client:listen(1)
    client:send("AT+CSQ\r\n")
    assert.equal("AT\r\n\r\nOK\r\n", client:listen(1.1))
    assert.equal("AT+CSQ\r\n\r\n+CSQ: 23,99\r\n\r\nOK\r\n", client:listen(2))
  end))
end)

describe("jitter", function()
  it("stays below its limit, differs, and keeps the order", async(function()
    local client <close> = with("jitter:1")
    client:ask("ATE0", 3)
    local least, most = math.huge, 0
    for _ = 1, 30 do
      local start <const> = core.now()
      client:send("AT\r\n")
      client:expect("\r\nOK\r\n")
      local took <const> = core.now() - start
      least, most = math.min(least, took), math.max(most, took)
    end
    assert.is_true(least < 0.3 and most > 0.7 and most < 1.1, least .. " " .. most)
    client:send(("AT+CSQ\r\nAT+GMR\r\n"):rep(10))
    local answers <const> = "\r\n+CSQ: 23,99\r\n\r\nOK\r\n\r\n+VERSION=CT12_V1.0.1\r\n\r\nOK\r\n"
    assert.equal(answers:rep(10), client:listen(60))
  end))
end)

describe("storm", function()
  for module, line in pairs { ct12 = "+CREG:1", ml302 = "+CREG: 1" } do
    it("tells the registration about as often as it says: " .. module, async(function()
      local client <close> = bare_client.start { module = module, fault = "storm:20", chunk = 0 }
      client:listen(10)
      local pattern <const> = "\r\n%" .. line .. "\r\n"
      local count <const> = select(2, client:listen(100):gsub(pattern, ""))
      assert.is_true(count > 1700 and count < 2300, count)
    end))
  end

  it("keeps out of payloads and goes on after a reboot", async(function()
    local client <close> = with("storm:200", { net = echo_net() })
    client:send(OPEN .. "\r\n")
    client:expect("CONNECT,ID:3\r\n")
    client:send("AT+QISEND=3,100\r\n")
    client:expect("\r\n>")
    assert.equal("", client:listen(1))
    client:send(("x"):rep(100))
    client:expect("SEND OK\r\n")
    client:expect("\r\n+CREG:1\r\n")
    client:send("AT+RST\r\n")
    client:expect("RDY\r\n")
    client:expect("\r\n+CREG:1\r\n")
  end))

  it("drops lines that the pace of the line does not let through", async(function()
    local client <close> = bare_client.start {
      fault = "storm:1000", set = { pace = "on" }, chunk = 0,
    }
    client:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
    client:change_rate("AT+IPR=9600")
    client:listen(5)
    local bytes <const> = #client:listen(2)
    assert.is_true(bytes > 1900 and bytes <= 1936, bytes)
    assert.is_true(client.sim.machine.line:backlog() < 1100)
    client:send("AT\r\n")
    client:expect("\r\nOK\r\n", 2)
  end))
end)

describe("reboot", function()
  it("comes in the n-th command, after its echo and before its answer", async(function()
    local client <close> = with("reboot:3")
    client:ask("AT")
    client:ask("")
    client:ask("junk")
    client:ask("AT+CSQ")
    local bytes <const> = client:ask("AT+GMR", 5)
    assert.equal("AT+GMR\r\n\r\nRDY\r\n\r\nSIM_SUCCESS\r\n\r\nNETWORK_ACTIVATE_SUCCESS\r\n", bytes)
    for _ = 1, 5 do
      assert.equal("AT\r\n\r\nOK\r\n", client:ask("AT"))
    end
  end))
end)

describe("no_prompt", function()
  local function send(client)
    client:send("AT+QISEND=3,2\r\n")
    return client:listen(1)
  end

  it("eats each prompt; the module waits for the payload all the same", async(function()
    local client <close> = with("no_prompt", { net = echo_net() })
    client:ask(OPEN)
    for _ = 1, 3 do
      assert.equal("AT+QISEND=3,2\r\n\r\nOK\r\n", send(client))
      assert.equal("\r\nSEND FAIL\r\n", client:listen(11))
    end
    send(client)
    client:send("hi")
    client:expect("SEND OK\r\n")
  end))

  it("eats the n-th prompt only", async(function()
    local client <close> = with("no_prompt:2", { net = echo_net() })
    client:ask(OPEN)
    for i = 1, 4 do
      local bytes <const> = send(client)
      assert.equal(i ~= 2, bytes:find(">", 1, true) ~= nil)
      client:listen(11)
    end
  end))
end)

describe("late_final", function()
  it("holds back the line that ends a command, and no other", async(function()
    local client <close> = with("late_final:3", { net = echo_net() })
    assert.equal("AT+GMR\r\n\r\n+VERSION=CT12_V1.0.1\r\n", client:ask("AT+GMR", 2.9))
    assert.equal("\r\nOK\r\n", client:listen(0.2))
    assert.equal("AT+FOO\r\n", client:ask("AT+FOO", 2.9))
    assert.equal("\r\nERROR=104\r\n", client:listen(0.2))
    assert.equal(OPEN .. "\r\n", client:ask(OPEN, 2.9))
    assert.equal("\r\nCONNECT,ID:3\r\n", client:listen(0.2))
  end))

  it("does not outlive a reboot", async(function()
    local client <close> = with("late_final:30")
    client:send("AT\r\n")
    client:listen(1)
    client.sim.machine:reboot()
    assert.is_nil(client:listen(60):find("OK", 1, true))
  end))
end)

describe("truncate", function()
  it("cuts received data short and leaves its length", async(function()
    local client <close> = with("truncate:4", { net = echo_net() })
    client:ask(OPEN)
    client:send("AT+QISEND=3,10\r\n")
    client:expect("\r\n>")
    client:send("0123456789")
    client:expect("SEND OK\r\n")
    assert.equal("\r\n+QIRD:3,10\r\n0123\r\n", client:listen(1))
  end))
end)

describe("vanish", function()
  it("takes the port away in time", async(function()
    local client <close> = bare_client.start { fault = "vanish:3.5" }
    client:listen(3.4)
    assert.is_nil(client.is_closed)
    assert.same({ "OK" }, client:lines("AT", 0.05))
    client:listen(0.1)
    assert.is_true(client.is_closed)
    assert.equal("attest.sim (closed)", tostring(client.sim))
  end))

  it("is for good in the same process, even with a return", async(function()
    local client <close> = bare_client.start { fault = "vanish:3:1" }
    client:listen(3.1)
    assert.is_true(client.is_closed)
    assert.equal("attest.sim (closed)", tostring(client.sim))
  end))

  it("brings a module that boots back to whoever has a new port for it", async(function()
    local near <const>, far <const> = core.pair()
    local events <const>, client = {}, nil
    local module <close> = assert(sim.new { module = "ct12", fault = "vanish:3:2" })
    local first <close> = bare_client.attach(near)
    module:serve(far, {
      gone = function()
        events[#events + 1] = ("gone %g"):format(core.now())
      end,
      back = function()
        local new_near <const>, new_far <const> = core.pair()
        client = bare_client.attach(new_near)
        events[#events + 1] = ("back %g"):format(core.now())
        return new_far
      end,
    })
    local start <const> = core.now()
    first:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
    first:ask("AT+CSCLK=1")
    first:ask("AT+CREG=1")
    core.sleep(start + 10 - core.now())
    assert.is_true(first.is_closed)
    assert.same({ ("gone %g"):format(start + 3), ("back %g"):format(start + 5) }, events)
    assert.equal("\r\nRDY\r\n\r\nSIM_SUCCESS\r\n\r\nNETWORK_ACTIVATE_SUCCESS\r\n", client:take())
    assert.same({ "+CSCLK:1", "OK" }, client:lines("AT+CSCLK?"))
    assert.same({ "+CREG:0,1", "OK" }, client:lines("AT+CREG?"))
    core.sleep(100)
    assert.is_nil(client.is_closed)
    client:close()
  end))

  it("stays away where there is no new port", async(function()
    local near <const>, far <const> = core.pair()
    local client <close> = bare_client.attach(near)
    local module <close> = assert(sim.new { module = "ct12", fault = "vanish:3:2" })
    module:serve(far, { back = function() end })
    core.sleep(6)
    assert.is_true(client.is_closed)
    assert.equal("attest.sim (closed)", tostring(module))
  end))

  it("can be interrupted while it is away", async(function()
    local near <const>, far <const> = core.pair()
    local client <close> = bare_client.attach(near)
    local module <const> = assert(sim.new { module = "ct12", fault = "vanish:1:50" })
    module:serve(far, { back = error })
    core.sleep(2)
    assert.is_true(client.is_closed)
    module:close()
    core.sleep(100)
  end))

  it("lets links be read again after a pause that it ended", async(function()
    local net <const>, client = fake_net.new(), nil
    net.servers[SERVER .. ":7"] = fake_net.echo
    net.servers[SERVER .. ":9"] = function(peer)
      for _ = 1, 100 do peer:send(("y"):rep(1024)) end
    end
    local near <const>, far <const> = core.pair(0)
    local module <close> = assert(sim.new {
      module = "ct12", fault = "vanish:4:1", net = net, set = { pace = "on" },
    })
    local first <close> = bare_client.attach(near)
    module:serve(far, {
      back = function()
        local new_near <const>, new_far <const> = core.pair(0)
        client = bare_client.attach(new_near)
        return new_far
      end,
    })
    first:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
    first:send((OPEN:gsub(",7,", ",9,")) .. "\r\n")
    core.sleep(4)
    assert.is_true(net.pauses > 0) -- the line was crowded when it went
    client:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
    client:send(OPEN .. "\r\n")
    client:expect("CONNECT,ID:3\r\n")
    client:send("AT+QISEND=3,2\r\n")
    client:expect(">")
    client:send("hi")
    client:expect("+QIRD:3,2\r\nhi\r\n")
    client:close()
  end))
end)

describe("rate", function()
  it("makes the module unreadable after its n-th command, until it boots", async(function()
    local client <close> = with("rate:2")
    assert.equal("AT\r\n\r\nOK\r\n", client:ask("AT"))
    assert.equal("AT\r\n\r\nOK\r\n", client:ask("AT"))
    client:ask("AT")
    assert.is_nil(client:ask("AT\r\nAT"):find("OK", 1, true))
    client.sim.machine:reboot()
    client:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
    assert.equal("AT\r\n\r\nOK\r\n", client:ask("AT"))
  end))

  it("means nothing where it is the module's rate already", async(function()
    local client <close> = with("rate:1:115200")
    client:ask("AT")
    assert.equal("AT\r\n\r\nOK\r\n", client:ask("AT"))
  end))
end)

describe("several faults", function()
  it("can be given in one specification or in many", async(function()
    for _, spec in ipairs {
      "delay:1,late_final:2", { "delay:1", "late_final:2" }, " delay: 1 , late_final:2",
    } do
      local client <close> = with(spec)
      assert.equal("", client:ask("AT", 0.9))
      assert.equal("AT\r\n", client:listen(2))
      assert.equal("\r\nOK\r\n", client:listen(0.2))
    end
  end))

  it("all end with stop()", async(function()
    local client <close> = bare_client.start {
      fault = "loss:0.5,corrupt:0.5,fragment:1,delay:1,jitter:1,storm:9,late_final:5,reboot:2",
    }
    client:listen(5)
    client.sim.faults:stop()
    client:listen(10)
    client:send("\r\n")
    client:listen(1)
    for _ = 1, 3 do
      assert.equal("AT\r\n\r\nOK\r\n", client:ask("AT"))
    end
  end))
end)

describe("a bad specification", function()
  it("of an unknown fault names all that are known", function()
    local text <const> = refusal("gremlins:3")
    assert.matches('fault "gremlins:3": expected one of silent, loss:PROBABILITY,', text, 1, true)
    for _, fault in ipairs(sim.faults()) do
      assert.matches(fault.usage, text, 1, true)
    end
  end)

  for spec, expected in pairs {
    ["loss"] = 'fault "loss": PROBABILITY is missing, expected 0 to 1 (loss:PROBABILITY)',
    ["loss:2"] = 'PROBABILITY is "2", expected 0 to 1',
    ["loss:"] = 'PROBABILITY is "", expected 0 to 1',
    ["corrupt:-0.1"] = 'PROBABILITY is "-0.1"',
    ["corrupt:nan"] = 'PROBABILITY is "nan"',
    ["corrupt:0x0"] = 'PROBABILITY is "0x0"',
    ["corrupt:."] = 'PROBABILITY is "."',
    ["fragment:0"] = 'BYTES is "0", expected a whole number from 1 to 65535 (fragment:BYTES)',
    ["fragment:1.5"] = 'BYTES is "1.5", expected a whole number',
    ["delay:soon"] = 'SECONDS is "soon", expected 0 to 1000000 s',
    ["jitter:1e99"] = 'SECONDS is "1e99"',
    ["storm:0"] = 'RATE is "0", expected 0.001 to 1000 lines/s',
    ["reboot:0"] = 'COMMAND is "0"',
    ["no_prompt:x"] = 'NTH is "x"',
    ["vanish"] = "SECONDS is missing",
    ["vanish:3:x"] = 'BACK is "x"',
    ["vanish:3:2:1"] = "expected vanish:SECONDS[:BACK]",
    ["rate:1:9"] = 'BAUD is "9", expected a whole number from 50 to 4000000',
    ["silent:1"] = 'fault "silent:1": expected silent',
    ["loss:0.1,loss:0.2"] = 'fault "loss:0.2": loss is there already',
    ["seed"] = 'fault "seed": expected one of',
    ["stop"] = 'fault "stop": expected one of',
    [" "] = 'fault " ": expected one of',
  } do
    it("is told what was expected: " .. spec, function()
      assert.matches(expected, refusal(spec), 1, true)
    end)
  end

  it("is a storm in a module that has no line for it", function()
    local found <const> = require("attest.catalogue").get("ct12")
    local before <const> = found.profile.registration
    finally(function() found.profile.registration = before end)
    found.profile.registration = nil
    local text <const> = refusal("storm:1")
    assert.matches('module "ct12" has no line that tells its registration', text, 1, true)
  end)
end)
