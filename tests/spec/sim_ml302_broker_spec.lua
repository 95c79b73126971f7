-- SPDX-License-Identifier: MIT
--
-- The simulated ML302 on mosquitto, with mosquitto's own clients as witnesses.
-- Real time, so the module's settings are short.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local bench <const> = require "tests.support.ml302_bench"
local broker <const> = require "tests.support.broker"
local core <const> = require "attest.core"

local OPEN <const> = bench.OPEN

-- Sends a command and takes what comes up to its end.
local function ask(client, command)
  client:take()
  client:send(command .. "\r\n")
  local bytes = ""
  repeat
    bytes = bytes .. client:expect("\r\n")
  until bytes:find("\r\nOK\r\n$") or bytes:find("ERROR[^\r]*\r\n$") or bytes:find("\r\n>$")
  return bytes
end

-- One that is configured; `b` is the broker.
local function configured(b, options)
  local set <const> = { boot = 0, register = 0, reconnect = 0.02 }
  for key, value in pairs(options and options.set or {}) do
    set[key] = value
  end
  local client <const> = bare_client.start { module = "ml302", set = set, chunk = 0 }
  client:expect("+CPIN: READY\r\n")
  ask(client, "ATE0")
  repeat
    local answer <const> = ask(client, "AT+CREG?")
  until answer:find("+CREG: 0,1", 1, true)
  local config <const> = options and options.config or '"dut",60,"u","secret",1'
  ask(client, ('AT+MQTTCFG="%s",%d,%s'):format(broker.ADDRESS, b.port, config))
  return client
end

local function opened(b, options)
  local client <const> = configured(b, options)
  assert.equals("\r\n+MQTTOPEN:OK\r\n\r\nOK\r\n", ask(client, OPEN))
  return client
end

describe("the simulated ML302 on mosquitto", function()
  it("publishes with each QoS", async(function()
    broker.run({}, function(b)
      local witness <const> = b:subscribe("t/#", 2)
      local client <close> = opened(b)
      assert.equals("\r\nOK\r\n", ask(client, 'AT+MQTTPUB="t/0",0,1,1,"a\\"b"'))
      witness:await("MSG t/0 0 0 3 612262\n")
      assert.equals("\r\n+MQTTPUBACK:0,1\r\n\r\nOK\r\n", ask(client, 'AT+MQTTPUB="t/1",1,0,0,""'))
      witness:await("MSG t/1 1 0 0 \n")
      client:take()
      client:send 'AT+MQTTPUB="t/2",2,0,0,3\r\n'
      client:expect("\r\n>")
      client:send "\0\r\n"
      client:expect("\r\n+MQTTPUBREC:0,2\r\n\r\n+MQTTPUBCOMP:0,2\r\n\r\nOK\r\n")
      witness:await("MSG t/2 2 0 3 000D0A\n")
      local late <const> = b:subscribe("t/#", 2)
      late:await("MSG t/0 0 1 3 612262\n") -- it was retained
    end)
  end))

  it("receives with each QoS", async(function()
    broker.run({}, function(b)
      b:publish("r/old", "kept", { "-r" })
      local client <close> = opened(b)
      local answer <const> = ask(client, 'AT+MQTTSUB="r/#",2')
      assert.truthy(answer:find("+MQTTSUBACK:1,2,r/#", 1, true))
      local KEPT <const> = '+MQTTPUBLISH: 0,0,1,0,"r/old",4,kept\r\n'
      if not answer:find(KEPT, 1, true) then -- it may come together with the SUBACK
        client:send "AT\r\n"
        client:expect(KEPT)
      end
      b:publish("r/0", "x,\"y\"")
      client:expect('+MQTTPUBLISH: 0,0,0,0,"r/0",5,x,"y"\r\n')
      b:publish("r/1", "", { "-q", "1" })
      client:expect('+MQTTPUBLISH: 0,1,0,1,"r/1",0,\r\n')
      b:publish("r/2", "OK", { "-q", "2" })
      client:expect('+MQTTPUBLISH: 0,2,0,2,"r/2",2,OK\r\n\r\n+MQTT PUBREL: 0,2\r\n')
      assert.equals('\r\n+MQTT UNSUBACK:2,"r/#"\r\n\r\nOK\r\n', ask(client, 'AT+MQTTUNSUB="r/#"'))
      b:publish("r/0", "unheard")
      assert.equals("\r\n+MQTTDISC: OK\r\n\r\nOK\r\n", ask(client, "AT+MQTTDISC"))
    end)
  end))

  it("is refused with a wrong password, and heard with the right one", async(function()
    broker.run({ users = { u = "secret" } }, function(b)
      local client <close> = configured(b, { config = '"dut",60,"u","wrong",1' })
      assert.equals("\r\n+CME ERROR:614\r\n", ask(client, OPEN))
      core.sleep(0.1)
      assert.equals("", client:take()) -- no attempt to reconnect
      local other <close> = opened(b)
      assert.equals("\r\n+CME ERROR:602\r\n", ask(other, OPEN))
    end)
  end))

  it("has a will when its power goes, and none when it says goodbye", async(function()
    broker.run({}, function(b)
      local witness <const> = b:subscribe("will", 2)
      local client <close> = configured(b)
      local open <const> = 'AT+MQTTOPEN=0,0,1,0,1,"will","%s"'
      ask(client, open:format("not told"))
      ask(client, "AT+MQTTDISC")
      ask(client, open:format("bye"))
      client.sim:close()
      witness:await("MSG will 1 0 3 627965\n")
      assert.is_nil(witness.text:find("not told", 1, true))
    end)
  end))

  it("notices a broker that closes, at once", async(function()
    broker.run({}, function(b)
      local client <close> = opened(b)
      b.child:kill()
      assert.equals("\r\n+MQTTREC:0\r\n\r\n+MQTTREC:1\r\n\r\n+MQTTREC:2\r\n\r\n+MQTTDISC: OK\r\n",
        client:expect("+MQTTDISC: OK\r\n"))
      assert.equals("\r\n+CME ERROR:603\r\n", ask(client, OPEN))
    end)
  end))

  it("notices a broker that falls silent, and finds it again", async(function()
    broker.run({}, function(b)
      local client <close> = opened(b, { set = { ping = 0.01 }, config = '"dut",10,"u","p",1' })
      ask(client, "AT+MQTTTO=1")
      client:expect("+MQTTPINGRSP: OK\r\n")
      b:pause()
      client:expect("+MQTTTO:5\r\n\r\n+MQTTTO:5\r\n\r\n+MQTTTO:5\r\n\r\n+MQTTREC:0\r\n")
      b:resume()
      assert.is_nil(client:expect("+MQTTOPEN:OK\r\n"):find("+MQTTDISC", 1, true))
      client:expect("+MQTTPINGRSP: OK\r\n")
    end)
  end))

  it("gives up a broker that stays silent", async(function()
    broker.run({}, function(b)
      b:pause()
      local client <close> = configured(b, { set = { connect = 0.1 } })
      local answer <const> = ask(client, OPEN)
      assert.equals("\r\n+MQTTTO:1\r\n\r\n+CME ERROR:604\r\n", answer)
      assert.equals("\r\n+MQTTREC:0\r\n\r\n+MQTTREC:1\r\n\r\n+MQTTREC:2\r\n\r\n+MQTTDISC: OK\r\n",
        client:expect("+MQTTDISC: OK\r\n"))
    end)
  end))
end)
