-- SPDX-License-Identifier: MIT
--
-- Script files for tests: written to a folder of their own, gone when closed.

local lfs <const> = require "lfs"

local script_file <const> = {}

local methods <const> = {}
local mt <const> = { __index = methods }

--- Writes a file into the folder.
-- @tparam string name
-- @tparam string text
-- @treturn string path
function methods:write(name, text)
  local path <const> = self.folder .. "/" .. name
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
  self.paths[#self.paths + 1] = path
  return path
end

--- Has a file or an empty folder removed at the end.
-- @tparam string path
function methods:remove_later(path)
  self.paths[#self.paths + 1] = path
end

--- Removes the folder and what was written.
function methods:close()
  for _, path in ipairs(self.paths) do
    os.remove(path)
  end
  lfs.rmdir(self.folder)
end

mt.__close = methods.close

--- Makes a folder.
-- @treturn table
function script_file.new()
  local folder <const> = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  return setmetatable({ folder = folder, paths = {} }, mt)
end

return script_file
