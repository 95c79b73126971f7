-- SPDX-License-Identifier: MIT
--- The rate at which host and module meet: changes it on both sides, and finds
-- that of a module which was left anywhere.
--
-- Which command sets the rate, and which rates there are, is in the catalogue
-- (a form with `effects.line`); knows no command by name but AT.

local core <const> = require "attest.core"
local codec <const> = require "attest.codec"
local error_object <const> = require "attest.error"
local legible <const> = require "attest.dialog.legible"
local line <const> = require "attest.dialog.line"
local steps <const> = require "attest.dialog.steps"

local rate <const> = {}

--- Rates in the order in which modules are met at them.
local USUAL <const> = { 115200, 9600, 57600, 38400, 19200, 230400, 460800, 921600, 4800 }
--- How long only the boot word is waited for after a change, in seconds.
local LISTEN <const> = 5
--- How long each AT after that, in seconds.
local PROBE <const> = 1
--- How long a module may take to restart where no one says, in seconds.
local BOOT <const> = 60

-- which rates -------------------------------------------------------------------

--- The argument that sets the rate, in whichever command does.
local function rate_argument(module)
  for _, entry in ipairs(module.list) do
    for _, form in ipairs(entry.forms) do
      local effect <const> = form.effects.line
      local name <const> = type(effect) == "table" and effect.baud
      for _, arg in ipairs(name and form.args or {}) do
        if arg.name == name then
          return arg
        end
      end
    end
  end
  return nil
end

--- Whether a type takes a rate; without one every usual rate may be.
local function takes(type, baud)
  if not type then
    return true
  elseif type.kind == "int" then
    return baud >= type.min and baud <= type.max
  end
  for _, code in ipairs(type.order or {}) do
    if (type.means and type.means[code] or code) == baud then
      return true
    end
  end
  return false
end

