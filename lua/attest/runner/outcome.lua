-- SPDX-License-Identifier: MIT
--
-- Outcomes: their severity, what an error means, and the exit code.
--
-- Pure. FAIL: a limit judged the product bad. ERROR: no judgement was
-- possible. Nothing below PASS can become PASS by rolling up.

local errors <const> = require "attest.error"
local text <const> = require "attest.text"

local outcome <const> = {}

local SEVERITY <const> = { SKIPPED = 0, PASS = 1, FAIL = 2, TIMEOUT = 3, ERROR = 4, ABORTED = 5 }

--- Tells the worse of two outcomes.
-- @tparam string one
-- @tparam string other
-- @treturn string
function outcome.worse(one, other)
  return SEVERITY[one] >= SEVERITY[other] and one or other
end

-- What the record takes of an error object, and of which type it must be.
local FIELDS <const> = {
  code = "string", message = "string", command = "string", traceback = "string",
  guard = "string", measurement = "string", number = "number",
}

-- Longest text of an error, in bytes.
local LONGEST <const> = 4096

local function is_sound(err)
  for name, wanted in pairs(FIELDS) do
    local value <const> = err[name]
    if value ~= nil and (type(value) ~= wanted or wanted == "string" and #value > LONGEST) then
      return false
    end
  end
  return err.message ~= nil and errors.codes[err.code] ~= nil
end

-- A script may fill an error object with anything; the record may not.
local function repair(err)
  local sound <const> = {}
  for name, wanted in pairs(FIELDS) do
    local value <const> = err[name]
    if value ~= nil and wanted == "string" then
      sound[name] = text.shorten(errors.text(value), LONGEST)
    elseif type(value) == wanted then
      sound[name] = value
    end
  end
  if not errors.codes[sound.code] then
    sound.code = "script"
  end
  return errors.new(sound)
end

-- What Lua says, without a place, when the allocator refuses.
local NO_MEMORY <const> = "not enough memory"

local function message_of(err)
  local metatable <const> = getmetatable(err)
  if type(err) == "string" or type(err) == "number" or metatable ~= nil then
    return errors.text(err)
  end
  return ("the script raised %s, not a message"):format(err == nil and "nil" or "a " .. type(err))
end

--- Turns whatever was raised into an error object that a record can hold.
-- @param err object, string or anything else
-- @tparam[opt] string traceback
-- @treturn table error object; what a script raised as text has code "script"
function outcome.as_error(err, traceback)
  if err == NO_MEMORY then
    return errors.new { code = "script", message = NO_MEMORY .. ": more than a run may hold" }
  elseif not errors.is(err) then
    return errors.new {
      code = "script", message = text.shorten(message_of(err), LONGEST),
      traceback = traceback and text.shorten(traceback, LONGEST),
    }
  end
  return is_sound(err) and err or repair(err)
end

--- Tells which outcome an error object makes.
-- @tparam table err
-- @treturn string TIMEOUT, ABORTED or ERROR
function outcome.of_error(err)
  return ({ timeout = "TIMEOUT", aborted = "ABORTED" })[err.code] or "ERROR"
end

-- Trying again cures neither a bug in the script nor a lost port.
local FINAL <const> = {
  script = true, watchdog = true, guard = true, closed = true, invalid = true,
  unsupported = true, internal = true,
}

--- Tells whether another attempt could come out better.
-- @tparam string result outcome of the attempt
-- @tparam[opt] table err what ended it
-- @treturn boolean
function outcome.is_retryable(result, err)
  return result ~= "PASS" and result ~= "ABORTED" and not (err and FINAL[err.code])
end

--- Tells the exit code of everything that ran. An interruption is told before
-- a record (or a file of it) that was not stored, and that before any verdict.
-- @tparam table tally `runs`, `worst` outcome, `unstored` and `unexported` counts, `signal`
-- exit code or nil, `broken` when a bug ended a run
-- @treturn integer
function outcome.exit_code(tally)
  if tally.signal then
    return tally.signal
  elseif tally.broken then
    return 70
  elseif tally.unstored + tally.unexported > 0 then
    return 5
  elseif tally.runs == 0 then
    return 4
  end
  return ({ PASS = 0, FAIL = 1, ABORTED = 3 })[tally.worst] or 3
end

return outcome
