-- SPDX-License-Identifier: MIT
--
-- A real MQTT broker for tests: mosquitto on a free port of the loopback
-- address, and its clients as foreign witnesses. Keeps nothing on disk after
-- it ended and prints nothing. Its functions wait, in real time.
--
--     broker.run({}, function(b)
--       local sub <const> = b:subscribe("t/#", 2)
--       b:publish("t/1", "hello", { "-q", "1" })
--       sub:await("MSG t/1 1 0 5 68656C6C6F\n")
--     end)

local child <const> = require "tests.support.child"
local uv <const> = require "luv"

local broker = {}

broker.ADDRESS = "127.0.0.1"

local TRIES <const> = 5
-- Each message that a witness gets: topic, QoS, retained, length, payload.
local FORMAT <const> = "MSG %t %q %r %l %X"

local methods <const> = {}
local mt <const> = { __index = methods }

local function write_file(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

--- Finds a port of the loopback address on which nobody listens.
-- @treturn integer
function broker.free_port()
  local socket <const> = uv.new_tcp()
  assert(socket:bind(broker.ADDRESS, 0))
  local port <const> = socket:getsockname().port
  socket:close()
  return port
end

local function write_passwords(folder, users)
  local path <const> = folder .. "/passwords"
  local lines <const> = {}
  for name, password in pairs(users) do
    lines[#lines + 1] = name .. ":" .. password .. "\n"
  end
  write_file(path, table.concat(lines))
  assert(child.start { "mosquitto_passwd", "-U", path }:join() == 0)
  return path
end

local function write_config(folder, port, users)
  local lines <const> = {
    "user root", -- who starts it keeps it; a user other than root ignores this
    ("listener %d %s"):format(port, broker.ADDRESS),
    "persistence false",
    "log_dest stderr",
    "log_type all",
    "allow_anonymous " .. tostring(users == nil),
  }
  if users then
    lines[#lines + 1] = "password_file " .. write_passwords(folder, users)
  end
  local path <const> = folder .. "/mosquitto.conf"
  write_file(path, table.concat(lines, "\n") .. "\n")
  return path
end

-- Somebody else may take the port before mosquitto does.
local function launch(self, users)
  for _ = 1, TRIES do
    self.port = broker.free_port()
    self.child = child.start {
      "/usr/sbin/mosquitto", "-c", write_config(self.folder, self.port, users),
    }
    if pcall(self.child.await, self.child, " running\n") then
      return self
    end
    self.child:kill()
  end
  local said <const> = self.child.text
  self:stop()
  error("mosquitto does not start: " .. said, 3)
end

--- Starts a broker; waits until it listens. Stop it, or use run().
-- @tparam[opt] table options `users`, passwords by name: without them anybody
--   is let in
-- @treturn table broker with `port`; `child` is the process
function broker.start(options)
  local folder <const> = assert(uv.fs_mkdtemp("/tmp/attest-broker-XXXXXX"))
  local self <const> = setmetatable({ folder = folder, witnesses = {} }, mt)
  return launch(self, options and options.users)
end

--- Stops it and its witnesses and removes its files. Twice is legal.
function methods:stop()
  self.child:kill()
  for _, witness in ipairs(self.witnesses) do
    witness:kill()
  end
  os.remove(self.folder .. "/mosquitto.conf")
  os.remove(self.folder .. "/passwords")
  os.remove(self.folder)
end

--- Starts a broker, calls a function with it, and stops it whatever happens.
-- @tparam table options of start()
-- @tparam function body
function broker.run(options, body)
  local self <const> = broker.start(options)
  local ok <const>, err <const> = xpcall(body, function(err)
    return type(err) == "string" and debug.traceback(err, 2) or err
  end, self)
  self:stop()
  if not ok then
    error(err, 0)
  end
end

--- Freezes it: its connections stay, and it says nothing.
function methods:pause()
  self.child:signal("sigstop")
end

--- Lets it go on.
function methods:resume()
  self.child:signal("sigcont")
end

local function words(self, program, extra, more)
  local list <const> = { program, "-h", broker.ADDRESS, "-p", tostring(self.port) }
  table.move(extra, 1, #extra, #list + 1, list)
  return table.move(more or {}, 1, #(more or {}), #list + 1, list)
end

--- Starts mosquitto_sub; waits until it has subscribed.
-- @tparam string filter
-- @tparam integer qos
-- @tparam[opt] table more arguments
-- @treturn child that says a line `MSG topic qos retained length HEX` for each
function methods:subscribe(filter, qos, more)
  local id <const> = "witness" .. #self.witnesses + 1
  local witness <const> = child.start(words(self, "mosquitto_sub", {
    "-i", id, "-t", filter, "-q", tostring(qos), "-F", FORMAT,
  }, more))
  self.witnesses[#self.witnesses + 1] = witness
  self.child:await(("Sending SUBACK to %s\n"):format(id))
  return witness
end

--- Runs mosquitto_pub; waits until it has ended.
-- @tparam string topic
-- @tparam string payload
-- @tparam[opt] table more arguments
function methods:publish(topic, payload, more)
  local how <const> = payload == "" and "-n" or "-s"
  local witness <const> = child.start(
    words(self, "mosquitto_pub", { "-t", topic, how }, more), payload)
  self.witnesses[#self.witnesses + 1] = witness
  assert(witness:join() == 0, witness.text)
end

return broker
