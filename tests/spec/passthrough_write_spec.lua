-- SPDX-License-Identifier: MIT
-- What a script writes in data mode: held during an escape, slowed by the
-- line, never lost, never doubled.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local direct_bench <const> = require "tests.support.direct_bench"
local outlet <const> = require "attest.dialog.outlet"

core.virtual()

describe("a write during an escape", function()
  it("waits until the data mode is back", async(function()
    local b <close>, link <const> = direct_bench.new()
    link:write("before")
    b:sent()
    local escape <const> = b:run(function() return link.try:command_mode() end)
    local first <const> = b:run(function() return link.try:write("first") end)
    local second <const> = b:run(function() return link.try:write("second") end)
    assert.is_true(direct_bench.answer_escape(b, escape))
    core.sleep(3)
    assert.equal("", b:sent())
    assert.is_true(direct_bench.resume(b, link))
    assert.equal("firstsecond", b:sent())
    assert.is_true(b:result(first))
    assert.is_true(b:result(second))
  end))

  it("is told when its time is over, and nothing went", async(function()
    local b <close>, link <const> = direct_bench.new()
    local escape <const> = b:run(function() return link.try:command_mode() end)
    local write <const> = b:run(function() return link.try:write("held", { timeout = 5 }) end)
    assert.is_true(direct_bench.answer_escape(b, escape))
    local _, err <const> = b:result(write)
    assert.equal("timeout", err.code)
    assert.equal(0, err.sent)
    assert.matches("not in passthrough", err.message)
    assert.is_true(direct_bench.resume(b, link))
    assert.equal("", b:sent())
  end))

  it("goes on when the module did not leave", async(function()
    local b <close>, link <const> = direct_bench.new()
    local escape <const> = b:run(function() return link.try:command_mode() end)
    local write <const> = b:run(function() return link.try:write("held", { timeout = 60 }) end)
    assert.equal("timeout", select(2, b:result(escape)).code)
    assert.is_true(b:result(write))
    assert.equal("+++AT\r\nAT\r\nAT\r\nheld", b:sent())
  end))

  it("goes on when the escape is cancelled", async(function()
    local b <close>, link <const> = direct_bench.new()
    local escape <const> = b:run(function() link:command_mode() end)
    local write <const> = b:run(function() return link.try:write("held") end)
    core.sleep(0.5)
    escape:cancel("changed my mind")
    escape:join()
    assert.is_true(b:result(write))
    assert.equal("held", b:sent())
  end))

  it("does not reach the link that comes next", async(function()
    local b <close>, link <const> = direct_bench.new()
    local escape <const> = b:run(function() return link.try:command_mode() end)
    local write <const> = b:run(function() return link.try:write("old", { timeout = 60 }) end)
    assert.is_true(direct_bench.answer_escape(b, escape))
    local close <const> = b:run(function() return link.try:close() end)
    b:answer("AT+QICLOSE=3", "OK", "DISCONNECT")
    assert.is_true(b:result(close))
    local next_link <const> = direct_bench.open(b)
    assert.equal("closed", select(2, b:result(write)).code)
    next_link:write("new")
    assert.equal("new", b:sent())
  end))

  it("that would be an escape itself is refused when its turn comes", async(function()
    local b <close>, link <const> = direct_bench.new()
    local escape <const> = b:run(function() return link.try:command_mode() end)
    local write <const> = b:run(function() return link.try:write("+++") end)
    assert.is_true(direct_bench.answer_escape(b, escape))
    assert.is_true(direct_bench.resume(b, link))
    assert.equal("invalid", select(2, b:result(write)).code)
    assert.equal("", b:sent())
  end))

  it("in command mode is refused at once", async(function()
    local b <close>, link <const> = direct_bench.new()
    direct_bench.escape(b, link)
    local _, err <const> = link.try:write("x")
    assert.equal("invalid", err.code)
    assert.equal("", b:sent())
  end))
end)

describe("a write of pluses", function()
  it("that comes piece by piece is no escape either", async(function()
    local b <close>, link <const> = direct_bench.new()
    core.sleep(5)
    link:write("+")
    link:write("+")
    assert.equal("invalid", select(2, link.try:write("+")).code)
    core.sleep(0.9) -- hardly a silence: the module may see one or none
    assert.equal("invalid", select(2, link.try:write("+")).code)
    link:write("+a")
    assert.equal("+++a", b:sent())
  end))

  it("first of all is refused: the module may have been silent for long", async(function()
    local b <close>, link <const> = direct_bench.new()
    assert.equal("invalid", select(2, link.try:write("+++")).code)
    link:write("+++!")
    assert.equal("+++!", b:sent())
  end))
end)

describe("a write that is larger than any queue", function()
  it("arrives whole, and the next one behind it", async(function()
    local b <close>, link <const> = direct_bench.new()
    local heard <const> = {}
    b.module:listen(function(_, bytes) heard[#heard + 1] = bytes end)
    local bytes <const> = ("0123456789abcdef+++\r\n"):rep(1 << 19) .. "+++"
    local first <const> = b:run(function() return link.try:write(bytes) end)
    local second <const> = b:run(function() return link.try:write("end") end)
    assert.is_true(b:result(first))
    assert.is_true(b:result(second))
    core.sleep(1)
    assert.is_true(table.concat(heard) == bytes .. "end")
  end))
end)

-- A dialog in passthrough whose line takes `rate` bytes of each piece.
local function slow_line(gone)
  local line <const> = { written = {}, is_stuck = true }
  local port <const> = {
    write = function(_, bytes) line.written[#line.written + 1] = bytes return true end,
    drain = function(_, seconds)
      if line.is_stuck then
        core.sleep(seconds)
        return nil, "timed out", "ETIMEDOUT"
      end
      return true
    end,
    baud = function() return 115200 end,
    unsent = function() return gone and gone() or 0 end,
  }
  local d <const> = { port = port, is_data = true, session = {}, escape = core.escape {
    side = "host",
  } }
  outlet.open(d)
  return d, line
end

describe("a line that takes nothing", function()
  it("ends a write in its time, which tells how many bytes went", async(function()
    local d <const>, line <const> = slow_line()
    local bytes <const> = ("x"):rep(200000)
    local start <const> = core.now()
    local done <const>, err <const> = outlet.write(d, bytes, 3)
    assert.is_nil(done)
    assert.equal("timeout", err.code)
    assert.equal(3, math.floor(core.now() - start))
    assert.equal(#table.concat(line.written), err.sent)
    assert.is_true(err.sent > 0 and err.sent < #bytes)
    line.is_stuck = false
    assert.is_true(outlet.write(d, bytes:sub(err.sent + 1)))
    assert.equal(bytes, table.concat(line.written))
  end))

  it("ends an escape before its pluses, and is waited for by the OS's count", async(function()
    local d <const>, line <const> = slow_line()
    local _, err <const> = outlet.settle(d)
    assert.equal("timeout", err.code)
    line.is_stuck = false
    assert.is_true(outlet.settle(d))
    local start <const> = core.now()
    local busy <const> = slow_line(function() return core.now() < start + 2 and 7 or 0 end)
    busy.port.drain = function() return true end
    assert.is_true(outlet.settle(busy))
    assert.is_true(core.now() - start >= 2)
  end))

  it("is not left with pluses alone as the last piece", async(function()
    local d <const>, line <const> = slow_line()
    line.is_stuck = false
    assert.is_true(outlet.write(d, ("x"):rep(16384) .. "+++"))
    assert.equal(1, #line.written)
  end))
end)
