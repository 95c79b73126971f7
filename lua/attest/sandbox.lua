-- SPDX-License-Identifier: MIT
--
-- What a plan script sees instead of Lua's libraries and of attest's modules.
--
-- Everything that it can change is a copy of its own, what would stall or end
-- all slots raises, and what it leaves to the collector (finalisers) runs later
-- as a callback of its own slot. A script has its user's rights all the same:
-- its files, its processes, its descriptors.

local core <const> = require "attest.core"
local owner <const> = require "attest.owner"

local sandbox <const> = {}

local FUNCTIONS <const> = {
  "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset",
  "select", "tonumber", "tostring", "type", "xpcall", "_VERSION",
}
local LIBRARIES <const> = { "coroutine", "io", "math", "os", "string", "table", "utf8" }
local FOREIGN <const> = { luv = true, lfs = true, cjson = true, ["cjson.safe"] = true }

-- Parts of attest that run plans: none of a plan's business.
local CLOSED <const> = {
  cli = true, estate = true, owner = true, progress = true, runner = true, sandbox = true,
  script = true,
}

-- Longest text written without a line end that waits for one.
local LONGEST_REST <const> = 4096

local STALLS <const> = "a plan cannot do this: it would stall every slot"
local SHARED <const> = "a plan cannot do this: all slots share one "

local function refusal(what, why)
  return function()
    error(("%s: %s"):format(what, why), 2)
  end
end

local function refuse(library, name, functions, why)
  for _, each in ipairs(functions) do
    library[each] = refusal(name .. "." .. each, why)
  end
end

-- Copies plain tables in depth. An object, a table with a metatable, stays
-- what it is.
local function copy(source, done)
  done = done or {}
  if type(source) ~= "table" or getmetatable(source) ~= nil then
    return source
  elseif not done[source] then
    local target <const> = {}
    done[source] = target
    for key, value in next, source do
      target[key] = copy(value, done)
    end
  end
  return done[source]
end

-- ------------------------------------------------------------ attest and luv

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
  refuse(library, "attest.core", {
    "allow", "force_on_signals", "hold", "on_error", "owner", "patience", "release", "run",
    "set_owner", "virtual", "watchdog",
  }, SHARED .. "loop")
end

local NO_HANDLE <const> = { new_thread = true, new_work = true }

function wrappers.luv(self, library)
  for name, fn in pairs(library) do
    if name:find("^new_") and not NO_HANDLE[name] or name == "spawn" then
      library[name] = self.estate:wrap(fn, "handle")
    end
  end
  refuse(library, "luv",
    { "run", "stop", "loop_close", "loop_configure", "walk", "new_thread" }, SHARED .. "loop")
  -- Work that does not end would keep a thread that resolves names and writes files.
  refuse(library, "luv", { "sleep", "new_work", "queue_work" }, STALLS)
  refuse(library, "luv", { "chdir" }, SHARED .. "working directory")
end

function wrappers.lfs(_, library)
  refuse(library, "lfs", { "chdir" }, SHARED .. "working directory")
end

-- An instance of its own: its settings are not everybody's.
local function take(name)
  local library <const> = require(name)
  return name:find("^cjson") and library.new() or copy(library)
end

--- Gives a script a module of attest or a library that plans may use.
-- @tparam table self of script.load: `borrowed`, `estate`
-- @param name
-- @treturn[1] any the module
-- @treturn[2] nil it is neither
function sandbox.borrow(self, name)
  if type(name) ~= "string" then
    error("require needs a module's name", 3)
  end
  local part <const> = name:match("^attest%.([^.]+)")
  if part and CLOSED[part] then
    error(("module %q: a plan cannot use what runs plans"):format(name), 3)
  elseif name ~= "attest" and not part and not FOREIGN[name] then
    return nil
  elseif self.borrowed[name] == nil then
    self.borrowed[name] = take(name)
    if wrappers[name] then
      wrappers[name](self, self.borrowed[name])
    end
  end
  return self.borrowed[name]
end

-- ------------------------------------------------------------------ metatables

-- A finaliser would run inside whatever slot the collector happens to run in,
-- where no watchdog reaches it. The collector never sees it: beside the object
-- lives a token, and when both are garbage the token has it called.
local function set_metatables(env)
  local own <const> = setmetatable({}, { __mode = "k" })
  local tokens <const> = setmetatable({}, { __mode = "k" })
  local foreign <const> = setmetatable({}, { __mode = "k" })
  local finalise <const> = owner.bind(function(object)
    local finaliser <const> = (getmetatable(object) or {}).__gc
    if type(finaliser) == "function" then
      finaliser(object)
    end
  end)
  local token_mt <const> = {
    __gc = function(token)
      core.after(0, function()
        finalise(token.object)
      end)
    end,
  }

  function env.setmetatable(object, metatable)
    local finaliser <const> = type(metatable) == "table" and rawget(metatable, "__gc")
    if not finaliser then
      own[metatable or own] = true
      return setmetatable(object, metatable)
    end
    own[metatable] = true
    rawset(metatable, "__gc", nil)
    local ok <const>, err <const> = pcall(setmetatable, object, metatable)
    rawset(metatable, "__gc", finaliser)
    if not ok then
      error(err, 2)
    end
    tokens[object] = setmetatable({ object = object }, token_mt)
    return object
  end

  function env.getmetatable(object)
    local metatable <const> = getmetatable(object)
    if type(metatable) ~= "table" or own[metatable] then
      return metatable
    elseif type(object) == "string" then
      return { __index = env.string }
    end
    foreign[metatable] = foreign[metatable] or copy(metatable)
    return foreign[metatable]
  end
