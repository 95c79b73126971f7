-- SPDX-License-Identifier: MIT
--
-- A command that changes the module's rate takes the host with it, and proves
-- that both are there. On the virtual clock, where a pair garbles as a PTY does.

local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local core <const> = require "attest.core"
local lfs <const> = require "lfs"
local rate <const> = require "attest.modem.rate"
local rate_bench <const> = require "tests.support.rate_bench"
local script_file <const> = require "tests.support.script_file"

core.virtual()

-- Typed from the manual, 6.1.8.
local RATES <const> = { 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600 }
-- Nothing answers: two AT of a second, at nine rates, twice.
local LONGEST <const> = 36

local function settings(baud, stopbits)
  return { baudrate = baud, databits = 8, stopbits = stopbits or 0, parity = 0 }
end

describe("dut:ipr", function()
  it("takes module and host to each rate and back", async(function()
    local dut <close> = attest.open "sim:ct12"
    dut:ready()
    for _, baud in ipairs(RATES) do
      assert.same(settings(baud), dut:ipr { baudrate = baud })
      assert.equal(baud, dut.port:baud())
      assert.equal("CT12_V1.0.1", dut:gmr().version)
      assert.same(settings(115200), dut:ipr { baudrate = 115200 })
      assert.equal(115200, dut.port:baud())
    end
  end))

  it("takes the format, too; two codes mean one stop bit", async(function()
    local dut <close> = attest.open "sim:ct12"
    dut:ready()
    dut:ipr { baudrate = 9600, databits = 7, stopbits = 2, parity = 2 }
    assert.same({ baud = 9600, data_bits = 7, parity = "even", stop_bits = 2 }, dut.port:format())
    assert.same(settings(9600, 1), dut:ipr { baudrate = 9600, stopbits = 1 })
    assert.same({ baud = 9600, data_bits = 8, parity = "none", stop_bits = 1 }, dut.port:format())
  end))

  it("sent as it is takes the host along", async(function()
    local dut <close> = attest.open "sim:ct12"
    dut:ready()
    dut:at "AT+IPR=4800"
    assert.equal(4800, dut.port:baud())
    dut:await "RDY"
    assert.equal("OK", dut:at("AT").final)
  end))

  it("is followed by what a reset does to the line", async(function()
    local dut <close> = attest.open "sim:ct12"
    dut:ready()
    dut:ipr { baudrate = 57600 }
    dut:rst()
    assert.equal(57600, dut.port:baud())
    dut:ready()
    dut:restore()
    assert.equal(115200, dut.port:baud())
    assert.same(settings(115200), dut:ipr())
  end))

  it("leaves a handler of RDY its commands", async(function()
    local dut <close> = attest.open "sim:ct12"
    dut:ready()
    local version
    dut:on("RDY", function() version = dut:gmr().version end)
    dut:ipr { baudrate = 9600 }
    core.sleep(1)
    assert.equal("CT12_V1.0.1", version)
  end))

  it("sends nothing when an argument is refused", async(function()
    local m <close> = rate_bench.module {}
    for _, values in ipairs { { baudrate = 1200 }, { baudrate = "auto" },
      { baudrate = 9600, databits = 9 }, { baudrate = 9600, parity = 3 }, { databits = 8 } } do
      local answer <const>, err <const> = m.dut.try:ipr(values)
      assert.is_nil(answer)
      assert.equal("invalid", err.code)
    end
    core.sleep(1)
    assert.equal(0, m.bytes)
    assert.equal(115200, m.dut.port:baud())
  end))

  it("keeps the host where it is when the module refuses", async(function()
    local m <close> = rate_bench.module { answers = { ["AT+IPR=9600,8,0,0"] = "ERROR=102" } }
    local _, err <const> = m.dut.try:ipr { baudrate = 9600 }
    assert.equal("rejected", err.code)
    assert.equal(115200, m.dut.port:baud())
    assert.same({ "AT+IPR=9600,8,0,0" }, m.heard)
  end))
end)

-- The host's port, as one whose driver has no rate above 115200.
local function slow_port(port)
  return setmetatable({}, { __index = function(_, name)
    return function(_, ...)
      local options <const> = ...
      if name == "set" and options.baud and options.baud > 115200 then
        return nil, ("EINVAL: %d baud: the device takes 115200"):format(options.baud), "EINVAL"
      end
      return port[name](port, ...)
    end
  end })
end

describe("a rate that the port cannot have", function()
  it("is refused before anything is sent, typed and raw", async(function()
    local m <close> = rate_bench.module { wrap = slow_port }
    for _, call in ipairs {
      function() return m.dut.try:ipr { baudrate = 921600 } end,
      function() return m.dut.try:at "AT+IPR=921600" end,
    } do
      local answer <const>, err <const> = call()
      assert.is_nil(answer)
      assert.equal("invalid", err.code)
      assert.matches("^AT%+IPR=921600[%d,]*: this port cannot follow: "
        .. "921600 baud: the device takes 115200$", err.message)
    end
    core.sleep(1)
    assert.equal(0, m.bytes)
    assert.equal(115200, m.dut.port:baud())
  end))

  it("is passed over by a search, which says so", async(function()
    local m <close> = rate_bench.module { wrap = slow_port, baud = 9600 }
    assert.equal(9600, rate.search(m.dut))
    m.baud = 460800
    local _, err <const> = rate.search(m.dut)
    assert.matches("at 460800 EINVAL: 460800 baud: the device takes 115200", err.message, 1, true)
  end))
end)

-- A module that accepts 9600 and then does as the test says.
local function accepting(then_do, answers)
  local all <const> = { AT = "OK", ["AT+IPR?"] = { "+IPR:9600,8,1,0", "OK" } }
  all["AT+IPR=9600,8,0,0"] = function(m)
    core.after(1, function() then_do(m) end)
    return "OK"
  end
  for text, answer in pairs(answers or {}) do
    all[text] = answer
  end
  return rate_bench.module { answers = all }
