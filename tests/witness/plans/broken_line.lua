-- SPDX-License-Identifier: MIT
--
-- Sends for ever on a link in direct mode until the line breaks, says how that
-- ended, waits until the line is back, and opens a new link. Not a plan: it
-- runs under `attest lua`.
--
--     attest lua broken_line.lua LINE FAR_PORT

local attest <const> = require "attest"
local core <const> = require "attest.core"

local LINE <const>, FAR_PORT <const> = arg[1], math.tointeger(arg[2])

local function say(...)
  print(string.format(...))
  io.stdout:flush()
end

local function open_link(dut)
  return dut:passthrough { host = "echo.example.net", port = FAR_PORT }
end

local function send_until_it_fails(link)
  while true do
    local done <const>, err <const> = link.try:write(("x"):rep(4096), { timeout = 5 })
    if not done then
      return err
    end
    core.sleep(0)
  end
end

local function open_again()
  local deadline <const> = core.now() + 20
  while true do
    local dut <const>, err <const> =
      attest.try_open(LINE, { module = "ct12", passthrough = true })
    if dut then
      return dut
    end
    assert(core.now() < deadline, err)
    core.sleep(0.05)
  end
end

attest.run(function()
  do
    local dut <close> = attest.open(LINE, { module = "ct12" })
    dut:ready()
    dut:registered()
    local link <const> = open_link(dut)
    local reader <const> = core.spawn(function()
      return select(2, link.try:read(64 << 20, { timeout = 30 })).code
    end)
    core.spawn(function()
      core.sleep(0.3)
      say("sending")
    end)
    local start <const> = core.now()
    say("write: %s", send_until_it_fails(link).code)
    say("read: %s", select(2, reader:join(5)))
    say("within %s", core.now() - start < 10 and "its time" or "far too long")
    say("close: %s", select(2, link.try:close()).code)
  end
  local dut <close> = open_again()
  dut:escape()
  dut:at("AT+QICLOSE=3")
  local link <close> = open_link(dut)
  link:write("still here")
  say("echo: %s", link:read(10))
end)
