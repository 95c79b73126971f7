-- SPDX-License-Identifier: MIT
--
-- Seeded dice (splitmix64): math.random belongs to the whole process. Each
-- purpose has dice of its own, so that one fault more changes nothing in what
-- the others do.

local GOLDEN <const> = 0x9E3779B97F4A7C15

local function mix(z)
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  return z ~ (z >> 31)
end

-- FNV-1a
local function hash(text)
  local sum = 0xCBF29CE484222325
  for i = 1, #text do
    sum = (sum ~ text:byte(i)) * 0x100000001B3
  end
  return sum
end

--- Makes dice.
-- @tparam integer seed
-- @tparam string purpose
-- @treturn table `roll(low, high)`, a whole number; `chance(p)`, true with the
--   probability `p`; `share()`, a number from 0 to below 1
local function dice(seed, purpose)
  local state = mix(seed) ~ hash(purpose)
  local function next_bits()
    state = state + GOLDEN
    return mix(state)
  end
  local function share()
    return (next_bits() >> 11) * 2.0 ^ -53
  end
  return {
    roll = function(low, high)
      return low + (next_bits() >> 1) % (high - low + 1)
    end,
    chance = function(p)
      return share() < p
    end,
    share = share,
  }
end

return dice
