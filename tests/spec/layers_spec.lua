-- SPDX-License-Identifier: MIT
--
-- Who may require whom. An arrow never points up: scripts, cli, runner, modem,
-- dialog, codec, core. A part is a file of lua/attest or its folder.

local lfs <const> = require "lfs"

local ROOT <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."

-- Pure helpers that anybody may use; they use nobody but each other.
local HELPERS <const> = { error = true, json = true, rfc3339 = true, text = true, uuid = true }

-- Part to what it may require beside the helpers. "sim.redirect" is one file.
local ALLOWED <const> = {
  schema    = {},
  codec     = { "schema" },
  catalogue = { "schema" },
  doc       = {},
  urc       = { "codec", "core" },
  dialog    = { "urc", "codec", "core" },
  modem     = { "dialog", "urc", "codec", "catalogue", "core" },
  sim       = { "codec", "catalogue", "core", "luv", "cjson" },
  address   = { "sim.redirect" },
  limits    = {},
  measure   = { "limits" },
  plan      = {},
  replay    = { "core", "luv" },
  port      = { "core", "replay", "sim" },
  record    = { "core" },
  attest    = { "address", "catalogue", "core", "modem", "plan", "port" },
  store     = { "core", "luv", "lfs", "cjson" },
  report    = { "luv" },
  owner     = { "core", "luv" },
  estate    = { "core" },
  progress  = { "core", "luv" },
  sandbox   = { "core", "owner" },
  script    = { "core", "estate", "plan", "sandbox" },
  runner    = {
    "attest", "core", "estate", "limits", "measure", "owner", "plan", "progress", "report",
    "script", "store", "luv",
  },
  cli       = {
    "attest", "address", "catalogue", "core", "doc", "modem", "plan", "port", "record", "replay",
    "runner", "sim", "argparse", "luv",
  },
  error     = {},
  json      = {},
  rfc3339   = {},
  text      = {},
  uuid      = { "luv" },
}

-- "attest.sim.net" -> "sim", "sim.net"; "luv" -> "luv", "luv".
local function part_of(module)
  local name <const> = module:match("^attest%.(.+)$") or module
  return name:match("^[^.]+"), name
end

local function find_files(folder, found)
  for name in lfs.dir(folder) do
    local path <const> = folder .. "/" .. name
    if name:sub(1, 1) ~= "." and lfs.attributes(path, "mode") == "directory" then
      find_files(path, found)
    elseif name:find("%.lua$") then
      found[#found + 1] = path
    end
  end
  return found
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function module_of(path)
  local name <const> = path:sub(#ROOT + #"/lua/" + 1, -5):gsub("/", "."):gsub("%.init$", "")
  return name
end

local function is_allowed(from, part, name)
  if part == from or HELPERS[part] then
    return true
  end
  for _, allowed in ipairs(ALLOWED[from] or {}) do
    if allowed == part or allowed == name then
      return true
    end
  end
  return false
end

-- Every `require "x"` and `require("x" ...`; comments count too, which does no harm.
local function required(text)
  local list <const> = {}
  for _, name in text:gmatch("%f[%w]require%s*%(?%s*([\"'])([%w_.]+)%1") do
    list[#list + 1] = name
  end
  for name in text:gmatch("%f[%w]require%s*%(%s*\"([%w_.]+)%.\"%s*%.%.") do
    list[#list + 1] = name
  end
  return list
end

describe("the layers", function()
  local files <const> = find_files(ROOT .. "/lua", {})

  it("hold in every Lua file", function()
    local wrong <const> = {}
    for _, path in ipairs(files) do
      local from <const> = part_of(module_of(path))
      for _, module in ipairs(required(read(path))) do
        local part <const>, name <const> = part_of(module)
        if not is_allowed(from, part, name) then
          wrong[#wrong + 1] = ("%s may not require %s"):format(module_of(path), module)
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("name every part, and no part that is gone", function()
    local seen <const> = {}
    for _, path in ipairs(files) do
      seen[part_of(module_of(path))] = true
    end
    local named <const> = {}
    for part in pairs(ALLOWED) do
      named[part] = true
    end
    assert.same(named, seen)
  end)

  it("let catalogue data require nothing", function()
    for _, path in ipairs(files) do
      if path:find("/catalogue/[^/]+/") then
        assert.same({}, required(read(path)), path)
      end
    end
  end)
end)

describe("the C core", function()
  it("shows Lua to the bindings only, and knows no command", function()
    for name in lfs.dir(ROOT .. "/core") do
      local text <const> = name:find("%.[ch]$") and read(ROOT .. "/core/" .. name)
      local is_binding <const> = name:find("^l") and name ~= "loop.c" and name ~= "loop.h"
      if text and not is_binding and name ~= "main.c" then
        assert.is_nil(text:find("#include [<\"]lua") or text:find("#include <lauxlib"), name)
      end
      if text and name:find("%.c$") then
        -- Commands may be told in comments; a string that starts with AT is use.
        assert.is_nil(text:find("\"AT[+\"\\%u]"), name)
      end
    end
  end)
end)

describe("a file", function()
  it("of Lua has at most 400 lines, of C 600, and says its licence", function()
    local wrong <const> = {}
    local function check(path, limit)
      local text <const> = read(path)
      local _, lines <const> = text:gsub("\n", "")
      if lines > limit then
        wrong[#wrong + 1] = ("%s has %d lines"):format(path, lines)
      end
      if not text:sub(1, 2000):find("SPDX%-License%-Identifier: MIT") then
        wrong[#wrong + 1] = path .. " names no licence"
      end
    end
    for _, path in ipairs(find_files(ROOT .. "/lua", {})) do
      check(path, path:find("/catalogue/[^/]+/") and math.huge or 400)
    end
    for name in lfs.dir(ROOT .. "/core") do
      if name:find("%.[ch]$") then
        check(ROOT .. "/core/" .. name, 600)
      end
    end
    assert.same({}, wrong)
  end)
end)