end

-- -------------------------------------------------------------------- stdio

local stream <const> = {}
stream.__index = stream
stream.__name = "attest.stream"

function stream:write(...)
  local text = self.rest
  for i = 1, select("#", ...) do
    local word <const> = select(i, ...)
    if type(word) ~= "string" and type(word) ~= "number" then
      error(("write: a %s is no text"):format(type(word)), 2)
    end
    text = text .. word
  end
  for line in text:gmatch("([^\n]*)\n") do
    self.print(line)
  end
  self.rest = text:match("[^\n]*$")
  if #self.rest > LONGEST_REST then
    self:flush()
  end
  return self
end

function stream:flush()
  local rest <const> = self.rest
  self.rest = ""
  if rest ~= "" then
    self.print(rest)
  end
  return self
end

function stream.setvbuf()
  return true
end

function stream.close()
  error("a plan cannot close the standard streams: all slots share them", 2)
end

-- What a script writes to stdout and stderr is a line of its slot's log:
-- nothing else could be told from the runner's own lines.
local function new_stream(print)
  return setmetatable({ print = print, rest = "" }, stream)
end

-- Nothing of stdin and of other processes: no slot could go on meanwhile.
local function restrict_io(self, library)
  local lines <const>, close <const> = library.lines, library.close
  local nothing_read <const> = refusal("io.lines", STALLS)
  local out <const> = self.estate:wrap(new_stream, "stream")(self.print)
  library.stdin = nil
  library.stdout, library.stderr = out, out
  refuse(library, "io", { "popen" }, STALLS .. "; use luv.spawn")
  refuse(library, "io", { "read", "input" }, STALLS)
  refuse(library, "io", { "output" }, SHARED .. "stdout")
  library.write = function(...)
    return out:write(...)
  end
  library.close = function(file)
    return (file == nil and stream or file == out and stream or { close = close }).close(file)
  end
  library.lines = function(path, ...)
    return (path and lines or nothing_read)(path, ...)
  end
  setmetatable(library, { __index = function(_, name)
    if name == "stdin" then
      error("io.stdin: " .. STALLS, 2)
    end
  end })
end

-- ------------------------------------------------------------------ the rest

local COLLECTING <const> = { collect = true, count = true, step = true, isrunning = true }

local function collect(what, ...)
  if what ~= nil and not COLLECTING[what] then
    error(("collectgarbage %q: "):format(tostring(what)) .. SHARED .. "collector", 2)
  end
  return collectgarbage(what, ...)
end

local function load_text(env, chunk, name, mode, ...)
  if mode ~= nil and not tostring(mode):find("t") then
    return nil, "only text can be loaded"
  end
  local its_env <const> = select("#", ...) > 0 and (...) or env
  return load(chunk, name, "t", its_env)
end

local function print_line(print, ...)
  local words <const> = table.pack(...)
  for i = 1, words.n do
    words[i] = tostring(words[i])
  end
  print(table.concat(words, "\t"))
end

local function be_strict(env)
  return setmetatable(env, {
    __index = function(_, name)
      error(("unknown global %q"):format(tostring(name)), 2)
    end,
    __newindex = function(_, name)
      error(("assignment to unknown global %q: declare it local"):format(tostring(name)), 2)
    end,
  })
end

--- Makes the environment of one script.
-- @tparam table self of script.load: `print`, `estate`
-- @tparam function require what the script's require does
-- @treturn table
function sandbox.new(self, require)
  local env <const> = {}
  for _, name in ipairs(FUNCTIONS) do
    env[name] = _G[name]
  end
  for _, name in ipairs(LIBRARIES) do
    env[name] = copy(_G[name])
  end
  env.debug = { traceback = debug.traceback, getinfo = debug.getinfo }
  env.os.exit = refusal("os.exit", "a plan cannot end the process; return, or raise an error")
  refuse(env.os, "os", { "execute" }, STALLS .. "; use luv.spawn")
  refuse(env.os, "os", { "setlocale" }, SHARED .. "locale")
  restrict_io(self, env.io)
  set_metatables(env)
  env._G = env
  env.collectgarbage = collect
  env.print = function(...)
    print_line(self.print, ...)
  end
  env.require = require
  env.load = function(chunk, name, mode, ...)
    return load_text(env, chunk, name, mode, ...)
  end
  return be_strict(env)
end

return sandbox
