-- SPDX-License-Identifier: MIT
--
-- `attest lua FILE [ARG...]`: runs any Lua program with the core and the
-- libraries on its path, on the main thread.
--
-- Everything after FILE belongs to the program, dashes too. Ends as lua does:
-- 0, or 1 after an error; a file that does not load is a usage error.

local text <const> = require "attest.text"

local lua = {}

lua.summary = {
  en = "run a Lua program with the core and the libraries on its path",
  zh = "运行 Lua 程序，内核与库已在搜索路径上",
}

local USAGE <const> = "Usage: attest lua FILE [ARG...]"

local function load_file(path)
  local file <const>, why <const> = io.open(path, "rb")
  if not file then
    return nil, why
  end
  file:close()
  return loadfile(path)
end

local function run(argv)
  local path <const> = argv[1]
  local chunk <const>, why <const> = load_file(path)
  if not chunk then
    return nil, why
  end
  _G.arg = table.move(argv, 2, #argv, 1, { [0] = path })
  local ok <const>, err <const> = xpcall(chunk, function(err)
    return debug.traceback(tostring(err), 2)
  end, table.unpack(arg))
  if not ok then
    io.stderr:write("attest lua: ", text.printable_lines(err), "\n")
    return 1
  end
  return 0
end

--- Runs the program that argv names.
-- @tparam {string,...} argv the file and its arguments
-- @treturn[1] integer exit status
-- @treturn[2] nil
-- @treturn[2] string why the file could not be loaded
function lua.run(argv)
  if argv[1] == nil then
    return nil, "no file given. " .. USAGE
  elseif argv[1] == "--help" or argv[1] == "-h" then
    print(USAGE .. "\n\n" .. lua.summary.en)
    return 0
  elseif argv[1]:sub(1, 1) == "-" then
    return nil, ("unknown option %q. %s"):format(argv[1], USAGE)
  end
  return run(argv)
end

return lua
