-- SPDX-License-Identifier: MIT
--- What a dialog wants to hear while nothing is asked: URCs that somebody waits
-- for, and the word of a reboot. Other lines stay in the core, counted.

local codec <const> = require "attest.codec"

local hearing <const> = {}

--- How the lines of a URC start; one that the catalogue does not know is its own name.
local function add_starts(list, module, name)
  local starts <const> = codec.starts(module, name) or { name }
  for _, start in ipairs(starts) do
    list[#list + 1] = start
  end
end

--- Lists what is wanted; false: everything.
local function wanted(d)
  local names <const> = d.router:names()
  if not names then
    return false
  end
  local list <const> = {}
  add_starts(list, d.module, d.profile.boot_word)
  for _, name in ipairs(names) do
    add_starts(list, d.module, name)
  end
  return list
end

--- Nothing is asked from now on, or what is wanted has changed.
-- @tparam attest.dialog d
function hearing.rest(d)
  local is_judging <const> = d.busy and not d.flight
  if d.closed or d.port:is_closed() then
    return
  elseif is_judging or d.is_data or d.owed or d.observers[1] then
    d.hears = nil -- all is heard
    d.port:hear(false)
  elseif d.hears == d.router.version then
    d.port:hear()
  else
    d.hears = d.router.version
    d.port:hear(wanted(d))
  end
end

return hearing
