-- SPDX-License-Identifier: MIT
--
-- The simulated ct12 on the real network of this machine: loopback servers
-- made here with luv, names, the system's ping, and a PTY. Real time.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local ntp <const> = require "attest.sim.ntp"
local ping <const> = require "attest.sim.ping"
local uv <const> = require "luv"

local LOCAL <const> = "127.0.0.1"
local CLOSE <const> = {
  __close = function(self)
    for _, handle in ipairs(self) do
      if not handle:is_closing() then
        handle:close()
      end
    end
  end,
}

local function start(options)
  options = options or {}
  options.set = { boot = 0, register = 0 }
  options.chunk = 0
  return bare_client.started(options)
end

-- Echoes until it gets "bye", then closes.
local function tcp_server()
  local server <const> = uv.new_tcp()
  local handles <const> = setmetatable({ server }, CLOSE)
  assert(server:bind(LOCAL, 0))
  server:listen(8, function()
    local peer <const> = uv.new_tcp()
    handles[#handles + 1] = peer
    server:accept(peer)
    peer:read_start(function(_, bytes)
      if not bytes or bytes == "bye" then
        if not peer:is_closing() then
          peer:close()
        end
      else
        peer:write(bytes)
      end
    end)
  end)
  return handles, server:getsockname().port
end

local function udp_server(answer)
  local server <const> = uv.new_udp()
  assert(server:bind(LOCAL, 0))
  server:recv_start(function(_, bytes, from)
    if bytes and from then
      server:send(answer(bytes), from.ip, from.port, function() end)
    end
  end)
  return setmetatable({ server }, CLOSE), server:getsockname().port
end

local function await(is_there)
  local deadline <const> = core.now() + 30
  while not is_there() do
    assert(core.now() < deadline, "it did not come")
    core.sleep(0.01)
  end
end

local function same(bytes)
  return bytes
end

-- A port on which nobody listens.
local function free_port()
  local socket <const> = uv.new_tcp()
  assert(socket:bind(LOCAL, 0))
  local port <const> = socket:getsockname().port
  socket:close()
  return port
end

local function open(client, type, host, port, local_port)
  client:take()
  client:send(string.format('AT+QIOPEN="%s","%s",%d,%d,0\r\n', type, host, port, local_port or 0))
  return client:expect(",0\r\n") and client:expect("\r\n") and client:expect("\r\n")
end

local function echo_1k(client, id)
  local payload <const> = ("\0\r\n>+\xff"):rep(200):sub(1, 1024)
  client:send(string.format("AT+QISEND=%d,1024\r\n", id))
  client:expect(">")
  client:send(payload)
  client:expect("SEND OK\r\n")
  local received, left = "", 1024
  while left > 0 do
    client:expect("+QIRD:" .. id .. ",")
    local length <const> = math.tointeger(tonumber((client:expect("\r\n"):match("%d+"))))
    while #client.bytes < length do
      core.sleep(0.001)
    end
    received = received .. client.bytes:sub(1, length)
    left = left - length
  end
  assert.equals(payload, received)
end

describe("real peers:", function()
  it("a TCP echo of 1 KiB", async(function()
    local _ <close>, port <const> = tcp_server()
    local client <close> = start()
    assert.equals("CONNECT,ID:3\r\n", open(client, "TCP", LOCAL, port))
    echo_1k(client, 3)
  end))

  it("a UDP echo of 1 KiB", async(function()
    local _ <close>, port <const> = udp_server(same)
    local client <close> = start()
    assert.equals("CONNECT,ID:3\r\n", open(client, "UDP", LOCAL, port))
    echo_1k(client, 3)
    client:send("AT+QICLOSE=3\r\n")
    client:expect("UDP_CLOSE\r\n")
  end))

  it("the local port is the real one", async(function()
    local seen
    local _ <close>, port <const> = udp_server(same)
    local client <close> = start()
    open(client, "UDP", LOCAL, port)
    client:send("AT+QISTATE\r\n")
    seen = client:expect("OK\r\n"):match(',(%d+)\r\n')
    assert.is_true(tonumber(seen) >= 1024)
  end))

  it("a server that closes", async(function()
    local _ <close>, port <const> = tcp_server()
    local client <close> = start()
    open(client, "TCP", LOCAL, port)
    client:send("AT+QISEND=3,3\r\nbye")
    client:expect("\r\nDISCONNECT\r\n")
  end))

  it("a port on which nobody listens", async(function()
    local client <close> = start()
    assert.equals("ERROR=201\r\n", open(client, "TCP", LOCAL, free_port()))
  end))

  it("a local port that is taken", async(function()
    local _ <close>, port <const> = tcp_server()
    local client <close> = start()
    assert.equals("ERROR=201\r\n", open(client, "TCP", LOCAL, port, port))
  end))

  it("a UDP server that is not there does not break the link", async(function()
    local client <close> = start()
    open(client, "UDP", LOCAL, free_port())
    for _ = 1, 3 do
      client:send("AT+QISEND=3,2\r\nhi")
      client:expect("SEND OK\r\n")
    end
  end))

  it("a name is resolved, an unknown one refused", async(function()
    local _ <close>, port <const> = tcp_server()
    local client <close> = start()
    assert.equals("CONNECT,ID:3\r\n", open(client, "TCP", "localhost", port))
    assert.equals("ERROR=201\r\n", open(client, "TCP", "no.such.host.invalid", port))
  end))

  it("is redirected", async(function()
    local _ <close>, port <const> = tcp_server()
    local client <close> = start { map = { { host = "112.125.89.8", addr = LOCAL, port = port } } }
    assert.equals("CONNECT,ID:3\r\n", open(client, "TCP", "112.125.89.8", 33124))
    client:send("AT+QISTATE\r\n")
    assert.truthy(client:expect("OK\r\n"):find('+QISTATE:3,"TCP","112.125.89.8",33124,', 1, true))
  end))

  it("a connection under way is given up with the module", async(function()
    local client <close> = start()
    client:send('AT+QIOPEN="TCP","192.0.2.1",9,0,0\r\n')
    core.sleep(0.02)
  end))
end)

describe("real time:", function()
  local EPOCH <const> = 2208988800

  -- Answers as a server whose clock is `ahead` seconds ahead.
  local function ntp_answer(ahead, change)
    return function(request)
      local time <const> = core.wall() + ahead + EPOCH
      local stamp <const> = string.pack(">I4I4", math.floor(time), math.floor(time % 1 * 2 ^ 32))
      local fields <const> = { flags = 0x24, stratum = 2, originate = request:sub(41, 48) }
      for key, value in pairs(change or {}) do
        fields[key] = value
      end
      return string.pack(">BBBbI4I4I4I4I4", fields.flags, fields.stratum, 0, 0, 0, 0, 0, 0, 0)
        .. fields.originate .. stamp .. stamp
    end
  end

  it("an NTP server sets the clock", async(function()
    local _ <close>, port <const> = udp_server(ntp_answer(86400))
    local client <close> = start()
    client:send(string.format('AT+QNTP="%s",%d\r\n', LOCAL, port))
    client:expect("+QNTP:")
    local shown <const> = client:expect("\r\n")
    local expected <const> = core.wall() + 86400 + 8 * 3600
    local found = false
    for back = 0, 20 do
      found = found or shown == os.date("!%Y-%m-%d %H:%M:%S\r\n", math.floor(expected - back))
    end
    assert.is_true(found, shown)
  end))

  it("an answer that is none is not believed", function()
    local request <const> = ntp.request(1000.5)
    local function offset(bytes)
      return ntp.offset(bytes, request, core.wall(), core.wall())
    end
    assert.is_true(math.abs(offset(ntp_answer(5)(request)) - 5) < 0.1)
    assert.is_nil(offset(""))
    assert.is_nil(offset(request))
    assert.is_nil(offset(ntp_answer(5, { stratum = 0 })(request)))
    assert.is_nil(offset(ntp_answer(5, { flags = 0x23 })(request)))
    assert.is_nil(offset(ntp_answer(5, { flags = 0xe4 })(request)))
    assert.is_nil(offset(ntp_answer(5, { originate = ("\0"):rep(8) })(request)))
  end)

  it("stamps of the era that begins in 2036 are understood", function()
    local sent <const> = 2100000000 -- in 2036, after the roll-over
    local request <const> = ntp.request(sent)
    local stamp <const> = request:sub(41, 48)
    local answer <const> = string.pack(">BBBbI4I4I4I4I4", 0x24, 1, 0, 0, 0, 0, 0, 0, 0)
      .. stamp .. stamp .. stamp
    assert.is_true(math.abs(ntp.offset(answer, request, sent, sent)) < 0.001)
  end)
end)

describe("the system's ping", function()
  it("reaches the loopback", async(function()
    local client <close> = start()
    client:send('AT+QPING="127.0.0.1",3\r\n')
    local _, rows <const> = client:expect("OK\r\n"):gsub('%+CIPPING:"127%.0%.0%.1",%d+,64\r\n', "")
    assert.equals(3, rows)
  end))

  it("is read line by line", function()
    assert.same({ 0.278, 64 },
      { ping.parse "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.278 ms" })
    assert.same({ 21, 52 }, { ping.parse "64 bytes from 2409::1: icmp_seq=9 ttl=52 time=21 ms" })
    assert.is_nil(ping.parse "From 10.0.0.1 icmp_seq=1 Destination Host Unreachable")
    assert.is_nil(ping.parse "3 packets transmitted, 3 received, 0% packet loss, time 402ms")
  end)

  it("ends with the module", async(function()
    local client <close> = start()
    client:send('AT+QPING="127.0.0.1",10\r\n')
    client:expect("+CIPPING")
  end))
end)

describe("a PTY", function()
  local function serve(options)
    local sim <const> = require "attest.sim"
    options = options or {}
    options.module, options.set = "ct12", { boot = 0.01, register = 0.01 }
    local module <const> = assert(sim.new(options))
    local far <const> = assert(core.pty {})
    local path <const> = far:path()
    module:serve(far)
    return module, path
  end

  it("keeps the boot words for a client that comes later", async(function()
    local module <close>, path <const> = serve()
    assert.is_nil(module.is_closed)
    core.sleep(0.05)
    local client <close> = bare_client.attach(assert(core.open(path, {})))
    client:expect("RDY\r\n")
    client:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
  end))

  it("answers garbage while the client has the wrong speed", async(function()
    local module <close>, path <const> = serve()
    local near <const> = assert(core.open(path, {}))
    local client <close> = bare_client.attach(near)
    client:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
    client:send("AT+IPR=9600,8,0,0\r\n")
    client:expect("OK\r\n")
    await(function() return client.bytes ~= "" end)
    local garbage <const> = client:listen(0.2)
    assert.is_nil(garbage:find("RDY", 1, true))
    client:send("AT\r\nAT\r\n")
    assert.is_nil(client:listen(0.1):find("OK", 1, true))
    assert(near:set { baud = 9600 })
    client:send("\r\nAT\r\n")
    client:expect("OK\r\n")
    assert.is_nil(module.is_closed)
  end))

  it("strays to another rate by a fault; who follows can read it", async(function()
    local module <close>, path <const> = serve { fault = "rate:1:19200" }
    local near <const> = assert(core.open(path, {}))
    local client <close> = bare_client.attach(near)
    client:expect("NETWORK_ACTIVATE_SUCCESS\r\n")
    client:send("AT\r\n")
    client:expect("OK\r\n")
    client:send("AT\r\n")
    assert.is_nil(client:listen(0.1):find("OK", 1, true))
    assert(near:set { baud = 19200 })
    client:send("\r\nAT\r\n")
    client:expect("OK\r\n")
    assert.is_nil(module.is_closed)
  end))

  it("is closed by a module that vanishes", async(function()
    local _ <close>, path <const> = serve { fault = "vanish:0.05" }
    local client <close> = bare_client.attach(assert(core.open(path, {})))
    await(function() return client.is_closed end)
  end))
end)
