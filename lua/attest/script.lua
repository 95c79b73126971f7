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
local estate <const> = require "attest.estate"
local plan <const> = require "attest.plan"

local script <const> = {}

local FUNCTIONS <const> = {
  "assert", "collectgarbage", "error", "getmetatable", "ipairs", "next", "pairs", "pcall",
  "rawequal", "rawget", "rawlen", "rawset", "select", "setmetatable", "tonumber", "tostring",
  "type", "xpcall", "_VERSION",
}
local LIBRARIES <const> = { "coroutine", "debug", "io", "math", "os", "string", "table", "utf8" }
local FOREIGN <const> = { luv = true, lfs = true, cjson = true, ["cjson.safe"] = true }

-- Longest run of a script's top level, which only declares, in seconds.
local LOAD_TIMEOUT <const> = 10
local LEAVE_TIMEOUT <const> = 1

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

local function refusal(what, why)
  return function()
    error(("%s: %s"):format(what, why), 2)
  end
end

-- Copies of those libraries that start things: what they start ends with the
-- run, and nothing in them turns or ends the loop that all slots share.
local wrappers <const> = {}

function wrappers.attest(self, library)
  library.spawn = self.estate:wrap(library.spawn, "task")
  for _, name in ipairs { "open", "try_open", "attach" } do
    library[name] = self.estate:wrap(library[name], "port")
  end
end

wrappers["attest.core"] = function(self, library)
  library.spawn = self.estate:wrap(library.spawn, "task")
  library.after = self.estate:wrap(library.after, "timer")
  library.open = self.estate:wrap(library.open, "port")
end

local OF_THE_LOOP <const> = { "run", "stop", "loop_close", "walk", "new_thread" }
local NO_HANDLE <const> = { new_work = true, new_thread = true }

function wrappers.luv(self, library)
  for name, fn in pairs(library) do
    if name:find("^new_") and not NO_HANDLE[name] or name == "spawn" then
      library[name] = self.estate:wrap(fn, "handle")
    end
  end
  for _, name in ipairs(OF_THE_LOOP) do
    library[name] = refusal("luv." .. name, "a plan cannot do this: all slots share one loop")
  end
end

local function borrow(self, name)
  if not wrappers[name] then
    return require(name)
  elseif not self.borrowed[name] then
    self.borrowed[name] = copy(require(name))
    wrappers[name](self, self.borrowed[name])
  end
  return self.borrowed[name]
end

local function require_in(self, name)
  if type(name) ~= "string" then
    error("require needs a module's name", 2)
  elseif name == "attest" or name:find("^attest%.") or FOREIGN[name] then
    return borrow(self, name)
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

local STALLS <const> = "a plan cannot do this: it would stall every slot"

-- Nothing of stdin and of other processes: no slot could go on meanwhile.
local function restrict_io(library)
  local lines <const> = library.lines
  local nothing_read <const> = refusal("io.lines", STALLS)
  library.stdin = nil
  library.popen = refusal("io.popen", STALLS .. "; use luv.spawn")
  library.read = refusal("io.read", STALLS)
  library.input = refusal("io.input", STALLS)
  library.lines = function(path, ...)
    return (path and lines or nothing_read)(path, ...)
  end
  setmetatable(library, { __index = function(_, name)
    if name == "stdin" then
      error("io.stdin: " .. STALLS, 2)
    end
  end })
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
  env.os.exit = refusal("os.exit", "a plan cannot end the process; return, or raise an error")
  env.os.execute = refusal("os.execute", STALLS .. "; use luv.spawn")
  restrict_io(env.io)
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
  self.env = new_environment(self)
  local chunk <const>, message <const> = compile(source.text, source.path, self.env)
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
  result.place = result.place or source.path .. ":1"
  return result
end

return script
