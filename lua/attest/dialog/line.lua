-- SPDX-License-Identifier: MIT
--- The serial line below a dialog: which settings a command asks for, whether
-- the port can have them, when to take them over, and which ones a module has.
--
-- Which arguments of a command are line settings is in the catalogue (its
-- form's `effects.line`; true: those of the profile). Invariant: host and
-- module never part by a command that was refused.

local codec <const> = require "attest.codec"
local error_object <const> = require "attest.error"
local prelude <const> = require "attest.dialog.prelude"
local turn <const> = require "attest.dialog.turn"

local line <const> = {}

--- How long one AT of a scan waits, in seconds.
local PATIENCE <const> = 1
--- How many AT each setting gets: the first may only wake the module up.
local PROBES <const> = 2
--- How many where text came: it is there, but is busy or boots.
local MOST_PROBES <const> = 4
--- How often a scan begins anew: a module that was booting is there then.
local ROUNDS <const> = 2
--- How long a scan may wait for its turn, in seconds.
local TURN <const> = 120

local SETTINGS <const> = { "baud", "data_bits", "parity", "stop_bits" }

--- Tells the settings to which a command takes the module: those that its
-- arguments stand for, or the module's own.
-- @tparam table module of the catalogue
-- @tparam table form with `effects.line`
-- @tparam table values its arguments, as the module takes them
-- @treturn table as `port:set` takes it
function line.wanted(module, form, values)
  local means <const>, wanted <const> = {}, {}
  if form.effects.line == true then
    for _, option in ipairs(SETTINGS) do
      wanted[option] = module.profile[option]
    end
    return wanted
  end
  for _, arg in ipairs(form.args) do
    means[arg.name] = arg.type.means
  end
  for option, name in pairs(form.effects.line) do
    local map <const> = means[name]
    wanted[option] = map and map[values[name]] or values[name]
  end
  return wanted
end

local function is_contained(part, whole)
  for key, value in pairs(part) do
    if whole[key] ~= value then
      return false
    end
  end
  return true
end

--- Refuses a command that asks for settings which the port cannot have. Only
-- the driver knows them, and it tells by taking them: they are set and taken
-- back. Settings that the catalogue does not know are left to the module.
-- @tparam attest.dialog d held by the caller
-- @tparam ?table form of the catalogue
-- @tparam string text the command
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] attest.error "invalid"; nothing was sent
function line.check(d, form, text)
  local parsed <const> = form and form.effects.line and codec.parse(d.module, text)
  if not parsed then
    return true
  end
  local before <const>, wanted <const> = d.port:format(), line.wanted(d.module, form, parsed.args)
  if is_contained(wanted, before) then
    return true
  end
  local called <const>, done, message = pcall(d.port.set, d.port, wanted)
  d.port:set(before)
  if called and done then
    return true
  end
  message = called and tostring(message):gsub("^%u%w*: ", "") or done
  return nil, error_object.new {
    code = "invalid", command = text,
    message = ("%s: this port cannot follow: %s"):format(text, message),
  }
end

--- Follows the module to the settings that it was just told. Its answer proves
-- that all that was written has left the port.
-- @tparam attest.dialog d
-- @tparam table form
-- @tparam table values
function line.switch(d, form, values)
  local wanted <const> = line.wanted(d.module, form, values)
  local before <const> = d.port:baud()
  local done <const>, message <const> = d.port:set(wanted)
  if not done then
    d:tell("noise", message)
  elseif wanted.baud and wanted.baud ~= before then
    d:tell("flag", "baud_switched")
  end
end

-- scanning ----------------------------------------------------------------------

--- Asks at one setting. Returns whether something answered; what came is noted.
local function ask(d, candidate)
  local done <const>, message <const> = d.port:set(candidate.settings)
  if not done then
    candidate.refused = tostring(message)
    return false
  end
  d.owed = nil -- what was asked at another rate is answered at none
  local since <const> = d.port:received()
  local tries, most = 0, PROBES
  while tries < most do
    tries = tries + 1
    local answer <const>, err <const> = d:converse(prelude.probe(PATIENCE))
    if answer or error_object.is(err, "rejected") then
      return true -- a refusal of AT is text, too
    elseif d.closed then
      return nil, err
    elseif d.is_legible then
      candidate.is_legible, most = true, MOST_PROBES
    end
  end
  candidate.bytes = (candidate.bytes or 0) + d.port:received() - since
  return false
end

--- Looks for the settings at which the module answers AT, each in turn, twice
-- over. Takes at most 4 s for each, 8 s where text comes that answers nothing.
-- @tparam attest.dialog d
-- @tparam table list of candidates `{ settings = }`, most likely first; what
--   came at each is noted in it: `bytes`, `is_legible`, `refused` (by the port)
-- @treturn[1] table the candidate; the port has its settings
-- @treturn[2] nil nothing answered; the port is as it was
-- @treturn[2] ?attest.error "busy", or "closed": the port went
function line.scan(d, list)
  if not turn.take(d, TURN) then
    return nil, d.closed or error_object.new {
      code = "busy", command = "AT", message = "AT: another command ran all the time",
    }
  end
  local lock <close> = d.lock -- luacheck: ignore 211/lock
  local before <const> = d.port:format()
  for _ = 1, ROUNDS do
    for _, candidate in ipairs(list) do
      if d.closed then
        return nil, d.closed
      end
      local found <const>, err <const> = ask(d, candidate)
      if found or err then
        return found and candidate or nil, err
      end
    end
  end
  d.port:set(before)
  return nil
end

return line
