-- SPDX-License-Identifier: MIT
--
-- What a module sends and nobody reads: no more of it is kept than the limit
-- says, and who reads later is told what is missing.

local async <const> = require "tests.support.async"
local bench <const> = require "tests.support.bench"
local chunks <const> = require "attest.modem.chunks"
local core <const> = require "attest.core"
local direct_bench <const> = require "tests.support.direct_bench"

core.virtual()

local function count(b, event)
  local found = 0
  for _, each in ipairs(b.events) do
    found = found + (each == event and 1 or 0)
  end
  return found
end

local function kilobytes()
  collectgarbage()
  collectgarbage()
  return collectgarbage("count")
end

describe("pieces that wait for a reader", function()
  local LIMIT <const> = 1 << 15

  it("take no more memory than a few times their limit, however short they are", function()
    for _, size in ipairs { 8, 40 } do
      local before <const> = kilobytes()
      local queue <const> = chunks.new(LIMIT)
      local number = 0
      while queue.lost == 0 do
        number = number + 1
        queue:put(("%04d"):format(number):rep(10):sub(1, size))
      end
      local factor <const> = (kilobytes() - before) * 1024 / LIMIT
      assert.is_true(factor < 3, ("%.1f times"):format(factor))
      assert.is_true(queue.size >= LIMIT and queue.size < LIMIT + size)
    end
  end)

  it("are joined where many short ones wait, byte for byte", function()
    local queue <const>, sent <const> = chunks.new(LIMIT), {}
    for i = 1, 1000 do
      sent[i] = ("%x"):format(i * i)
      queue:put(sent[i])
    end
    local got <const> = { queue:take(7) }
    while queue.size > 0 do got[#got + 1] = queue:take() end
    assert.equal(table.concat(sent), table.concat(got))
    assert.is_true(#got < 120)
  end)

  it("stay apart where they have a meaning", function()
    local queue <const> = chunks.new(LIMIT, true)
    for i = 1, 500 do queue:put(tostring(i)) end
    for i = 1, 500 do assert.equal(tostring(i), queue:take()) end
  end)
end)

describe("a passthrough that nobody reads", function()
  local function opened(b, max_unread)
    return b.dut:passthrough { running = true, max_unread = max_unread }
  end

  it("keeps what came until the limit, and tells behind it how much is lost", async(function()
    local b <close> = bench.new()
    local link <const> = opened(b, 1000)
    b:say(("a"):rep(600), ("b"):rep(600), ("c"):rep(40), "d")
    assert.equal(1, count(b, "flag:data_dropped"))
    assert.equal(("a"):rep(600) .. ("b"):rep(400), link:read(1000))
    local _, err <const> = link.try:read(300)
    assert.equal("overflow", err.code)
    assert.same({ 41, ("b"):rep(200) }, { err.lost, err.partial })
    assert.matches("41 received bytes are lost: 1000 waited .*%(max_unread%)", err.message)
    assert.equal(("b"):rep(200), link:read(200))
    b:say("late")
    local _, again <const> = link.try:read()
    assert.same({ "overflow", 45 }, { again.code, again.lost })
  end))

  it("gives a reader all that it waits for, though more comes with it", async(function()
    local b <close> = bench.new()
    local link <const> = opened(b, 1000)
    local reader <const> = b:run(function() return link:read(1000) end)
    b:say(("a"):rep(999), ("b"):rep(100))
    assert.equal(1000, #b:result(reader))
    assert.equal(("b"):rep(99), link:read())
  end))

  it("takes a limit that is a number of bytes, and no read beyond it", async(function()
    local b <close> = bench.new()
    for _, wrong in ipairs { 0, -1, 1.5, "1" } do
      assert.error_matches(function() opened(b, wrong) end, "max_unread is .*number of bytes")
    end
    local link <const> = opened(b, 1000)
    assert.error_matches(function() link:read(1001) end,
      "cannot read 1001 bytes at once: only 1000 wait %(max_unread%)")
  end))
end)

describe("an escape from passthrough, and the way back,", function()
  it("keep only so much of a fast flood, and all of it is data", async(function()
    local chunk <const> = ("x"):rep(64 << 10)
    for _, way in ipairs { "command_mode", "data_mode" } do
      local b <close>, link <const> = direct_bench.new()
      if way == "data_mode" then direct_bench.escape(b, link) end
      local call <const> = b:run(function() return link.try[way](link.try) end)
      core.sleep(1.1)
      b:say(way == "data_mode" and "ATO" or "")
      local before <const> = link.received.size
      local kept, sent = 0, 0
      while call:status() ~= "done" and sent < 40 << 20 do
        b.module:write(chunk)
        sent = sent + #chunk
        core.sleep(0.001)
        kept = math.max(kept, before + sent - link.received.size)
      end
      assert.is_true(kept < 17 << 20, ("%s kept %d"):format(way, kept))
      core.sleep(1)
      assert.equal(sent, link.received.size - before)
      if way == "data_mode" then
        assert.is_true(b:result(call))
      else
        assert.matches("without a pause", select(2, b:result(call)).message)
      end
      b.events = {}
    end
  end))
end)

-- A socket on the bench, whose module is the test.
local function connected(b, options)
  local given <const> = { host = "192.0.2.1", port = 7 }
  for key, value in pairs(options or {}) do given[key] = value end
  local call <const> = b:run(function() return b.dut.try:socket(given) end)
  b:answer(('AT+QIOPEN="%s","192.0.2.1",7,0,0'):format(given.type or "TCP"), "CONNECT,ID:3")
  return b:result(call)
end

local function data(bytes, link)
  return ("\r\n+QIRD:%d,%d\r\n%s\r\n"):format(link or 3, #bytes, bytes)
end

describe("a socket that nobody reads", function()
  it("keeps what came until the limit, and tells behind it how much is lost", async(function()
    local b <close> = bench.new()
    local socket <const> = connected(b, { max_unread = 1000 })
    for _, letter in ipairs { "a", "b", "c" } do b:say(data(letter:rep(600))) end
    b:say(data("d"))
    assert.equal(("a"):rep(600), socket:receive())
    assert.equal(("b"):rep(600), socket:receive())
    local _, err <const> = socket.try:receive(1)
    assert.same({ "overflow", 601 }, { err.code, err.lost })
    assert.matches("^link 3: 601 received bytes are lost", err.message)
  end))

  it("is told of data that the queue of URCs had no room for", async(function()
    local b <close> = bench.new()
    local socket <const> = connected(b)
    b.dut:on("SIM_SUCCESS", function() core.sleep(10) end)
    b:say("\r\nSIM_SUCCESS\r\n")
    local reader <const> = b:run(function() return socket.try:receive(900, { timeout = 3600 }) end)
    for _ = 1, 300 do b:say(data("abc")) end
    local _, err = b:result(reader)
    assert.equal("overflow", err.code)
    core.sleep(20)
    _, err = socket.try:receive(900)
    assert.is_true(count(b, "flag:urc_dropped") > 0)
    assert.equal(900, err.lost + #err.partial)
    assert.matches("too many URCs waited", err.message)
  end))

  it("is told of bytes that were announced and never taken", async(function()
    local b <close> = bench.new()
    local socket <const> = connected(b)
    b:say("\r\n+QIRD:3,5000000\r\nhello\r\n", data("ab"))
    local _, err <const> = socket.try:receive()
    assert.same({ "overflow", 5000002 }, { err.code, err.lost })
  end))

  it("of a module that names any number takes no memory for each", async(function()
    local b <close> = bench.new()
    local socket <const> = connected(b)
    local payload <const> = ("x"):rep(4096)
    local before <const> = kilobytes()
    for number = 100, 1099 do b:say(data(payload, number)) end
    b.events = {}
    assert.is_true(kilobytes() - before < 1024)
    b:say(data("still"))
    assert.equal("still", socket:receive(5))
  end))

  it("takes a limit that is a number of bytes", async(function()
    local b <close> = bench.new()
    assert.error_matches(function() b.dut:socket { host = "h", port = 7, max_unread = 0 } end,
      "socket: max_unread is 0")
  end))
end)

describe("messages that nobody receives", function()
  local function opened(b)
    return b.dut:mqtt {}
  end

  local function message(payload)
    return ('\r\n+QMTRECV:"t",%d,%s\r\n'):format(#payload, payload)
  end

  it("are kept up to a limit; a gap is told once, where it is", async(function()
    local b <close> = bench.new()
    local mqtt <const> = opened(b)
    mqtt.state = "connected"
    for i = 1, 1034 do b:say(message(tostring(i))) end
    for i = 1, 2 do assert.equal(tostring(i), mqtt:receive().payload) end
    b:say(message("behind the gap"))
    for i = 3, 1024 do assert.equal(tostring(i), mqtt:receive().payload) end
    local _, err <const> = mqtt.try:receive()
    assert.same({ "overflow", 10 }, { err.code, err.lost })
    assert.equal("behind the gap", mqtt:receive().payload)
  end))

  it("take a bounded number of bytes", async(function()
    local b <close> = bench.new()
    local mqtt <const> = opened(b)
    mqtt.state = "connected"
    local payload <const> = ("x"):rep(1 << 20)
    local before <const> = kilobytes()
    for _ = 1, 40 do
      b:say(message(payload))
      core.sleep(1)
      b.events = {}
    end
    assert.is_true(kilobytes() - before < 20 << 10)
    for _ = 1, 16 do assert.equal(1 << 20, #mqtt:receive().payload) end
    local _, err <const> = mqtt.try:receive()
    assert.same({ "overflow", 24 }, { err.code, err.lost })
  end))
end)

describe("URCs that wait for a handler", function()
  it("take a bounded number of bytes", async(function()
    local b <close> = bench.new()
    local heard = 0
    b.dut:on("RDY", function() core.sleep(3600) end)
    b.dut:on("+QIRD", function(fields) heard = heard + #fields.payload end)
    b:say("\r\nRDY\r\n")
    local payload <const> = ("x"):rep(1 << 20)
    local before <const> = kilobytes()
    for _ = 1, 40 do
      b:say(data(payload))
      core.sleep(1)
      b.events = {}
    end
    assert.is_true(kilobytes() - before < 6 << 10)
    core.sleep(4000)
    assert.equal(4 << 20, heard)
  end))
end)
