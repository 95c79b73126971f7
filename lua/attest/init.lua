-- SPDX-License-Identifier: MIT
--- attest, as scripts see it: `local attest = require "attest"`.
--
-- A facade: opens modules, makes plans, runs tasks. What it does is elsewhere.

local address <const> = require "attest.address"
local core <const> = require "attest.core"
local folders <const> = require "attest.catalogue.folders"
local error_object <const> = require "attest.error"
local modem <const> = require "attest.modem"
local plan <const> = require "attest.plan"
local port <const> = require "attest.port"

local attest <const> = {
  attach = modem.attach,
  error = error_object,
  now = core.now,
  plan = plan.new,
  sleep = core.sleep,
  spawn = core.spawn,
  version = core.version,
}

local port_options <const> = {
  "baud", "data_bits", "parity", "stop_bits", "flow", "dtr", "rts", "dtr_close", "rts_close",
  "shared", "max_line",
}

--- Splits the options of `open` into those of the port and those of the module.
local function split(options)
  local ports <const>, rest <const> = {}, {}
  for key, value in pairs(options) do
    rest[key] = value
  end
  for _, key in ipairs(port_options) do
    ports[key], rest[key] = rest[key], nil
  end
  return ports, rest
end

--- Refuses what is no path, and options that are no table.
local function check(path, options)
  local problem <const> = type(path) ~= "string" and ("the path is a %s, expected a string")
      :format(type(path))
    or options ~= nil and type(options) ~= "table" and ("options are a %s, expected a table")
      :format(type(options))
  if problem then
    return nil, error_object.new { code = "invalid", message = "open: " .. problem }
  end
  return true
end

--- Refuses `baud = "auto"` where it cannot be found.
local function check_auto(path, options)
  local reason <const> = options.passthrough and "a module in passthrough answers no AT"
    or not core.current() and "this waits for the module: open it in attest.run"
  if reason then
    return nil, error_object.new {
      code = "invalid", message = ("%s: baud \"auto\": %s"):format(path, reason),
    }
  end
  return true
end

--- Finds the rate of the module; one that is not found is closed, and so is
-- one whose search is cut short.
local function at_its_rate(dut)
  local is_found = false
  local guard <close> = setmetatable({}, { __close = function() -- luacheck: ignore 211/guard
    if not is_found then
      dut:close()
    end
  end })
  local baud <const>, err <const> = require("attest.modem.rate").search(dut)
  is_found = baud ~= nil
  return is_found and dut or nil, err
end

local function open_any(path, ports, rest)
  rest.catalogue = folders.list(rest.catalogue)
  local where <const>, err <const> = address.parse(path)
  if not where then
    return nil, err
  end
  rest.module = rest.module or where.module or "ct12"
  local module <const>, failed <const> = modem.module(rest.module, rest.catalogue)
  if not module then
    return nil, failed
  end
  local opened <const>, far <const> = port.open(where, ports, rest.catalogue)
  if not opened then
    return nil, far
  end
  rest.module, rest.path, rest.simulated = module, path, far
  local dut <const> = modem.attach(opened, rest)
  if where.kind == "replay" then
    far:on("failed", function(why)
      dut.dialog:shut(why)
    end)
  end
  return dut
end

--- Opens a module.
-- @tparam string path a device, a PTY, `sim:ct12?set=rssi=5` or `replay:field.txt`
-- @tparam[opt] table options `module` (default: what the path says, else "ct12"), port options
--   (`baud`, `parity`, `dtr`...), `echo`, `wakeup`, `catalogue` (folders of modules of your own,
--   searched before your default one). `baud = "auto"` finds the rate, in a task: it asks AT at
--   every rate that the catalogue lists, 2 s at each and all of them twice, so that nine take
--   36 s when nothing answers
-- @treturn[1] attest.dut
-- @treturn[2] nil
-- @treturn[2] attest.error "not_found", "busy", "invalid", "io"; "timeout" when the module was
--   found at no rate
function attest.try_open(path, options)
  local fine <const>, refusal <const> = check(path, options)
  if not fine then
    return nil, refusal
  end
  local ports <const>, rest <const> = split(options or {})
  local is_auto <const> = ports.baud == "auto"
  if is_auto then
    local can_be <const>, reason <const> = check_auto(path, rest)
    if not can_be then
      return nil, reason
    end
    ports.baud = nil
  end
  local dut <const>, err <const> = open_any(path, ports, rest)
  if dut and is_auto then
    return at_its_rate(dut)
  end
  return dut, err
end

--- Opens a module; raises where `try_open` returns an error.
-- @tparam string path
-- @tparam[opt] table options as for `try_open`
-- @treturn attest.dut
-- @usage local dut <close> = attest.open("/dev/ttyUSB0", { module = "ct12" })
function attest.open(path, options)
  local dut <const>, err <const> = attest.try_open(path, options)
  if not dut then
    error(err, 0)
  end
  return dut
end

--- Runs a function as a task until it ends. Inside a task it is just called.
-- @tparam function fn
-- @param ... its arguments
-- @return what it returns
function attest.run(fn, ...)
  if core.current() then
    return fn(...)
  end
  local results <const> = table.pack(core.run(core.spawn(fn, ...)))
  if not results[1] then
    error(error_object.is(results[2]) and results[2]
      or tostring(results[2]) .. "\n" .. tostring(results[3]), 0)
  end
  return table.unpack(results, 2, results.n)
end

return attest
