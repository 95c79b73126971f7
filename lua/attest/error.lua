-- SPDX-License-Identifier: MIT
--- Error objects: what every expected failure of attest is.
--
-- An error is a table with a stable `code` and a `message` for a person; it may
-- also carry the command, the lines that came, the module's own number and its
-- meaning. It knows nobody; everybody may require it.

local error_object <const> = {}

local mt <const> = { __name = "attest.error" }

--- Codes and what they say; no other code is ever raised by attest.
error_object.codes = {
  aborted     = "the run was stopped by the operator",
  busy        = "somebody else uses it",
  cancelled   = "the task was cancelled",
  closed      = "the port or connection is gone",
  internal    = "a bug in attest",
  invalid     = "an argument or a value is wrong; nothing was sent",
  io          = "the operating system refused",
  not_found   = "there is no such thing",
  overflow    = "more came than is kept for a reader",
  protocol    = "the module answered something that its manual does not allow",
  rejected    = "the module refused",
  reset       = "the module rebooted",
  script      = "the script is wrong",
  timeout     = "no answer in time",
  unsupported = "this module or system cannot do it",
  watchdog    = "the script ran too long without waiting",
  guard       = "something happened that the plan forbids",
}

-- Longest run of a __tostring, in instructions: some milliseconds.
local LONGEST_SHOW <const> = 1000000

-- tostring() in a coroutine, for its hook: past the limit each instruction
-- raises, so that no pcall keeps it running.
local function show(value)
  local thread <const> = coroutine.create(tostring)
  local function stop()
    debug.sethook(thread, stop, "", 1)
    error("too long", 0)
  end
  debug.sethook(thread, stop, "", LONGEST_SHOW)
  local ok <const>, text <const> = coroutine.resume(thread, value)
  return ok and type(text) == "string" and text or error(text, 0)
end

--- Turns any value into text; never raises, whatever its `__tostring` does, and
-- ends soon.
-- @param value anything
-- @treturn string
function error_object.text(value)
  local ok <const>, text <const> = pcall(type(value) == "string" and tostring or show, value)
  return ok and text or ("a %s that cannot be shown"):format(type(value))
end

function mt:__tostring()
  return error_object.text(self.message)
end

--- Makes an error object.
-- @tparam table fields `code` (one of `codes`), `message`, and what else helps
-- @treturn attest.error
function error_object.new(fields)
  if not error_object.codes[fields.code] then
    error(("unknown error code %q"):format(tostring(fields.code)), 2)
  end
  fields.message = fields.message or error_object.codes[fields.code]
  return setmetatable(fields, mt)
end

--- Raises an error object.
-- @tparam table fields as for `new`
function error_object.raise(fields)
  error(error_object.new(fields), 0)
end

--- Tells whether a value is an error object.
-- @param value anything
-- @tparam[opt] string code only one with this code
-- @treturn boolean
function error_object.is(value, code)
  return getmetatable(value) == mt and (code == nil or value.code == code)
end

--- Turns whatever was raised into an error object.
-- @param value an error object (returned as it is) or anything else
-- @tparam[opt="script"] string code for what is none
-- @treturn attest.error
function error_object.wrap(value, code)
  if error_object.is(value) then
    return value
  end
  return error_object.new { code = code or "script", message = error_object.text(value) }
end

local of_name <const> = {
  EACCES = "io", EBUSY = "busy", ECANCELED = "closed", ECONNREFUSED = "closed",
  ECONNRESET = "closed", EINVAL = "invalid", EIO = "closed", ENODEV = "closed",
  ENOENT = "not_found", ENOTSUP = "unsupported", ENXIO = "closed", EOF = "closed",
  EPIPE = "closed", ETIMEDOUT = "timeout",
}

--- Turns a failure of attest.core or luv (`nil, message, name`) into an object.
-- @tparam string message
-- @tparam string name such as "ENOENT"
-- @tparam[opt] table fields more fields for the object
-- @treturn attest.error
function error_object.from_core(message, name, fields)
  fields = fields or {}
  fields.code = fields.code or of_name[name] or "io"
  fields.name = name
  local text <const> = tostring(message):gsub("^%u%w*: ", "")
  fields.message = fields.message and fields.message .. ": " .. text or text
  return error_object.new(fields)
end

--- Makes a function that raises of one that returns `nil, err`.
-- @tparam function fn
-- @treturn function
function error_object.raising(fn)
  return function(...)
    local result <const>, err <const> = fn(...)
    if result == nil and err ~= nil then
      error(err, 0)
    end
    return result
  end
end

return error_object
