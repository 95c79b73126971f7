-- SPDX-License-Identifier: MIT
--
-- Recordings as modules: what was recorded on a simulated module is replayed to
-- the same script, strictly and by command; and what a file must not hold.

local address <const> = require "attest.address"
local async <const> = require "tests.support.async"
local attest <const> = require "attest"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local fake_net <const> = require "tests.support.fake_net"
local recordings <const> = require "tests.support.recordings"
local replay <const> = require "attest.replay"
local script_file <const> = require "tests.support.script_file"
local sim <const> = require "attest.sim"

core.virtual()

local PASSWORD <const> = "s3cr3t-pw"

local function simulated(options)
  local net <const> = fake_net.new()
  net.servers["192.0.2.1:7"] = fake_net.echo
  options.module, options.net = "ct12", net
  local ours <const>, theirs <const> = core.pair()
  local module <const> = assert(sim.new(options))
  module:serve(theirs)
  return assert(attest.attach(ours, { module = "ct12", simulated = module }))
end

local function all_bytes()
  local list <const> = {}
  for i = 0, 255 do
    list[#list + 1] = string.char(i)
  end
  return table.concat(list)
end

-- Three times on one port; the last time it goes away. Returns all that a
-- script can see of it.
local function tell_story(open, trace)
  local seen <const> = {}
  do
    local dut <close> = open(1)
    dut:trace(trace)
    dut:on("*", function(_, name) seen[#seen + 1] = name end)
    dut:ready()
    dut:registered()
    seen[#seen + 1] = dut:csq()
    seen[#seen + 1] = dut.try:qiclose({ link_num = 9 }) or "refused"
    dut:qmtcfg { clientid = "id", username = "user", password = PASSWORD }
    seen[#seen + 1] = dut:qmtcfg().password
    local socket <const> = dut:socket { host = "192.0.2.1", port = 7 }
    socket:send("hello")
    seen[#seen + 1] = socket:receive(5)
    socket:close()
    local link <const> = dut:passthrough { host = "192.0.2.1", port = 7 }
    link:write(all_bytes())
    seen[#seen + 1] = link:read(256)
    link:command_mode()
    seen[#seen + 1] = dut:gmr().version
  end
  do
    local dut <close> = open(2)
    dut:trace(trace)
    dut:ready()
    seen[#seen + 1] = dut:gsn()
  end
  do
    local dut <close> = open(3)
    dut:trace(trace)
    dut:ready()
    core.sleep(5)
    local _, err <const> = dut.try:csq()
    seen[#seen + 1] = err.code
  end
  return seen
end

-- Without the times and the port's name.
local function bare(text)
  return (text:gsub("[^\n]+", function(line)
    return line:gsub("^%S+ %S+ (%S %S+) %S+", "%1")
  end))
end

local function record_story(path, port, open)
  local trace <const> = assert(core.trace { path = path, slot = "1", port = port, keep = true })
  local seen <const> = tell_story(open, trace)
  local text <const> = trace:text()
  trace:close()
  core.sleep(0.1)
  return seen, text
end

describe("a run that was recorded", function()
  it("is the same again when it is replayed, and its transcript too", async(function()
    local files <close> = script_file.new()
    local path <const>, again <const> = files.folder .. "/a.trace", files.folder .. "/b.trace"
    files:remove_later(path)
    files:remove_later(again)
    local seen <const>, text <const> = record_story(path, "pair", function(number)
      return simulated { set = { boot = 0.1, register = 0.1 },
        fault = number == 3 and { "vanish:3" } or nil }
    end)
    recordings.await(path, text)
    assert.equal("closed", seen[#seen])
    assert.equal(PASSWORD, seen[6] == PASSWORD and PASSWORD or seen[7])
    assert.is_nil(text:find(PASSWORD, 1, true))
    local repeated <const>, other <const> = record_story(again, "replay", function(number)
      return attest.open(("replay:%s?session=%d"):format(path, number))
    end)
    assert.same(seen, repeated)
    assert.equal(bare(text), bare(other))
  end))
end)

-- Opens hand-written lines as a port, with a client that knows no command.
local function client_of(files, text, query)
  local path <const> = files:write("field.txt", recordings.text(text))
  local ports <const> = require "attest.port"
  local where <const> = assert(address.parse("replay:" .. path .. (query or "")))
  local near <const>, far <const> = assert(ports.open(where))
  local client <const> = bare_client.attach(near)
  client.sim = far -- closed with it
  return client, far
end

describe("a strict replay", function()
  it("answers in the recorded time, from the host's bytes on", async(function()
    local files <close> = script_file.new()
    local client <close> = client_of(files, "0 ! opened\n5 > AT\\r\n5.2 < OK\\r\n7 < RDY\\r\n")
    core.sleep(100)
    client:send "AT\r"
    assert.equal("", client:listen(0.19))
    assert.equal("OK\r", client:listen(0.02))
    assert.equal("", client:listen(1.7))
    assert.equal("RDY\r", client:listen(0.1))
  end))

  it("hears a host that cuts its bytes otherwise, and one that is ahead", async(function()
    local files <close> = script_file.new()
    local client <close> = client_of(files, "0 > AT\\r\n1 < A\n2 > B\n2 > C\n3 < D\n")
    for byte in ("AT\rB"):gmatch "." do
      client:send(byte)
    end
    assert.equal("", client:listen(0.9))
    assert.equal("A", client:listen(1)) -- B was judged at once, and its turn is now
    client:send "C"
    assert.equal("D", client:listen(1.1))
  end))

  it("keeps the module's chunks apart, also without pauses", async(function()
    local files <close> = script_file.new()
    local client <close> = client_of(files, "0 > AT\n1 < A\n1 < B\n60 < C\n", "?speed=0")
    local chunks <const> = {}
    client.port:listen(function(_, bytes) chunks[#chunks + 1] = bytes end)
    client:send "AT"
    core.sleep(0.001)
    assert.same({ "A", "B", "C" }, chunks)
  end))

  it("takes its pauses as many times as fast as is wanted", async(function()
    local files <close> = script_file.new()
    local client <close> = client_of(files, "0 > AT\n10 < OK\n", "?speed=10")
    client:send "AT"
    assert.equal("", client:listen(0.9))
    assert.equal("OK", client:listen(0.2))
  end))

  it("says what the host sent otherwise, and closes", async(function()
    local files <close> = script_file.new()
    local client <close>, far <const> = client_of(files, "0 < RDY\n1 > AT+CSQ\\r\\n\n2 < OK\n")
    client:send "AT+CS"
    core.sleep(0.5)
    assert.is_nil(far.failure)
    assert.equal(2, far:missing())
    client:send "\xffQ"
    core.sleep(0.1)
    assert.is_true(client.is_closed)
    assert.equal(files.folder .. [[/field.txt:2: byte 6: expected "Q\r\n", got "\xffQ"]],
      tostring(far.failure))
    assert.equal("RDY", client:listen(10)) -- nothing more
  end))

  it("takes no more than was recorded", async(function()
    local files <close> = script_file.new()
    local client <close>, far <const> = client_of(files, "0 > AT\n1 < OK\n2 ! closed\n")
    client:send "AT"
    assert.equal("OK", client:listen(60))
    assert.is_nil(client.is_closed)
    assert.is_nil(far:missing())
    client:send "AT"
    core.sleep(0.1)
    assert.matches('the recording is over, got "AT"', tostring(far.failure), 1, true)
  end))

  it("hangs up where the port went, after its last word", async(function()
    local files <close> = script_file.new()
    local client <close> = client_of(files, "0 > AT\n1 < OK\n1 ! closed EIO: i/o error\n")
    client:send "AT"
    core.sleep(1.1)
    assert.equal("OK", client:take())
    assert.is_true(client.is_closed)
  end))

  it("takes any bytes for masked ones, as many, and says them where they are echoed",
    async(function()
      local files <close> = script_file.new()
      local client <close> = client_of(files,
        "0 > PW=\\m{2}\n0 > \\m{3}\\r\n1 < PW=\n1 < \\m{4}\n1 < \\m{1} \\m{2}\\r\n")
      client:send "PW=s3"
      client:send "cr\0\r"
      assert.equal("PW=s3cr\0 ??\r", client:listen(2))
    end))

  it("tells no secret when there are more or fewer bytes than masked ones", async(function()
    local files <close> = script_file.new()
    for _, secret in ipairs { "longer", "sho" } do
      local client <close>, far <const> = client_of(files, "0 > PW=\\m{4}\\r\n1 < OK\n")
      client:send("PW=" .. secret .. "\r\n")
      core.sleep(0.1)
      assert.is_nil(tostring(far.failure):find(secret:sub(-2), 1, true))
      assert.matches("may be secret", tostring(far.failure))
    end
  end))

  it("refuses a recording with a gap", function()
    local files <close> = script_file.new()
    local path <const> = files:write("gap.txt", recordings.text "0 < A\n1 ! lost 2 chunks\n2 < B\n")
    local _, err <const> = replay.open { path = path }
    assert.is_true(errors.is(err, "invalid"))
    assert.matches("gap.txt:2: the recording lost bytes here", tostring(err))
    assert.truthy(replay.open { path = path, mode = "command" })
  end)
end)

describe("a module that is replayed", function()
  it("tells the script that sends something else what was expected", async(function()
    local files <close> = script_file.new()
    local path <const> = files:write("field.txt",
      recordings.text "0 > AT+CSQ\\r\\n\n1 < AT+CSQ\\r\\n\\r\\n+CSQ: 9,99\\r\\n\\r\\nOK\\r\\n\n")
    local dut <close> = attest.open("replay:" .. path)
    assert.equal(9, dut:csq().rssi)
    local second <close> = attest.open("replay:" .. path .. "?speed=0&module=ct12")
    local _, err <const> = second.try:creg()
    assert.equal("closed", err.code)
    assert.matches([[AT+CREG?: the port is gone: ]] .. path .. [[:1: byte 5: expected "SQ\r\n", ]]
      .. [[got "REG?\r\n"]], err.message, 1, true)
  end))

  it("is refused when there is no such file or module", function()
    local _, err = attest.try_open "replay:/nonexistent"
    assert.equal("not_found", err.code)
    _, err = attest.try_open "replay:/nonexistent?module=ct99"
    assert.matches("ct99", err.message)
  end)
end)

describe("a replay by command", function()
  local CALLS <const> = [[
0 ! opened
0.5 < RDY\r\n
1 > AT\r
1.1 < AT\r\r\nOK\r\n
2 > AT+CSQ\r\n
2.1 < AT+CSQ\r\n+CSQ: 1,99\r\nOK\r\n
3 < +CREG: 1\r\n
4 > AT+CSQ\r\n
4.1 < AT+CSQ\r\n+CSQ: 2,99\r\nOK\r\n
5 > AT+SEND=2\r\n
5.1 < \r\n>
5.2 > h
5.3 > i
5.4 < SEND OK\r\n
6 > AT+PW=\m{3}\r\n
6.1 < AT+PW=\m{3}\r\nOK\r\n
]]

  local function opened(files, text)
    local client <const>, far <const> = client_of(files, text or CALLS, "?mode=command")
    return client, far
  end

  it("answers in any order, each time as recorded, at the end the last again", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files)
    assert.equal("RDY\r\n", client:listen(0.6))
    assert.equal("AT+CSQ\r\n+CSQ: 1,99\r\nOK\r\n+CREG: 1\r\n", client:ask("AT+CSQ", 1.5))
    assert.equal("AT\r\r\nOK\r\n", client:ask("AT"))
    for _ = 1, 2 do
      assert.equal("AT+CSQ\r\n+CSQ: 2,99\r\nOK\r\n", client:ask("AT+CSQ"))
    end
    assert.equal("AT\r\r\nOK\r\n", client:ask("AT"))
  end))

  it("answers ERROR to what was not recorded, with an echo if there was one", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files)
    core.sleep(1)
    assert.equal("AT+NO\r\n\r\nERROR\r\n", client:ask("AT+NO"))
    local mute <close> = opened(files, "0 > AT\\r\n1 < OK\\r\\n\n")
    assert.equal("\r\nERROR\r\n", mute:ask("AT+NO"))
  end))

  it("takes a payload behind its prompt, whatever it holds", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files)
    core.sleep(1)
    assert.equal("\r\n>", client:ask("AT+SEND=2"))
    client:send "\r"
    assert.equal("", client:listen(1))
    client:send "XAT\r"
    assert.equal("SEND OK\r\nAT\r\r\nOK\r\n", client:listen(1))
  end))

  it("takes a payload up to its ^Z, however long it is", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files, "0 > AT+S\\r\n1 < >\n1 < \\r\\n> \n2 > abc\\x1a\n3 < OK\n")
    assert.equal(">\r\n> ", client:ask("AT+S", 1.1))
    client:send "much longer"
    assert.equal("", client:listen(2))
    client:send "\26"
    assert.equal("OK", client:listen(2))
  end))

  it("takes any bytes for masked ones, as many", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files)
    core.sleep(1)
    assert.equal("AT+PW=abc\r\nOK\r\n", client:ask("AT+PW=abc"))
    assert.equal("AT+PW=xyz\r\nOK\r\n", client:ask("AT+PW=xyz"))
    assert.matches("ERROR", client:ask("AT+PW=long"))
  end))

  it("knows lines that were typed, and what has no line end", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files,
      "0 > A\n0 < A\n1 > T\n1 < T\n2 > \\r\n2 < \\r\\r\\nOK\n3 > +++\n4 < OK2\n5 > ATO\\r\n6 < X\n")
    assert.equal("AT\r\r\nOK", client:ask("AT"))
    client:send "+++"
    assert.equal("OK2", client:listen(1.1))
    assert.equal("X", client:ask("ATO", 1.1))
  end))

  it("hangs up behind the command after which the port went", async(function()
    local files <close> = script_file.new()
    local client <close> = opened(files, "0 > AT+OFF\\r\n1 < OK\n2 ! closed EIO: i/o error\n")
    assert.equal("OK", client:ask("AT+OFF", 1.5))
    assert.is_nil(client.is_closed)
    core.sleep(1)
    assert.is_true(client.is_closed)
  end))

  it("is a module to a script", async(function()
    local files <close> = script_file.new()
    local path <const> = files:write("calls.txt", recordings.text(CALLS))
    local dut <close> = attest.open("replay:" .. path .. "?mode=command")
    assert.equal(1, dut:csq().rssi)
    assert.equal("OK", dut:at("AT").final)
    assert.equal("rejected", select(2, dut.try:gmr()).code)
    assert.equal(2, dut:csq().rssi)
  end))
end)