--- Lists the rates at which a module can be, most likely first.
-- @tparam table module of the catalogue
-- @treturn table of bits per second
function rate.list(module)
  local arg <const> = rate_argument(module)
  local type <const> = arg and arg.type
  local list <const>, seen <const> = {}, {}
  local function add(baud)
    if math.type(baud) == "integer" and not seen[baud] then
      seen[baud] = true
      list[#list + 1] = baud
    end
  end
  add(module.profile.baud)
  for _, baud in ipairs(USUAL) do
    if takes(type, baud) then
      add(baud)
    end
  end
  for _, code in ipairs(type and type.order or {}) do
    add(type.means and type.means[code] or code)
  end
  return list
end

-- finding a module --------------------------------------------------------------

local function describe(candidate)
  local seen = "nothing"
  if candidate.refused then
    seen = candidate.refused
  elseif candidate.is_legible then
    seen = "lines but no answer"
  elseif (candidate.bytes or 0) > 0 then
    seen = legible.bytes(candidate.bytes)
  end
  return ("at %d %s"):format(candidate.settings.baud, seen)
end

local function describe_all(list)
  local parts <const> = {}
  for i, candidate in ipairs(list) do
    parts[i] = describe(candidate)
  end
  return table.concat(parts, "; ")
end

--- Finds the rate of a module; the host stays at it. Each of the rates of
-- `rate.list` is asked twice, for 1 s, and all of them once more, since a
-- module that boots is silent: 36 s for nine rates when nothing answers.
-- @tparam attest.dut dut
-- @treturn[1] integer bits per second
-- @treturn[2] nil
-- @treturn[2] attest.error "timeout" with what came at each rate, or "closed"
function rate.search(dut)
  local list <const> = {}
  for i, baud in ipairs(rate.list(dut.module)) do
    list[i] = { settings = { baud = baud } }
  end
  local found <const>, err <const> = line.scan(dut.dialog, list)
  if found then
    return found.settings.baud
  end
  return nil, err or error_object.new {
    code = "timeout", command = "AT",
    message = ("%s: AT: no answer at any rate: %s"):format(dut.path, describe_all(list)),
  }
end

-- changing it -------------------------------------------------------------------

--- Waits for the boot word, then for an answer to AT.
local function meet(dut, boot, deadline)
  local listens_until <const> = math.min(deadline, core.now() + (boot.word and LISTEN or 0))
  while not boot.came and core.now() < listens_until do
    core.wait(listens_until - core.now())
  end
  repeat
    local left <const> = deadline - core.now()
    local answer <const>, err <const> =
      dut.try:at("AT", { timeout = math.max(0.1, math.min(PROBE, left)) })
    if answer or error_object.is(err, "rejected") then
      return true
    elseif error_object.is(err, "closed") then
      return nil, err
    end
  until core.now() >= deadline
  return false
end

--- The module is not where it should be: looks there once more, where it was,
-- and at every other rate.
local function recover(dut, text, change, happened)
  local list <const> = { { settings = change.wanted }, { settings = change.before } }
  for _, baud in ipairs(rate.list(dut.module)) do
    if baud ~= change.wanted.baud and baud ~= change.before.baud then
      local settings <const> = { baud = baud }
      for key, value in pairs(change.before) do
        settings[key] = settings[key] or value
      end
      list[#list + 1] = { settings = settings }
    end
  end
  local found <const>, err <const> = line.scan(dut.dialog, list)
  if found == list[1] then
    return true
  elseif err then
    return nil, err
  end
  local where <const> = found
    and ("it is at %d, where the host is now, too"):format(found.settings.baud)
    or "it is at no rate: " .. describe_all(list)
  return nil, error_object.new {
    code = "timeout", command = text, baud = found and found.settings.baud,
    message = ("%s; %s"):format(happened, where),
  }
end

local function find_reader(entry)
  for _, form in ipairs(entry.forms) do
    if form.kind == "read" then
      return form
    end
  end
  return nil
end

--- The module's own word for its settings, in the host's words.
local function means_of(reader)
  local means <const> = {}
  for _, row in ipairs(reader.info) do
    for _, field in ipairs(row.fields) do
      means[field.name] = field.type.means
    end
  end
  return means
end

--- Reads back what was set: two codes may mean one setting.
local function read_back(dut, entry, form, text, wanted)
  local reader <const> = find_reader(entry)
  if not reader or form.effects.line == true then
    return {}
  end
  local answer <const>, err <const> = dut.try[entry.name](dut.try, nil, { kind = "read" })
  if not answer then
    return nil, err
  end
  local means <const> = means_of(reader)
  for option, name in pairs(form.effects.line) do
    local code <const> = answer[name]
    local value <const> = means[name] and means[name][code] or code
    if value ~= nil and value ~= wanted[option] then
      return nil, error_object.new {
        code = "protocol", command = text,
        message = ("%s: the module says that its %s is %s, expected %s"):format(text, name,
          tostring(value), tostring(wanted[option])),
      }
    end
  end
  return answer
end

--- Runs a command that changes the line of the module, follows it, and proves
-- that both understand each other: the boot word, AT, and the settings read
-- back. Where that fails the module is looked for at every rate.
-- @tparam attest.dut dut
-- @tparam table plan of the call, of a form with `effects.line`
-- @tparam ?number timeout in seconds, until the module must be there
-- @treturn[1] table the settings read back; empty where no command reads them
-- @treturn[2] nil
-- @treturn[2] attest.error "timeout" with the rate at which it was found, if
--   any, in `baud`; "invalid" when the port cannot have these settings;
--   "protocol" when the module read back others; "rejected", "closed", "busy"
function rate.change(dut, plan, timeout)
  local text <const>, entry <const>, form <const> =
    plan.text, plan.course.entry, plan.course.form
  local d <const>, profile <const> = dut.dialog, dut.module.profile
  local patience <const> = form.timeout or profile.timeout
  local restart <const> = form.effects.reboots and (profile.boot_timeout or BOOT) or 0
  local deadline <const> = core.now()
    + (timeout or patience + math.max(steps.patience(form.completion), restart))
  local change <const> = {
    before = dut.port:format(),
    wanted = line.wanted(dut.module, form, codec.parse(dut.module, text).args),
  }
  local boot <const> = { word = form.effects.reboots and profile.boot_word, came = false }
  local task <const> = core.current()
  local handler <close> = boot.word -- luacheck: ignore 211/handler
    and d.router:on(boot.word, function()
      boot.came = true
      core.wake(task)
    end) or nil

  local course <const> = d:course { form = form, entry = entry }
  local answer <const>, err <const> = d:run(d:plan(text, course),
    math.min(patience, timeout or patience))
  if not answer and not error_object.is(err, "timeout") and not error_object.is(err, "reset") then
    return nil, err
  end
  local met, failed = false, nil
  if answer then
    met, failed = meet(dut, boot, deadline)
  end
  if met == false then
    met, failed = recover(dut, text, change, answer
      and ("%s: answered OK, but then no answer at %d"):format(text, dut.port:baud())
      or err.message)
  end
  if not met then
    return nil, failed
  end
  return read_back(dut, entry, form, text, change.wanted)
end

return rate
