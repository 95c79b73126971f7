-- SPDX-License-Identifier: MIT
--
-- A fuzzer's bytes as choices: each call takes what it needs from the front.
-- When all are taken, numbers are the lowest and texts are empty.

local fuzz_input = {}

local methods <const> = {}
local mt <const> = { __index = methods }

--- Begins to take.
-- @tparam string bytes
function fuzz_input.new(bytes)
  return setmetatable({ bytes = bytes, at = 1 }, mt)
end

--- Takes a whole number.
-- @tparam integer low
-- @tparam integer high
-- @treturn integer
function methods:number(low, high)
  local value, span = 0, high - low
  while span > 0 do
    value = value << 8 | (self.bytes:byte(self.at) or 0)
    self.at = self.at + 1
    span = span >> 8
  end
  return low + (value & math.maxinteger) % (high - low + 1)
end

--- Takes one of a list.
function methods:pick(list)
  return list[self:number(1, #list)]
end

--- Takes yes or no.
function methods:flag()
  return self:number(0, 1) == 1
end

--- Takes bytes, as many as a number before them says.
-- @tparam integer most
-- @treturn string
function methods:text(most)
  local length <const> = self:number(0, most)
  local text <const> = self.bytes:sub(self.at, self.at + length - 1)
  self.at = self.at + length
  return text
end

--- Takes everything that is left.
-- @treturn string
function methods:rest()
  local rest <const> = self.bytes:sub(self.at)
  self.at = #self.bytes + 1
  return rest
end

--- Tells whether nothing is left.
function methods:is_empty()
  return self.at > #self.bytes
end

--- Cuts bytes into slices of the fuzzer's choice.
-- @tparam string bytes
-- @tparam integer most bytes of a slice
-- @tparam integer seed
-- @treturn {string,...}
function fuzz_input.slices(bytes, most, seed)
  local list <const>, from = {}, 1
  while from <= #bytes do
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    local size <const> = 1 + (seed >> 16) % most
    list[#list + 1] = bytes:sub(from, from + size - 1)
    from = from + size
  end
  return list
end

--- Compares values, tables by what they hold.
function fuzz_input.same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b and math.type(a) == math.type(b) or a ~= a and b ~= b
  end
  for key, value in pairs(a) do
    if not fuzz_input.same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

return fuzz_input
