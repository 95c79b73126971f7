-- SPDX-License-Identifier: MIT
--
-- Reads a file of vectors: one JSON object a line, empty lines apart. Knows
-- nothing of what a vector means.

local cjson <const> = require "cjson"

local vector_file = {}

--- JSON strings are latin-1: one code point is one byte.
local function to_bytes(value)
  if type(value) == "string" then
    local bytes <const> = {}
    for _, code in utf8.codes(value) do
      bytes[#bytes + 1] = string.char(code)
    end
    return table.concat(bytes)
  elseif type(value) == "table" then
    for key, each in pairs(value) do
      value[key] = to_bytes(each)
    end
  end
  return value
end

local function read_line(line)
  local vector <const> = to_bytes(cjson.decode(line))
  if type(vector) ~= "table" or type(vector.steps) ~= "table"
    or type(vector.expect) ~= "table" then
    error("expected an object with steps and expect", 0)
  end
  return vector
end

--- Reads all vectors of a file.
-- @tparam string path
-- @treturn[1] {table,...}
-- @treturn[2] nil
-- @treturn[2] string what is wrong, with path and line
function vector_file.read(path)
  local file <close>, why <const> = io.open(path, "rb")
  if not file then
    return nil, why
  end
  local list <const> = {}
  local number = 0
  for line in file:lines() do
    number = number + 1
    if line:find("%S") then
      local ok <const>, vector <const> = pcall(read_line, line)
      if not ok then
        return nil, ("%s:%d: %s"):format(path, number, vector)
      end
      list[#list + 1] = vector
    end
  end
  return list
end

return vector_file
