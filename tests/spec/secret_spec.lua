-- SPDX-License-Identifier: MIT
-- Passwords stay out of transcripts and error texts: sent, echoed, received.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

core.virtual()

local PASSWORD <const> = "s3cr3t-pw"
local SET <const> = 'AT+QMTCFG="id","user","' .. PASSWORD .. '"'

local function traced(b)
  local trace <const> = assert(core.trace { keep = true, slot = "1" })
  b.dut:trace(trace)
  return trace
end

local function text_of(trace)
  local text <const> = trace:text()
  trace:close()
  return text
end

describe("a password", function()
  it("that is sent and echoed is masked in the transcript", async(function()
    local b <close> = bench.new()
    local trace <const> = traced(b)
    local call <const> = b:run(function()
      return b.dut.try:qmtcfg { clientid = "id", username = "user", password = PASSWORD }
    end)
    b:answer(SET, "OK")
    assert.is_truthy(b:result(call))
    local text <const> = text_of(trace)
    assert.is_nil(text:find(PASSWORD, 1, true))
    assert.is_truthy(text:find("QMTCFG", 1, true))
  end))

  it("that is echoed byte by byte is masked, too", async(function()
    local b <close> = bench.new()
    local trace <const> = traced(b)
    local call <const> = b:start(SET)
    for byte in (SET .. "\r\n\r\nOK\r\n"):gmatch(".") do
      b:say(byte)
    end
    b:result(call)
    assert.is_nil(text_of(trace):find(PASSWORD, 1, true))
  end))

  it("that only the module knows is masked when it is read back", async(function()
    local b <close> = bench.new()
    local trace <const> = traced(b)
    local call <const> = b:run(function() return b.dut.try:qmtcfg() end)
    b:answer("AT+QMTCFG?", "+QMTCFG:CT12,user," .. PASSWORD .. ",0,0,t,m", "OK")
    assert.equal(PASSWORD, b:result(call).password)
    local text <const> = text_of(trace)
    assert.is_nil(text:find(PASSWORD, 1, true))
    assert.is_truthy(text:find("+QMTCFG:CT12,user,", 1, true))
  end))

  it("that was read before a refusal is in no error", async(function()
    local b <close> = bench.new()
    local call <const> = b:run(function() return b.dut.try:qmtcfg() end)
    b:answer("AT+QMTCFG?", "+QMTCFG:CT12,user," .. PASSWORD .. ",0,0,t,m", "ERROR=102")
    local _, err <const> = b:result(call)
    assert.same({ "+QMTCFG:CT12,user,***,0,0,t,m" }, err.lines)
  end))

  it("is withheld when the answer that holds it never ends", async(function()
    local b <close> = bench.new()
    local trace <const> = traced(b)
    local call <const> = b:run(function() return b.dut.try:qmtcfg() end)
    b:say("AT+QMTCFG?\r\n\r\n+QMTCFG:CT12,user," .. PASSWORD:sub(1, 6))
    local _, err <const> = b:result(call)
    assert.equal("timeout", err.code)
    assert.is_nil(text_of(trace):find(PASSWORD:sub(1, 6), 1, true))
  end))

  it("is withheld when the port goes before the answer's end, whoever closed it", async(function()
    for _, close in ipairs { "module", "dut" } do
      local b <close> = bench.new()
      local trace <const> = traced(b)
      local call <const> = b:run(function() return b.dut.try:qmtcfg() end)
      b:say("AT+QMTCFG?\r\n\r\n+QMTCFG:CT12,user," .. PASSWORD .. ",0,0,t,m\r\n")
      b[close]:close()
      local _, err <const> = b:result(call)
      assert.equal("closed", err.code)
      local text <const> = text_of(trace)
      assert.is_nil(text:find(PASSWORD, 1, true))
      assert.is_truthy(text:find("withheld", 1, true))
    end
  end))

  it("costs no more than some memory while the answer does not end", async(function()
    local b <close> = bench.new()
    local trace <const> = traced(b)
    local call <const> = b:run(function() return b.dut.try:qmtcfg() end)
    b:say("AT+QMTCFG?\r\n")
    for _ = 1, 20 do
      b:say(("+X: " .. ("x"):rep(1000) .. "\r\n"):rep(16))
    end
    b:say("\r\n+QMTCFG:CT12,user," .. PASSWORD .. ",0,0,t,m\r\n\r\nOK\r\n")
    assert.equal(PASSWORD, b:result(call).password)
    local text <const> = text_of(trace)
    assert.is_nil(text:find(PASSWORD, 1, true))
    assert.is_truthy(text:find("withheld", 1, true))
    assert.is_true(#text < 128 * 1024, #text)
  end))

  it("is in no error text and no error's fields", async(function()
    local b <close> = bench.new()
    local call = b:start(SET)
    b:answer(SET, "ERROR=103")
    local _, err = b:result(call)
    assert.is_nil((err.message .. err.command):find(PASSWORD, 1, true))
    assert.matches("AT%+QMTCFG=\"id\",\"user\",\"%*%*%*\"", err.message)
    call = b:start(SET, { timeout = 1 })
    _, err = b:result(call)
    assert.is_nil((err.message .. err.command):find(PASSWORD, 1, true))
    call = b:start(SET)
    b.module:close()
    _, err = b:result(call)
    assert.equal("closed", err.code)
    assert.is_nil((err.message .. err.command):find(PASSWORD, 1, true))
  end))

  it("refused for its size is told by its size only", async(function()
    local b <close> = bench.new()
    local _, err <const> = b.dut.try:qmtcfg {
      clientid = "id", username = "user", password = PASSWORD:rep(40),
    }
    assert.equal("invalid", err.code)
    assert.is_nil(err.message:find(PASSWORD, 1, true))
  end))

  it("of before is masked in a transcript that begins later", async(function()
    local b <close> = bench.new()
    local call <const> = b:start(SET)
    b:answer(SET, "OK")
    b:result(call)
    local trace <const> = traced(b)
    b:say("\r\nnoise " .. PASSWORD .. "\r\n")
    assert.is_nil(text_of(trace):find(PASSWORD, 1, true))
  end))
end)
