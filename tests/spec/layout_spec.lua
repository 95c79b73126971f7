-- SPDX-License-Identifier: MIT
--
-- How the tree is laid out: what stands at its top, how each file begins, what
-- catalogue files may hold, which parts of core/ know which, and that no
-- module needs itself. Who may require whom in Lua is in layers_spec.

local lfs <const> = require "lfs"

local schema <const> = require "attest.schema"

local ROOT <const> = arg[0]:match("^(.*)/tests/[^/]*$") or "."

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function find_files(folder, pattern, found)
  for name in lfs.dir(folder) do
    local path <const> = folder .. "/" .. name
    local is_hidden <const> = name:sub(1, 1) == "."
    if not is_hidden and lfs.attributes(path, "mode") == "directory" then
      find_files(path, pattern, found)
    elseif not is_hidden and name:find(pattern) then
      found[#found + 1] = path
    end
  end
  return found
end

local function files_of(folders, pattern)
  local found <const> = {}
  for folder in folders:gmatch("%S+") do
    find_files(ROOT .. "/" .. folder, pattern, found)
  end
  table.sort(found)
  assert(#found > 0, "no file found")
  return found
end

-- Finds what comes first at `from`: a comment or a string, and where it ends.
local function next_quiet(text, from)
  local at <const> = text:find("[%-\"'%[]", from)
  if not at then
    return nil
  end
  local level <const> = text:match("^%-?%-?%[(=*)%[", at)
  if level and (text:sub(at, at) == "[" or text:sub(at, at + 1) == "--") then
    local _, last <const> = text:find("]" .. level .. "]", at, true)
    return at, last or #text
  elseif text:sub(at, at + 1) == "--" then
    return at, (text:find("\n", at, true) or #text + 1) - 1
  elseif text:find("^[\"']", at) then
    local quote <const>, i = text:sub(at, at), at + 1
    while i <= #text and text:sub(i, i) ~= quote do
      i = i + (text:sub(i, i) == "\\" and 2 or 1)
    end
    return at, i
  end
  return at, nil
end

-- The code of a Lua file: comments are gone, strings are kept or gone.
local function code_of(text, keeps_strings)
  local out <const>, from = {}, 1
  while true do
    local at <const>, last = next_quiet(text, from)
    if not at then
      return table.concat(out) .. text:sub(from)
    end
    out[#out + 1] = text:sub(from, at - 1)
    local is_comment <const> = text:sub(at, at + 1) == "--"
    if not last or keeps_strings and not is_comment then
      last = last or at
      out[#out + 1] = text:sub(at, last)
    end
    from = last + 1
  end
end

describe("the top of the tree", function()
  -- Whoever adds a folder here adds it to what every user sees first.
  local FOLDERS <const> = { core = true, lua = true, scripts = true, tests = true }
  local FILES <const> = {
    ["CMakeLists.txt"] = true, ["CMakePresets.json"] = true, LICENSE = true, ["README.md"] = true,
  }
  local MADE <const> = { -- as in .gitignore
    "^build", "%.db$", "%.db%-wal$", "%.db%-shm$", "^attest%.trace$",
  }

  local function is_made(name)
    for _, pattern in ipairs(MADE) do
      if name:find(pattern) then
        return true
      end
    end
    return false
  end

  it("holds these names only, and all of them", function()
    local missing <const> = {}
    for _, list in ipairs { FOLDERS, FILES } do
      for name in pairs(list) do
        missing[name] = true
      end
    end
    for name in lfs.dir(ROOT) do
      local is_folder <const> = lfs.attributes(ROOT .. "/" .. name, "mode") == "directory"
      if name:sub(1, 1) ~= "." and not is_made(name) then
        assert.truthy((is_folder and FOLDERS or FILES)[name], name)
        missing[name] = nil
      end
    end
    assert.same({}, missing)
  end)
end)

describe("a file begins with its licence and with what it is for:", function()
  local LICENCE <const> = "SPDX%-License%-Identifier: MIT"
  local FEWEST_WORDS <const> = 3

  -- Comment lines from the first line on.
  local function head_of(text, line_start)
    local lines <const> = {}
    for line in text:gmatch("([^\n]*)\n") do
      if not line:find(line_start) then
        break
      end
      lines[#lines + 1] = line
    end
    return table.concat(lines, "\n")
  end

  local function without_head(paths, line_start)
    local wrong <const> = {}
    for _, path in ipairs(paths) do
      local rest <const>, licences <const> = head_of(read(path), line_start):gsub(LICENCE, "")
      local _, words <const> = rest:gsub("%a+", "")
      if licences ~= 1 or words < FEWEST_WORDS then
        wrong[#wrong + 1] = path
      end
    end
    return wrong
  end

  it("in Lua", function()
    assert.same({}, without_head(files_of("lua scripts tests", "%.lua$"), "^%-%-"))
  end)

  it("in C", function()
    assert.same({}, without_head(files_of("core tests", "%.[ch]$"), "^[/ ]%*"))
  end)
end)

describe("catalogue files", function()
  it("hold data: no function, no require, nothing but the schema's words", function()
    for _, path in ipairs(files_of("lua/attest/catalogue", "%.lua$")) do
      if path:find("/catalogue/[^/]+/") then
        local text <const> = read(path)
        assert.is_nil(code_of(text):match("%f[%w_]function%f[^%w_]"), path)
        assert.is_nil(code_of(text):match("%f[%w_]require%f[^%w_]"), path)
        assert(load(text, "@" .. path, "t", schema.environment()))()
      end
    end
  end)
end)

describe("the modules in lua/", function()
  -- Names that are put together at run time, and what they may become.
  local COMPOSED <const> = {
    ["attest.cli"] = "attest.cli.", -- verbs
    ["attest.sim"] = "attest.sim.", -- models
    ["attest.sim.ct12"] = "attest.sim.ct12.", -- chapters
    ["attest.sim.ml302"] = "attest.sim.ml302.", -- chapters
    ["attest.sandbox"] = false, -- the require that scripts see
  }

  local function module_of(path)
    local name <const> = path:sub(#ROOT + #"/lua/" + 1, -5):gsub("/", ".")
    return (name:gsub("%.init$", ""))
  end

  -- Literal requires of a file, and whether it has others.
  local function requires_of(path)
    local code <const> = code_of(read(path), true)
    local list <const>, count = {}, 0
    for _ in code:gmatch("%f[%w_.]require%f[^%w_]%s*[%(\"'%w]") do
      count = count + 1
    end
    for name in code:gmatch("%f[%w_.]require%s*%(?%s*[\"']([%w_.]-[%w_])[\"']") do
      list[#list + 1] = name
    end
    return list, count > #list
  end

  local graph <const>, composed <const> = {}, {}
  for _, path in ipairs(files_of("lua", "%.lua$")) do
    graph[module_of(path)], composed[module_of(path)] = requires_of(path)
  end

  it("exist when they are required", function()
    for name, list in pairs(graph) do
      for _, each in ipairs(list) do
        local is_ours <const> = each == "attest" or each:find("^attest%.")
        assert.truthy(not is_ours or graph[each] or each == "attest.core", name .. ": " .. each)
      end
    end
  end)

  it("are required by their names, but in these files", function()
    for name, is_composed in pairs(composed) do
      assert.equals(COMPOSED[name] ~= nil, is_composed, name)
    end
  end)

  it("need nobody who needs them", function()
    local state <const> = {}
    local function visit(name, trail)
      assert.not_equals("open", state[name], trail .. " -> " .. name)
      if graph[name] and not state[name] then
        state[name] = "open"
        for _, each in ipairs(graph[name]) do
          visit(each, trail .. " -> " .. name)
        end
        state[name] = "done"
      end
    end
    graph.attest = graph.attest or {}
    for name in pairs(graph) do
      visit(name, "")
    end
  end)

  it("are each needed by another; only the doors and the catalogue's data are not", function()
    local reached <const> = { ["attest.catalogue"] = true, attest = true, ["attest.cli"] = true }
    for name, list in pairs(graph) do
      for _, each in ipairs(list) do
        reached[each] = reached[each] or each ~= name
      end
      for _, prefix in pairs { COMPOSED[name] or nil } do
        for other in pairs(graph) do
          reached[other] = reached[other] or other:find(prefix, 1, true) == 1
        end
      end
    end
    for name in pairs(graph) do
      assert.truthy(reached[name] or name:find("^attest%.catalogue%."), name)
    end
  end)
end)

describe("the parts of core/", function()
  -- Part -> the parts it may know beside itself, over all layers below Lua.
  local BELOW <const> = {
    clock = "", escape = "", text = "", vocabulary = "text",
    framer = "framer_inner text vocabulary", framer_inner = "framer",
    framer_payload = "framer_inner text vocabulary", port_line = "",
    trace_line = "", trace_mask = "",
    loop = "clock",
    port = "loop port_pair", port_pair = "port", port_device = "port port_line port_lock",
    port_lock = "port port_line", port_list = "port_lock",
    port_pty = "port port_device port_line", port_serial = "port port_device",
    port_tty = "port port_device", image = "",
    trace = "loop trace_file trace_line trace_mask", trace_file = "loop",
    sqlite_link = "", sqlite_batch = "sqlite_link", sqlite_writer = "sqlite_batch",
    main = "lcore limage",
  }
  local PURE <const> = "clock escape vocabulary framer framer_payload trace_line trace_mask "
    .. "port_line"

  local function has_word(list, word)
    return (" " .. list .. " "):find(" " .. word .. " ", 1, true) ~= nil
  end

  local function part_of(path)
    return path:match("([^/]+)%.[ch]$")
  end

  local function is_binding(part)
    return part:find("^l") ~= nil and part ~= "loop"
  end

  local files <const> = files_of("core", "%.[ch]$")

  it("know only these others, and never the bindings", function()
    local named <const> = {}
    for _, path in ipairs(files) do
      local part <const> = part_of(path)
      named[part] = true
      for other in read(path):gmatch("#include \"([%w_]+)%.h\"") do
        local is_known <const> = other == part or has_word(BELOW[part] or "", other)
        assert.truthy(is_binding(part) or is_known, ("%s includes %s.h"):format(path, other))
      end
    end
    for part in pairs(BELOW) do
      assert.truthy(named[part], part .. " is named here and is gone")
    end
    for part in pairs(named) do
      assert.truthy(BELOW[part] or is_binding(part), part .. " is not named here")
    end
  end)

  it("include Lua in bindings and main only", function()
    for _, path in ipairs(files) do
      local part <const> = part_of(path)
      if not is_binding(part) and part ~= "main" then
        assert.is_nil(read(path):match("#include [<\"]lauxlib[^\n]*")
          or read(path):match("#include [<\"][^\n]*lua[^\n]*"), path)
      end
    end
  end)

  -- uv.h is there for its error codes and for the monotonic clock.
  it("are pure where they must be: no loop, no handle, no file", function()
    for _, path in ipairs(files) do
      if has_word(PURE, part_of(path)) then
        for call in read(path):gmatch("%f[%w_](uv_[%w_]+)%s*%(") do
          assert.equals("uv_hrtime", call, path)
        end
      end
    end
  end)
end)

describe("no file names a place of this machine", function()
  local SYSTEM <const> = "bin dev etc lib proc sbin sys tmp usr var"
  local PRIVATE <const> = { home = true, root = true }

  local function is_private(root)
    if (" " .. SYSTEM .. " "):find(" " .. root .. " ", 1, true) then
      return false
    end
    return PRIVATE[root] or lfs.attributes("/" .. root, "mode") ~= nil
  end

  -- What follows ".." begins with a slash and is no absolute path, nor is an address.
  local function paths_in(text)
    text = text:gsub("%w+://[^%s\"']*", ""):gsub("%.%.%s*\"/", "")
    return text:gmatch("%f[%S/\"'`=(:]/(%l[%w_%-]*)/%w")
  end

  it("but the system's own", function()
    local wrong <const> = {}
    local files <const> = files_of("core lua scripts tests", ".")
    table.move({ ROOT .. "/README.md", ROOT .. "/CMakeLists.txt" }, 1, 2, #files + 1, files)
    for _, path in ipairs(files) do
      for root in paths_in(read(path)) do
        wrong[#wrong + 1] = is_private(root) and ("%s: /%s/"):format(path, root) or nil
      end
    end
    assert.same({}, wrong)
  end)
end)
