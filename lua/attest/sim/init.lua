-- SPDX-License-Identifier: MIT
--
-- A simulated module: behaves on a port as its manual says, with real peers
-- behind it. Shares the catalogue with the host and nothing else of it.
--
--     local module <close> = sim.new { module = "ct12", set = { rssi = 9 } }
--     module:serve(core.pty {})
--
-- Runs on whatever clock the core runs on; with an in-process `net` an hour
-- of its life takes milliseconds.

local core <const> = require "attest.core"
local catalogue <const> = require "attest.catalogue"
local errors <const> = require "attest.error"
local fault <const> = require "attest.sim.fault"
local flash <const> = require "attest.sim.flash"
local machine <const> = require "attest.sim.machine"
local net <const> = require "attest.sim.net"
local settings <const> = require "attest.sim.settings"
local storm <const> = require "attest.sim.fault.storm"

local sim = {}

local MODELS <const> = { ct12 = "attest.sim.ct12", ml302 = "attest.sim.ml302" }
local DIALECTS <const> = { example = true, table = true, field = true }
local OPTIONS <const> = {
  module = true, map = true, set = true, state = true, fault = true, seed = true,
  dialect = true, net = true, catalogue = true,
}

local methods <const> = {}
local mt <const> = { __name = "attest.sim", __index = methods }

local function names(set)
  local out <const> = {}
  for name in pairs(set) do
    out[#out + 1] = name
  end
  table.sort(out)
  return table.concat(out, ", ")
end

local function check_options(options)
  for key in pairs(options) do
    if not OPTIONS[key] then
      error(string.format("sim.new: unknown option %q", tostring(key)), 3)
    end
  end
end

local function invalid(format, ...)
  return nil, errors.new { code = "invalid", message = string.format(format, ...) }
end

-- The model of a module: its own, or that of the nearest module that it extends.
local function load_model(module)
  for _, name in ipairs(module.lineage) do
    if MODELS[name] then
      return require(MODELS[name]), name
    end
  end
  return invalid("module %q cannot be simulated: it extends none of %s", module.name,
    names(MODELS))
end

local function open_flash(options, model)
  return flash.open { path = options.state, module = options.module, factory = model.factory }
end

local function read_faults(options, module)
  local faults <const>, err <const> = fault.parse(options.fault, options.seed)
  if faults and faults.storm and not storm.line_of(module) then
    return invalid("fault storm: module %q has no line that tells its registration", module.name)
  end
  return faults, err
end

local function collect(options)
  local module, settled, faults, memory, err
  if not DIALECTS[options.dialect or "example"] then
    return invalid("no dialect %q; there are: %s", tostring(options.dialect), names(DIALECTS))
  end
  module, err = catalogue.get(options.module, options.catalogue)
  if not module then
    return nil, err
  end
  local model <const>, model_name <const> = load_model(module)
  if not model then
    return nil, model_name
  end
  settled, err = settings.check(options.set, model_name)
  if not settled then
    return nil, err
  end
  faults, err = read_faults(options, module)
  if not faults then
    return nil, err
  end
  memory, err = open_flash(options, model)
  if not memory then
    return nil, err
  end
  return {
    model = model,
    module = module,
    settings = settled,
    faults = faults,
    flash = memory,
    net = options.net or net.new(),
    rules = options.map or {},
    dialect = options.dialect or "example",
  }
end

--- Makes a simulated module that is off. Keep it: what nobody holds is
-- collected, and its port with it.
-- @tparam table options `module` name; optional `map` (list of
--   `{ host, addr, port }`), `set` (see `sim.settings`), `state` (file of the
--   flash), `fault`, `seed`, `dialect` ("example", "table", "field"), `net`
--   (network backend, see attest.sim.net), `catalogue` (directories)
-- @treturn[1] sim
-- @treturn[2] nil
-- @treturn[2] error `invalid` for a value, `io` for the state file
function sim.new(options)
  check_options(options)
  local parts <const>, err <const> = collect(options)
  if not parts then
    return nil, err
  end
  return setmetatable({ machine = machine.new(parts), faults = parts.faults }, mt)
end

local function power_on(self, port)
  self.machine:attach(port, function()
    self:close()
  end)
  if not self.faults.silent then
    self.machine:power_on()
  end
end

-- Goes without a word; what is written to the flash is there at the return.
local function power_off(self)
  self.machine:power_off()
  if self.machine.line then
    self.machine.line:close()
  end
  self.machine.flash:flush()
end

local function come_back(self)
  local port <const> = self.owner.back()
  if port then
    power_on(self, port)
  else
    self:close()
  end
end

-- The fault `vanish`: for good, unless somebody has a new port for the return.
local function vanish(self)
  if not self.faults.vanish then
    return -- stopped meanwhile
  end
  local back <const>, owner <const> = self.faults.vanish.back, self.owner
  if owner.gone then
    owner.gone()
  end
  if not back or not owner.back then
    self:close()
  else
    power_off(self)
    self.timer = core.after(back, function()
      come_back(self)
    end)
  end
end

--- Starts to serve on a port and powers the module on.
-- @tparam port port a PTY, a serial port or one end of a pair; closed with
--   the module
-- @tparam[opt] table owner of the port, for the fault `vanish`: `gone()` is
--   called just before the port closes, `back()` for a new one to return on
--   (nil: it stays away)
function methods:serve(port, owner)
  if self.is_serving then
    error("sim:serve: it serves already", 2)
  end
  self.is_serving = true
  self.owner = owner or {}
  power_on(self, port)
  if self.faults.vanish then
    self.timer = core.after(self.faults.vanish.seconds, function()
      vanish(self)
    end)
  end
end

--- Powers the module off, writes its flash and closes its port. Closing twice
-- is legal and quiet.
function methods:close()
  if self.is_closed then
    return
  end
  self.is_closed = true
  if self.timer then
    self.timer:stop()
  end
  power_off(self)
end

mt.__close = methods.close
mt.__tostring = function(self)
  return self.is_closed and "attest.sim (closed)" or "attest.sim"
end

--- Lists what `set` knows, for `--help`.
-- @treturn table list of `{ name, default, doc }`
sim.settings = settings.list

--- Lists what `fault` knows, for `--list-faults` and `--help`.
-- @treturn table list of `{ usage, doc }`
sim.faults = fault.list

return sim
