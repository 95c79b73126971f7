-- SPDX-License-Identifier: MIT
--
-- Loads a plan script into an environment of its own, once per slot.
--
-- The environment is strict: an unknown global raises with its name, read or
-- written. Library tables are copies, print goes to the slot's log, os.exit
-- raises, and code is loaded as text only. It keeps slots apart; it is no wall
-- against hostile code.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local plan <const> = require "attest.plan"

local script <const> = {}

local FUNCTIONS <const> = {
  "assert", "collectgarbage", "error", "getmetatable", "ipairs", "next", "pairs", "pcall",
  "rawequal", "rawget", "rawlen", "rawset", "select", "setmetatable", "tonumber", "tostring",
  "type", "xpcall", "_VERSION",
}
local LIBRARIES <const> = { "coroutine", "debug", "io", "math", "os", "string", "table", "utf8" }
local FOREIGN <const> = { luv = true, lfs = true, cjson = true, ["cjson.safe"] = true }

local function failure(message)
  return nil, errors.new { code = "script", message = message }
end

local function copy(source)
  local target <const> = {}
  for name, value in pairs(source) do
    target[name] = value
  end
  return target
end

-- Lua shortens a long chunk name in its messages; a person needs the path.
local function with_path(message, path)
  return (tostring(message):gsub("^%.%.%.[^:]*(:%d+:)", function(line)
    return path .. line
  end))
end

--- Reads a script.
-- @tparam string path
-- @treturn[1] table source: `path`, `text`, `sha256`
-- @treturn[2] nil
-- @treturn[2] table error object, code "not_found" or "io"
function script.read(path)
  local file <close>, message <const>, number <const> = io.open(path, "rb")
  local text, why = nil, nil
  if file then
    text, why = file:read("a")
  end
  if not text then
    return nil, errors.new {
      code = number == 2 and "not_found" or "io", message = why and path .. ": " .. why or message,
    }
  end
  return { path = path, text = text, sha256 = core.sha256(text) }
end

-- A first line "#!..." is for the shell; its line end stays, so lines count.
local function compile(text, path, env)
  text = text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", "")
  return load(text, "@" .. path, "t", env)
end

-- A module beside the script, in the same environment, once.
local function load_neighbour(self, name)
  local folder <const> = self.source.path:match("^(.*/)[^/]*$") or ""
  local path <const> = folder .. name:gsub("%.", "/") .. ".lua"
  local source <const>, err <const> = script.read(path)
  if not source then
    error(("module %q: %s"):format(name, err.message), 3)
  end
  local chunk <const>, message <const> = compile(source.text, path, self.env)
  if not chunk then
    error(with_path(message, path), 0)
  end
  return chunk(name)
end

local function require_in(self, name)
  if type(name) ~= "string" then
    error("require needs a module's name", 2)
  elseif name == "attest" or name:find("^attest%.") or FOREIGN[name] then
    return require(name)
  elseif rawget(self.env, name) ~= nil and type(self.env[name]) == "table" then
    return self.env[name]
  end
  if self.loaded[name] == nil then
    local value <const> = load_neighbour(self, name)
    self.loaded[name] = value == nil and true or value
  end
  return self.loaded[name]
end

local function load_text(self, chunk, name, mode, ...)
  if mode ~= nil and not tostring(mode):find("t") then
    return nil, "only text can be loaded"
  end
  local env <const> = select("#", ...) > 0 and (...) or self.env
  return load(chunk, name, "t", env)
end

local function print_line(self, ...)
  local words <const> = table.pack(...)
  for i = 1, words.n do
    words[i] = tostring(words[i])
  end
  self.print(table.concat(words, "\t"))
end

local function new_environment(self)
  local env <const> = {}
  for _, name in ipairs(FUNCTIONS) do
    env[name] = _G[name]
  end
  for _, name in ipairs(LIBRARIES) do
    env[name] = copy(_G[name])
  end
  env.debug = { traceback = debug.traceback, getinfo = debug.getinfo }
  env.os.exit = function()
    error("os.exit: a plan cannot end the process; return, or raise an error", 2)
  end
  env._G = env
  env.print = function(...)
    print_line(self, ...)
  end
  env.require = function(name)
    return require_in(self, name)
  end
  env.load = function(chunk, name, mode, ...)
    return load_text(self, chunk, name, mode, ...)
  end
  return setmetatable(env, {
    __index = function(_, name)
      error(("unknown global %q"):format(tostring(name)), 2)
    end,
    __newindex = function(_, name)
      error(("assignment to unknown global %q: declare it local"):format(tostring(name)), 2)
    end,
  })
end

--- Runs a script and takes its plan.
-- @tparam table source from script.read
-- @tparam function write write(line), for print
-- @treturn[1] table plan
-- @treturn[2] nil
-- @treturn[2] table error object, code "script"; its message has file and line
function script.load(source, write)
  local self <const> = { source = source, print = write, loaded = {} }
  self.env = new_environment(self)
  local chunk <const>, message <const> = compile(source.text, source.path, self.env)
  if not chunk then
    return failure(with_path(message, source.path))
  end
  local ok <const>, result <const> = pcall(chunk, source.path)
  if not ok then
    return failure(with_path(errors.is(result) and result.message or result, source.path))
  elseif not plan.is(result) then
    return failure(("%s: a script must return its plan, not %s")
      :format(source.path, result == nil and "nothing" or "a " .. type(result)))
  end
  result.place = result.place or source.path .. ":1"
  return result
end

return script
