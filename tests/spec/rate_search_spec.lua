-- SPDX-License-Identifier: MIT
--
-- A module that was left at any rate is found, and a wrong rate is named
-- instead of waited for. On the virtual clock, where a pair garbles as a PTY
-- does.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local core <const> = require "attest.core"
local rate <const> = require "attest.modem.rate"
local rate_bench <const> = require "tests.support.rate_bench"
local script_file <const> = require "tests.support.script_file"

core.virtual()

-- Typed from the manual, 6.1.8.
local RATES <const> = { 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600 }
-- Nothing answers: two AT of a second, at nine rates, twice.
local LONGEST <const> = 36

-- Address of a module whose flash says that it was left at a rate.
local function left_at(files, baud, set)
  local path <const> = files:write("flash", ([[{"format":"attest/flash/1","module":"ct12",
    "values":{"ipr":{"baudrate":%d,"databits":8,"stopbits":0,"parity":0}}}]]):format(baud))
  return ("sim:ct12?state=%s%s"):format(path, set and "&set=" .. set or "")
end

-- The rate at which a module is found, and the seconds that it took.
local function search(m)
  local start <const> = core.now()
  return assert(rate.search(m.dut)), core.now() - start
end

describe("baud = \"auto\"", function()
  it("finds a module at each of its rates", async(function()
    for _, baud in ipairs(RATES) do
      local files <close> = script_file.new()
      local start <const> = core.now()
      local dut <close> = attest.open(left_at(files, baud), { baud = "auto" })
      assert.equal(baud, dut.port:baud())
      assert.is_true(core.now() - start <= LONGEST / 2)
      assert.equal("CT12_V1.0.1", dut:gmr().version)
      assert.equal(baud, dut:ipr().baudrate)
    end
  end))

  it("finds a module that boots for longer than a round", async(function()
    for _, boot in ipairs { 0, 0.9, 1, 1.9, 2.1, 3.9, 10, 17 } do
      local files <close> = script_file.new()
      local dut <close> = attest.open(left_at(files, 9600, "boot=" .. boot), { baud = "auto" })
      assert.equal(9600, dut.port:baud())
      assert.equal("CT12_V1.0.1", dut:gmr().version)
    end
  end))

  it("finds a module without an echo, and each command gets its own answer", async(function()
    local m <close> = rate_bench.module {
      baud = 19200, echo = false,
      answers = {
        AT = "OK", ["AT+CSQ"] = { "+CSQ: 15,99", "OK" }, ["AT+GSN"] = { "860720087453595", "OK" },
      },
    }
    assert.equal(19200, (search(m)))
    assert.equal(15, m.dut:csq().rssi)
    assert.equal("860720087453595", m.dut:gsn().imei)
    assert.equal(15, m.dut:csq().rssi)
  end))

  it("finds a module that talks unasked, at its rate and garbled at the others", async(function()
    local m <close> = rate_bench.module { baud = 57600 }
    local talks = true
    core.spawn(function()
      while talks do
        m:line "+CREG: 1"
        m:say "\0\xff\x80"
        core.sleep(0.05)
      end
    end)
    assert.equal(57600, (search(m)))
    assert.equal("OK", m.dut:at("AT").final)
    talks = false
  end))

  it("finds a module whose first AT only wakes it up", async(function()
    local slept_at = -60
    local m <close> = rate_bench.module { baud = 38400, answers = { AT = function()
      local was_awake <const> = core.now() - slept_at < 10
      slept_at = core.now()
      return was_awake and "OK" or nil
    end } }
    assert.equal(38400, (search(m)))
    assert.equal("OK", m.dut:at("AT").final)
  end))

  it("finds a module that refuses what it heard first", async(function()
    local m <close> = rate_bench.module { baud = 9600, answers = { AT = "ERROR=104" } }
    assert.equal(9600, (search(m)))
  end))

  it("is not deceived by a line that only sends back what was sent", async(function()
    local m <close> = rate_bench.module { answers = {} }
    m.is_met = function() return true end
    local _, err <const> = rate.search(m.dut)
    assert.equal("timeout", err.code)
    assert.matches("at 115200 lines but no answer; at 9600 lines but", err.message, 1, true)
  end))

  it("says what came at each rate when nothing answers, and puts the host back", async(function()
    local m <close> = rate_bench.module { baud = 38400, answers = {} }
    local start <const> = core.now()
    local baud <const>, err <const> = rate.search(m.dut)
    assert.is_nil(baud)
    assert.equal("timeout", err.code)
    for _, each in ipairs(RATES) do
      local seen <const> = each == 38400 and "lines but no answer" or "16 bytes but no lines"
      assert.matches(("at %d %s"):format(each, seen), err.message, 1, true)
    end
    assert.equal(115200, m.dut.port:baud())
    assert.is_near(LONGEST + 4, core.now() - start, 0.5) -- where text comes it asks twice as often
  end))

  it("gives up in time on a module that is dead, and closes the port", async(function()
    local start <const> = core.now()
    local dut <const>, err <const> = attest.try_open("sim:ct12?fault=silent", { baud = "auto" })
    assert.is_nil(dut)
    assert.equal("timeout", err.code)
    assert.matches("^sim:ct12%?fault=silent: AT: no answer at any rate: at 115200 nothing; "
      .. "at 9600 nothing; .*at 4800 nothing$", err.message)
    assert.is_near(LONGEST, core.now() - start, 0.5)
  end))

  it("serves a module whose manual lists no rates", async(function()
    local dut <close> = attest.open("sim:ml302", { baud = "auto" })
    assert.equal(115200, dut.port:baud())
    assert.equal(9, #rate.list(dut.module))
  end))

  it("ends with the port", async(function()
    local m <close> = rate_bench.module { answers = {}, echo = false }
    core.after(5, function() m.port:close() end)
    local _, err <const> = rate.search(m.dut)
    assert.equal("closed", err.code)
  end))

  it("keeps other commands waiting until it is over", async(function()
    local m <close> = rate_bench.module { baud = 4800, answers = { AT = "OK", ["AT+CSQ"] = "OK" } }
    local task <const> = core.spawn(function() return rate.search(m.dut) end)
    core.sleep(3)
    assert.equal("OK", m.dut:at("AT+CSQ").final)
    assert.equal(4800, m.dut.port:baud())
    assert.is_true((task:join()))
  end))

  it("is refused where it cannot be found, and nothing is opened", function()
    local _, outside <const> = attest.try_open("/dev/null", { baud = "auto" })
    assert.equal("invalid", outside.code)
    assert.matches("open it in attest.run", outside.message, 1, true)
    local _, data <const> = attest.try_open("/dev/null", { baud = "auto", passthrough = true })
    assert.matches("a module in passthrough answers no AT", data.message, 1, true)
    assert.has_error(function() attest.open("sim:ct12", { baud = "fast" }) end)
  end)

  it("may be cut short, and leaves no port open", async(function()
    local task <const> = core.spawn(function()
      return pcall(attest.open, "sim:ct12?fault=silent", { baud = "auto" })
    end)
    core.sleep(3)
    task:cancel("enough")
    assert.same({ true, false, "enough" }, { task:join() })
  end))
end)

describe("a wrong rate", function()
  it("is named by the command that got no answer", async(function()
    for _, baud in ipairs(RATES) do
      if baud ~= 115200 then
        local dut <close> = attest.open("sim:ct12", { baud = baud })
        core.sleep(5)
        local _, err <const> = dut.try:gmr()
        assert.equal("timeout", err.code)
        assert.equal(("AT+GMR: no answer within 5 s: 8 bytes but no lines at %d: "
          .. "is the module at another rate?"):format(baud), err.message)
      end
    end
  end))

  it("is named by dut:ready, which counts all that came", async(function()
    local dut <close> = attest.open("sim:ct12", { baud = 9600 })
    local _, err <const> = dut.try:ready { timeout = 3 }
    assert.matches("^AT: no answer within 3 s: %d+ bytes but no lines at 9600: "
      .. "is the module at another rate%?$", err.message)
  end))

  local function after(bytes)
    local m <close> = rate_bench.module { answers = {}, echo = false }
    core.after(1, function() m:say(bytes) end)
    return tostring(select(2, m.dut.try:at("AT+GMR", { timeout = 5 })))
  end

  it("is not blamed for silence, nor where text came", async(function()
    for _, bytes in ipairs {
      "", "\r\nSIM_SUCCESS\r\n", "\r\n+CREG: 1\r\n", "\xff\0\r\n+CREG: 1\r\n\xff",
    } do
      assert.equal("AT+GMR: no answer within 5 s", after(bytes))
    end
    assert.equal("AT+GMR: no final answer within 5 s", after "AT+GMR\r\n+VERSION=CT12\r\n")
  end))

  it("is told from text by what a line is made of", async(function()
    for bytes, count in pairs {
      ["\xfe"] = "1 byte", ["xyz"] = "3 bytes", ["\x80\xff\n\xf0\r\n"] = "6 bytes",
      ["x\n\0\n"] = "4 bytes", ["ab\xff\xfe\xfd\r\n"] = "7 bytes", ["A\x07B\r\n"] = "5 bytes",
    } do
      assert.equal(("AT+GMR: no answer within 5 s: %s but no lines at 115200: "
        .. "is the module at another rate?"):format(count), after(bytes))
    end
  end))
end)

describe("noise without an end", function()
  local MIB <const> = 1024 * 1024

  -- Feeds a pair as fast as it takes; returns what the command says, the most
  -- memory in KiB on the way, what is kept of it, and how many commands
  -- another module answered meanwhile.
  local function flood(chunk, mib)
    local m <close> = rate_bench.module { answers = {}, echo = false }
    local other <close> = rate_bench.module {}
    local answers, most, feeds = 0, 0, true
    core.spawn(function()
      while feeds and other.dut:at("AT").final == "OK" do
        answers = answers + 1
      end
    end)
    local call <const> = core.spawn(function() return m.dut.try:at "AT+GMR" end)
    collectgarbage()
    local before <const> = collectgarbage("count")
    for i = 1, mib * MIB // #chunk do
      m.port:write(chunk)
      m.port:drain()
      if i % 64 == 0 then
        collectgarbage()
      end
      most = math.max(most, collectgarbage("count") - before)
    end
    feeds = false
    collectgarbage()
    local kept <const> = collectgarbage("count") - before
    local _, _, err <const> = call:join()
    return err, most, kept, answers
  end

  it("costs no memory, stops nobody and ends with the diagnosis", async(function()
    local random <const> = {}
    for i = 1, 65536 do
      local byte <const> = (i * 7919 + i // 251) % 256
      random[i] = string.char(byte == 10 and 11 or byte)
    end
    for _, chunk in ipairs { ("\xff"):rep(65536), ("x"):rep(65536), table.concat(random) } do
      local err <const>, most <const>, kept <const>, answers <const> = flood(chunk, 64)
      assert.equal(("AT+GMR: no answer within 5 s: %d bytes but no lines at 115200: "
        .. "is the module at another rate?"):format(64 * MIB), err.message)
      assert.is_true(most < 4096, ("%g KiB"):format(most))
      assert.is_true(kept < 64, ("%g KiB"):format(kept))
      assert.is_true(answers >= 256, ("%d answers"):format(answers))
    end
  end))
end)
