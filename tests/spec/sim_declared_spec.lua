-- SPDX-License-Identifier: MIT
--
-- What a simulated module makes of commands that it knows from the catalogue
-- only, on the virtual clock.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"

core.virtual()

local ROOT <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."

local function started(options)
  local given <const> = {
    module = "declared", catalogue = { ROOT .. "/tests/support/catalogue" },
  }
  for key, value in pairs(options or {}) do
    given[key] = value
  end
  return bare_client.started(given)
end

-- Each command and the lines that it must get.
local function facts(client, list)
  for _, fact in ipairs(list) do
    local command <const> = table.remove(fact, 1)
    assert.same(fact, client:lines(command, 3), command)
  end
end

describe("a command that is only declared:", function()
  it("a query prints its example until something is set", async(function()
    local client <close> = started()
    facts(client, {
      { "AT+LED?", "+LED:4", "OK" },
      { "AT+LED=7", "OK" },
      { "AT+LED?", "+LED:7", "OK" },
      { "AT+LED=10", "ERROR=103" },
      { "AT+RST", "OK", "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" },
      { "AT+LED?", "+LED:4", "OK" },
    })
  end))

  it("a query without an example prints the defaults, or is unknown", async(function()
    local client <close> = started()
    facts(client, {
      { "AT+FAN?", '+FAN:3,"left"', "OK" },
      { "AT+MODE?", "ERROR=104" },
    })
  end))

  it("a setting that writes the flash outlasts a reboot, not a restoring", async(function()
    local client <close> = started()
    facts(client, {
      { 'AT+FAN=5,"right"', "OK" },
      { "AT+MODE=1", "OK", "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" },
      { "AT+FAN?", '+FAN:5,"right"', "OK" },
      { "AT+MODE?", "+MODE:1", "OK" },
      { "AT+RESTORE", "OK", "RDY", "SIM_SUCCESS", "NETWORK_ACTIVATE_SUCCESS" },
      { "AT+FAN?", '+FAN:3,"left"', "OK" },
    })
  end))

  it("its flash is in the state file", async(function()
    local path <const> = os.tmpname()
    os.remove(path)
    do
      local client <close> = started { state = path }
      facts(client, { { "AT+FAN=9", "OK" } })
    end
    do
      local client <close> = started { state = path }
      facts(client, { { "AT+FAN?", '+FAN:9,"left"', "OK" } })
    end
    os.remove(path)
  end))

  it("one that answers OK and nothing else does so", async(function()
    local client <close> = started()
    facts(client, { { "AT+BEEP", "OK" }, { "AT+BEEP?", "ERROR=104" } })
  end))

  it("others answer as their example does, with these arguments only", async(function()
    local client <close> = started()
    facts(client, {
      { "AT+TEMP", "+TEMP:25", "OK" },
      { "AT+TEMP=2", "+TEMP:7", "OK" },
      { "AT+TEMP=3", "ERROR=102" },
      { "AT+TEMP=4", "ERROR=104" },
      { "AT+LOAD=3", "ERROR=104" },
    })
  end))

  it("what the model refuses stays unknown", async(function()
    local client <close> = started()
    facts(client, { { 'AT+OTA=1,"x"', "ERROR=104" }, { "AT+GMR", "+VERSION=CT12_V1.0.1", "OK" } })
  end))
end)
