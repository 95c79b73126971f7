-- SPDX-License-Identifier: MIT
--
-- Loads a plan script into an environment of its own, once per slot.
--
-- The environment is strict: an unknown global raises with its name, read or
-- written, and code is loaded as text only. What else is in it is the sandbox's
-- affair.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local estate <const> = require "attest.estate"
local plan <const> = require "attest.plan"
local sandbox <const> = require "attest.sandbox"

local script <const> = {}

-- Longest run of a script's top level, which only declares, in seconds.
local LOAD_TIMEOUT <const> = 10
local LEAVE_TIMEOUT <const> = 1

local function failure(message)
  return nil, errors.new { code = "script", message = message }
end

-- Lua shortens a long chunk name in its messages; a person needs the path.
local function with_path(message, path)
  return (tostring(message):gsub("^%.%.%.[^:]*(:%d+:)", function(line)
    return path .. line
  end))
end

-- Some messages of the loader name no file.
local function with_file(message, path)
  return message:find(path, 1, true) and message or path .. ": " .. message
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

-- Slots load a script again for each run: what was compiled is kept with its source.
local function compile_once(source, env)
  if source.code then
    return load(source.code, "@" .. source.path, "b", env)
  end
  local chunk <const>, message <const> = compile(source.text, source.path, env)
  source.code = chunk and string.dump(chunk)
  return chunk, message
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
  local module <const> = sandbox.borrow(self, name)
  if module ~= nil then
    return module
  elseif rawget(self.env, name) ~= nil and type(self.env[name]) == "table" then
    return self.env[name]
  end
  if self.loaded[name] == nil then
    local value <const> = load_neighbour(self, name)
    self.loaded[name] = value == nil and true or value
  end
  return self.loaded[name]
end

-- Line of the script where a task's traceback says that it waits.
local function line_of(traceback)
  return tostring(traceback):match(".*:(%d+): in main chunk")
end

-- In a task of its own, so that a top level that waits has a deadline.
local function run_chunk(chunk, source)
  if not core.current() then
    return pcall(chunk, source.path)
  end
  local task <const> = core.spawn(chunk, source.path)
  local ok <const>, result <const> = task:join(LOAD_TIMEOUT)
  if ok or task:status() == "failed" then
    return ok, result
  end
  task:cancel(errors.new { code = "cancelled", message = "a script's top level cannot wait" })
  local _, _, traceback <const> = task:join(LEAVE_TIMEOUT)
  return false, ("%s:%s: the script's top level ran for %g s; it may only declare")
    :format(source.path, line_of(traceback) or "1", LOAD_TIMEOUT)
end

-- Whatever was raised, told with the file.
local function message_of(err, path)
  if type(err) == "string" or getmetatable(err) then
    return with_file(with_path(errors.text(err), path), path)
  end
  return ("%s: the script raised a %s, not a message"):format(path, type(err))
end

--- Runs a script and takes its plan.
-- @tparam table source from script.read
-- @tparam function write write(line), for print
-- @tparam[opt] table owned estate that takes what the script starts
-- @treturn[1] table plan
-- @treturn[2] nil
-- @treturn[2] table error object, code "script"; its message has file and line
function script.load(source, write, owned)
  local self <const> = {
    source = source, print = write, loaded = {}, borrowed = {}, estate = owned or estate.new(),
  }
  self.env = sandbox.new(self, function(name)
    return require_in(self, name)
  end)
  local chunk <const>, message <const> = compile_once(source, self.env)
  if not chunk then
    return failure(with_file(with_path(message, source.path), source.path))
  end
  local ok <const>, result <const> = run_chunk(chunk, source)
  if not ok then
    return failure(message_of(result, source.path))
  elseif not plan.is(result) then
    return failure(("%s: a script must return its plan, not %s")
      :format(source.path, result == nil and "nothing" or "a " .. type(result)))
  end
  local sealed <const>, sound <const> = pcall(plan.seal, result)
  if not sealed then
    return failure(("%s: the plan was changed by hand: %s"):format(source.path, errors.text(sound)))
  end
  sound.place = sound.place or source.path .. ":1"
  return sound
end

return script
