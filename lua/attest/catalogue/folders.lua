-- SPDX-License-Identifier: MIT
--- Where a user's own modules are: the folders given, then the user's default one.
--
-- Knows the environment and whether a folder is there, nothing of what it holds. A folder comes
-- before those after it, and all come before the built-in modules.

local errors <const> = require "attest.error"

local folders = {}

local function is_folder(path)
  local file <close> = io.open(path .. "/.", "rb")
  return file ~= nil
end

--- Names the user's default folder, whether it is there or not (XDG base directories).
-- @treturn string|nil nil for a user without a home
function folders.default()
  local config <const> = os.getenv("XDG_CONFIG_HOME") or ""
  if config:sub(1, 1) == "/" then return config .. "/attest/catalogue" end
  local home <const> = os.getenv("HOME") or ""
  return home ~= "" and home .. "/.config/attest/catalogue" or nil
end

--- Checks a folder that a person has named.
-- @string path
-- @treturn[1] string path
-- @treturn[2] nil
-- @treturn[2] attest.error "not_found"
function folders.check(path)
  if is_folder(path) then return path end
  return nil, errors.new {
    code = "not_found", message = ("catalogue %q: there is no such folder"):format(path),
  }
end

--- Lists the folders to search.
-- @tparam[opt] {string,...} given
-- @treturn {string,...} for attest.catalogue.load
function folders.list(given)
  local list <const> = table.move(given or {}, 1, #(given or {}), 1, {})
  local default <const> = folders.default()
  if default and is_folder(default) then list[#list + 1] = default end
  return list
end

return folders