end

describe("after AT+IPR", function()
  it("a module without a boot word is found by AT", async(function()
    local m <close> = accepting(function(m) m.baud = 9600 end)
    local start <const> = core.now()
    assert.same(settings(9600, 1), m.dut:ipr { baudrate = 9600 })
    assert.is_true(core.now() - start < 8)
  end))

  it("garbage before the boot word is passed over", async(function()
    local m <close> = accepting(function(m)
      m:say("\0\xe0\xfe x")
      m.baud = 9600
      m:say("\x80\0\x9f")
      m:line("RDY")
    end)
    local start <const> = core.now()
    assert.same(settings(9600, 1), m.dut:ipr { baudrate = 9600 })
    assert.is_true(core.now() - start < 2)
  end))

  it("a module that says no OK but is there has done it", async(function()
    local m <close> = accepting(function() end, { ["AT+IPR=9600,8,0,0"] = function(m)
      m.baud = 9600
      m:line("RDY")
    end })
    assert.same(settings(9600, 1), m.dut:ipr { baudrate = 9600 })
    assert.equal(9600, m.dut.port:baud())
  end))

  it("a module that stayed where it was is found there", async(function()
    local m <close> = accepting(function(m) m:line("RDY") end)
    local answer <const>, err <const> = m.dut.try:ipr { baudrate = 9600 }
    assert.is_nil(answer)
    assert.equal("timeout", err.code)
    assert.equal(115200, err.baud)
    assert.equal("AT+IPR=9600,8,0,0: answered OK, but then no answer at 9600; "
      .. "it is at 115200, where the host is now, too", err.message)
    assert.equal(115200, m.dut.port:baud())
    assert.equal("OK", m.dut:at("AT").final)
  end))

  it("a module that went elsewhere is found there", async(function()
    local m <close> = accepting(function(m) m.baud = 38400 end)
    local _, err <const> = m.dut.try:ipr { baudrate = 9600 }
    assert.equal(38400, err.baud)
    assert.equal("OK", m.dut:at("AT").final)
  end))

  it("a module that is nowhere is described, and the host waits where it should be",
    async(function()
      local m <close> = accepting(function(m) m.answers, m.echo = {}, false end)
      local start <const> = core.now()
      local _, err <const> = m.dut.try:ipr { baudrate = 9600 }
      assert.equal("timeout", err.code)
      assert.is_nil(err.baud)
      assert.matches("; it is at no rate: at 9600 nothing; at 115200 nothing; ", err.message, 1,
        true)
      assert.equal(9600, m.dut.port:baud())
      assert.is_true(core.now() - start <= 72 + LONGEST)
    end))

  it("a timeout of the caller's is when it must be there", async(function()
    local m <close> = accepting(function(m) m.answers, m.echo = {}, false end)
    local start <const> = core.now()
    m.dut.try:ipr({ baudrate = 9600 }, { timeout = 8 })
    assert.is_true(core.now() - start <= 9 + LONGEST)
  end))

  it("settings that were read back otherwise are an error", async(function()
    local m <close> = accepting(function(m)
      m.baud = 9600
      m:line("RDY")
    end, { ["AT+IPR?"] = { "+IPR:9600,8,0,2", "OK" } })
    local _, err <const> = m.dut.try:ipr { baudrate = 9600 }
    assert.equal("protocol", err.code)
    assert.equal("AT+IPR=9600,8,0,0: the module says that its parity is even, expected none",
      err.message)
  end))

  it("a port that goes ends it", async(function()
    local m <close> = accepting(function(m) m.port:close() end)
    local start <const> = core.now()
    local _, err <const> = m.dut.try:ipr { baudrate = 9600 }
    assert.equal("closed", err.code)
    assert.is_true(core.now() - start < 10)
  end))
end)

local OWN_MODULE <const> = [[
return { extends = "ct12", families = { "speed" }, remove = { "ipr" } }]]
local OWN_FAMILY <const> = [[
local rates <const> = enum({ [1] = both("slow", "x"), [2] = both("fast", "x") },
  { [1] = 1200, [2] = 115200 })
return { title = both("Speed", "x"),
  { name = "speed", wire = "+SPEED", section = "1", summary = both("Sets the rate.", "x"),
    forms = { { kind = "set", effects = { line = { baud = "rate" } },
      args = { { "rate", rates, both("rate", "x") } } } } } }]]

describe("a module of one's own", function()
  local function own(files, answers)
    assert(lfs.mkdir(files.folder .. "/own"))
    files:write("own/module.lua", OWN_MODULE)
    files:write("own/speed.lua", OWN_FAMILY)
    files:remove_later(files.folder .. "/own")
    return rate_bench.module {
      answers = answers, attach = { module = "own", catalogue = { files.folder } },
    }
  end

  it("changes its rate by a command of its own, without a restart", async(function()
    local files <close> = script_file.new()
    local m <close> = own(files, {
      AT = "OK", ["AT+SPEED=1"] = function(m)
        core.after(0.1, function() m.baud = 1200 end)
        return "OK"
      end,
    })
    local start <const> = core.now()
    assert.same({}, m.dut:speed { rate = 1 })
    assert.equal(1200, m.dut.port:baud())
    assert.is_true(core.now() - start < 3)
  end))

  it("is searched at its own rates", async(function()
    local files <close> = script_file.new()
    local m <close> = own(files)
    assert.same({ 115200, 1200 }, rate.list(m.dut.module))
    m.baud = 1200
    assert.equal(1200, rate.search(m.dut))
  end))
end)
