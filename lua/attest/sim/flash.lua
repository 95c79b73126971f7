-- SPDX-License-Identifier: MIT
--
-- The flash of a simulated module: named values that survive a power cycle.
-- With a path they live in a JSON file that is replaced as a whole at each
-- change, so a killed simulator leaves the old or the new values, never half
-- of them. Does not know what the values mean.

local errors <const> = require "attest.error"
local json <const> = require "attest.json"

local flash = {}

local FORMAT <const> = "attest/flash/1"

local function failure(path, reason)
  return errors.new {
    code = "io",
    message = string.format("state file %s: %s", path, reason),
  }
end

-- Files of other writers hold only floats; what was an integer comes back as one.
local function copy(value)
  if type(value) == "table" then
    local out <const> = {}
    for k, v in pairs(value) do
      out[k] = copy(v)
    end
    return out
  end
  return math.type(value) == "float" and math.tointeger(value) or value
end

local function read_file(path)
  local file <close>, reason, number = io.open(path, "rb")
  if file then
    return file:read("a") or ""
  end
  local ENOENT <const> = 2
  return nil, number ~= ENOENT and reason or nil
end

-- Values of the wrong type would fail much later, in the middle of a command.
local function fit(values, factory)
  for name, value in pairs(factory) do
    if values[name] ~= nil and type(values[name]) ~= type(value) then
      return nil, string.format("value %q: expected a %s", name, type(value))
    end
    if values[name] == nil then
      values[name] = copy(value)
    elseif type(value) == "table" then
      local inner <const>, why <const> = fit(values[name], value)
      if not inner then
        return nil, why
      end
    end
  end
  return values
end

local function load(path, module, factory)
  local bytes, reason <const> = read_file(path)
  if not bytes then
    return reason == nil and copy(factory) or nil, reason
  end
  local data <const> = json.decode(bytes)
  if type(data) ~= "table" or data.format ~= FORMAT or type(data.values) ~= "table" then
    return nil, "is not the state of a simulated module (remove it to start afresh)"
  end
  if data.module ~= module then
    return nil, string.format("belongs to a %s, not a %s", tostring(data.module), module)
  end
  return fit(copy(data.values), factory)
end

local methods <const> = {}
local mt <const> = { __name = "attest.sim.flash", __index = methods }

local function must(ok, err)
  if not ok then
    error(err, 0)
  end
end

--- Opens the flash; a path that does not exist yet is created.
-- @tparam table options `module` name, `factory` values, optional `path`
-- @treturn[1] flash
-- @treturn[2] nil
-- @treturn[2] error `io`: unreadable, damaged, or another module's
function flash.open(options)
  local self <const> = setmetatable({
    path = options.path,
    module = options.module,
    factory = options.factory,
    values = copy(options.factory),
  }, mt)
  if not self.path then
    return self
  end
  local values, reason <const> = load(self.path, self.module, self.factory)
  if not values then
    return nil, failure(self.path, reason)
  end
  self.values = values
  local ok, err <const> = self:flush()
  if not ok then
    return nil, err
  end
  return self
end

--- Reads a value; a table is a copy.
function methods:get(name)
  return copy(self.values[name])
end

--- Writes a value. Raises an `io` error when the file cannot be written.
function methods:set(name, value)
  self.values[name] = copy(value)
  must(self:flush())
end

--- Goes back to the factory's values, except those that are `kept`.
-- @tparam table kept list of names
function methods:restore(kept)
  local values <const> = copy(self.factory)
  for _, name in ipairs(kept) do
    values[name] = self.values[name]
  end
  self.values = values
  must(self:flush())
end

--- Writes everything to the file, if there is one.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] error `io`
function methods:flush()
  if not self.path then
    return true
  end
  local temporary <const> = self.path .. ".new"
  local file, reason = io.open(temporary, "wb")
  if not file then
    return nil, failure(self.path, reason)
  end
  local data <const> = { format = FORMAT, module = self.module, values = self.values }
  local written, why = file:write(json.encode(data), "\n")
  local closed, why_closed = file:close()
  if not written or not closed then
    os.remove(temporary)
    return nil, failure(self.path, why or why_closed)
  end
  local renamed, why_renamed = os.rename(temporary, self.path)
  if not renamed then
    return nil, failure(self.path, why_renamed)
  end
  return true
end

return flash
