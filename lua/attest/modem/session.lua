-- SPDX-License-Identifier: MIT
--- What every script needs of a module first: is it there, is it the right one,
-- is it on the network, who is it. Which commands answer that is in the profile.

local check_options <const> = require("attest.modem.options").check
local core <const> = require "attest.core"
local error_object <const> = require "attest.error"
local legible <const> = require "attest.dialog.legible"

local session <const> = {}

local known <const> = { timeout = "seconds above 0" }

--- Seconds that an AT may take while a module starts: at first, and at most.
local PROBE <const>, SLOWEST <const> = 1, 8

--- Checks that the firmware answers like the module that the script is for.
local function check_identity(dut)
  local identity <const> = dut.module.profile.identity
  if not identity then
    return true
  end
  local answer <const>, err <const> = dut.try[identity.entry](dut.try)
  if error_object.is(err, "rejected") then
    return nil, error_object.new {
      code = "protocol", message = ("this is no %s: %s"):format(dut.module.name, err.message),
    }
  elseif not answer then
    return nil, err
  end
  local value <const> = answer[identity.field]
  if tostring(value):find(identity.match) then
    return true
  end
  return nil, error_object.new {
    code = "protocol",
    message = ("this is no %s: its %s is %q, expected one that matches %q"):format(
      dut.module.name, identity.field, tostring(value), identity.match),
  }
end

--- Waits until the module answers, and checks that it is the right one.
-- @tparam[opt] table options `timeout` in seconds, default the profile's `boot_timeout`
-- @treturn boolean true
-- @raise attest.error "timeout" when nothing answers, "protocol" when something else does
function session.ready(dut, options)
  check_options("ready", options, known)
  local timeout <const> = options and options.timeout or dut.module.profile.boot_timeout or 60
  local deadline <const> = core.now() + timeout
  local since <const>, heard, patience = dut.port:received(), false, PROBE
  while true do
    local left <const>, before <const> = deadline - core.now(), dut.port:received()
    local answer <const>, err <const> =
      dut.try:at("AT", { timeout = math.max(0.1, math.min(patience, left)) })
    if answer then
      return check_identity(dut)
    elseif not error_object.is(err, "timeout") and not error_object.is(err, "reset") then
      return nil, err
    end
    heard = heard or dut.dialog.is_legible
    if dut.port:received() > before then -- slow, not deaf: its answer may take longer than this
      patience = math.min(2 * patience, SLOWEST)
    end
    if core.now() >= deadline then
      return nil, error_object.new {
        code = "timeout", command = "AT", seconds = timeout,
        message = ("AT: no answer within %g s%s"):format(timeout,
          heard and "" or legible.diagnosis(dut.dialog, since)),
      }
    end
  end
end

--- Waits until the module is registered with a network.
-- @tparam[opt] table options `timeout` in seconds, default 60
-- @treturn table the last answer, with `seconds` that it took
-- @raise attest.error "timeout", with the last state
function session.registered(dut, options)
  check_options("registered", options, known)
  local timeout <const> = options and options.timeout or 60
  local spec <const> = dut.module.profile.registration
  local start <const> = core.now()
  while true do
    local answer <const>, err <const> = dut.try[spec.entry](dut.try)
    if not answer then
      return nil, err
    elseif answer[spec.field] then
      answer.seconds = core.now() - start
      return answer
    elseif core.now() - start >= timeout then
      return nil, error_object.new {
        code = "timeout", seconds = timeout,
        message = ("not registered within %g s (state %s)"):format(timeout, tostring(answer.stat)),
      }
    end
    core.sleep(math.min(0.5, timeout))
  end
end

--- Tells whether a string of digits has a correct Luhn check digit.
local function is_luhn(digits)
  local sum = 0
  for i = 1, #digits do
    local d = tonumber(digits:sub(-i, -i))
    if i % 2 == 0 then
      d = d * 2
      d = d > 9 and d - 9 or d
    end
    sum = sum + d
  end
  return sum % 10 == 0
end

local READS <const> = 4

--- Reads the IMEI until two reads in a row agree: a corrupted byte may look like a digit.
-- @treturn string 15 digits with a correct check digit
-- @raise attest.error "protocol" when the reads differ or the check digit is wrong
function session.imei(dut)
  local spec <const> = dut.module.profile.imei
  local last
  for _ = 1, READS do
    local answer <const>, err <const> = dut.try[spec.entry](dut.try)
    if not answer then
      return nil, err
    end
    local imei <const> = answer[spec.field]
    if imei == last then
      if is_luhn(imei) then
        return imei
      end
      return nil, error_object.new {
        code = "protocol", message = ("IMEI %q has a wrong check digit"):format(imei),
      }
    end
    last = imei
  end
  return nil, error_object.new {
    code = "protocol", message = ("IMEI: %d reads and no two in a row agree"):format(READS),
  }
end

return session
