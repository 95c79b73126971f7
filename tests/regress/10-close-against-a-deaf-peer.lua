-- SPDX-License-Identifier: MIT
-- A simulated module that closed a TCP link whose peer reads nothing waited
-- without end for the bytes that it still had to send: the socket outlived the
-- link, and the module, and kept the loop alive. It is closed after a second.

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local net <const> = require "attest.sim.net"
local uv <const> = require "luv"

local LOCAL <const> = "127.0.0.1"
-- More than the buffers of both ends hold.
local MUCH <const> = ("x"):rep(32 * 1024 * 1024)

-- Accepts and never reads.
local function deaf_server()
  local server <const> = uv.new_tcp()
  local handles <const> = { server }
  assert(server:bind(LOCAL, 0))
  server:listen(1, function()
    local peer <const> = uv.new_tcp()
    handles[#handles + 1] = peer
    server:accept(peer)
  end)
  return handles, server:getsockname().port
end

local function connect(port)
  local task <const>, connection = core.current(), nil
  net.new().connect({ type = "TCP", address = LOCAL, port = port, local_port = 0 }, function(made)
    connection = made
    core.wake(task)
  end)
  core.wait(30)
  return assert(connection)
end

-- Looks, one in 10 ms, and seconds until the socket of a connection that is closed
-- has gone; at most 500 looks. A busy machine makes the looks few, not many.
local function time_to_close(bytes)
  local handles <const>, port <const> = deaf_server()
  local connection <const> = connect(port)
  local outcome
  connection:write(bytes, function(ok)
    outcome = ok or false
  end)
  core.sleep(0.05)
  local start <const>, looks = core.now(), 0
  connection:close()
  while not connection.handle:is_closing() and looks < 500 do
    core.sleep(0.01)
    looks = looks + 1
  end
  local took <const> = core.now() - start
  for _, handle in ipairs(handles) do
    handle:close()
  end
  core.sleep(0.01)
  return looks, took, outcome
end

describe("a link that is closed", function()
  it("is gone soon though its peer reads nothing", async(function()
    local looks <const>, took <const>, outcome <const> = time_to_close(MUCH)
    assert.is_true(took > 0.8, took)
    assert.is_true(looks < 250, looks)
    assert.is_false(outcome)
  end))

  it("is gone at once when all was sent", async(function()
    local looks <const>, _, outcome <const> = time_to_close("hello")
    assert.is_true(looks < 50, looks)
    assert.is_true(outcome)
  end))
end)
