-- SPDX-License-Identifier: MIT
--
-- Recordings as modules, strictly: what was recorded on a simulated module is
-- replayed to the same script, and what foreign programs said to their part.

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

local client_of <const> = recordings.client

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

  it("begins again; a host that goes on at once is heard in the next round", async(function()
    local files <close> = script_file.new()
    local path <const> = files:write("field.txt", recordings.text("0 > AT\n1 < OK\n"))
    local far <close> = assert(replay.open { path = path, loop = true })
    local near <const>, theirs <const> = core.pair()
    local said = ""
    near:data(true)
    near:listen(function(kind, bytes)
      said = said .. (kind == "data" and bytes or kind)
      if said:find("OK$") and #said < 8 then
        near:write("AT")
      end
    end)
    far:serve(theirs)
    near:write("AT")
    core.sleep(60)
    assert.equal("OKOKOKOK", said)
    assert.is_truthy(far:missing())
    near:close()
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
      local told <const> = tostring(far.failure):match("/field.txt:(.*)")
      assert.is_nil(told:find(secret:sub(-2), 1, true))
      assert.matches("may be secret", told)
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

-- pyserial and chat on a module whose port went and came back, by the witness.
describe("a recording of foreign programs", function()
  local PATH <const> = recordings.FIELD
  local ESCAPES <const> = { r = "\r", n = "\n", t = "\t", ["\\"] = "\\" }

  -- The bytes of each line, read by these few lines alone.
  local function lines_of(path)
    local list <const> = {}
    for line in io.lines(path) do
      local kind <const>, text <const> = line:match("^%S+ %S+ (%S) %S+ %S+ (.*)$")
      list[#list + 1] = {
        kind = kind,
        bytes = text:gsub("\\(.)(%x?%x?)", function(letter, hex)
          return letter == "x" and string.char(tonumber(hex, 16)) or ESCAPES[letter] .. hex
        end),
      }
    end
    return list
  end

  -- Sends what the host sent, waits for what the module said; counts hang-ups.
  local function play(path, open)
    local client, hang_ups, said = nil, 0, 0
    for _, line in ipairs(lines_of(path)) do
      if line.kind == ">" then
        client:send(line.bytes)
      elseif line.kind == "<" then
        client:expect(line.bytes)
        said = said + #line.bytes
      elseif line.bytes == "opened" then
        client = open(client)
      elseif line.bytes:find "^closed ." then
        core.sleep(10)
        assert.is_true(client.is_closed)
        hang_ups = hang_ups + 1
      end
    end
    assert.equal("", client:listen(10))
    client:close()
    assert.equal(1, hang_ups)
    assert.is_true(said > 300)
  end

  it("answers as the module did, and goes as its port did", async(function()
    local session = 0
    play(PATH, function(former)
      if former then
        former:close()
      end
      session = session + 1
      local far <const> = assert(replay.open { path = PATH, session = session, alone = true })
      local near <const>, theirs <const> = core.pair(1)
      far:serve(theirs)
      local client <const> = bare_client.attach(near)
      client.sim = far
      return client
    end)
  end))

  it("is served on one port after the other, where somebody gives another", async(function()
    local far <close> = assert(replay.open { path = PATH })
    local client, is_over
    local function serve_again()
      local near <const>, theirs <const> = core.pair(3)
      client:close()
      client = bare_client.attach(near)
      return theirs
    end
    far:on("back", serve_again)
    far:on("over", function() is_over = true end)
    local near <const>, theirs <const> = core.pair(3)
    client = bare_client.attach(near)
    far:serve(theirs)
    for _, line in ipairs(lines_of(PATH)) do
      if line.kind == ">" then
        core.sleep(1) -- the port may be coming back
        client:send(line.bytes)
      end
    end
    core.sleep(10)
    assert.is_true(is_over)
    assert.is_nil(far:missing())
    assert.matches("860720087453595", client:take())
    client:close()
  end))
end)
