-- SPDX-License-Identifier: MIT
--- Small judgements that every part of the catalogue checker shares.
--
-- Each one refuses by raising an attest.error "invalid" that starts with the place: the family,
-- the entry and the part of it. Knows no catalogue word of its own.

local errors <const> = require "attest.error"

local refuse = {}

--- Refuses: raises with the place in front.
-- @string where family, entry and part
-- @string format as for string.format
function refuse.at(where, format, ...)
  error(errors.new { code = "invalid", message = where .. ": " .. format:format(...) }, 0)
end

--- Refuses what is no table.
function refuse.not_table(where, v)
  if type(v) ~= "table" then refuse.at(where, "must be a table, is a %s", type(v)) end
  return v
end

--- Refuses keys that nobody reads; `known` is a set.
function refuse.unknown_keys(where, t, known)
  for key in pairs(t) do
    if not known[key] then refuse.at(where, "unknown key %q", tostring(key)) end
  end
end

--- Refuses what is no proper sequence; `many` asks for at least one element.
function refuse.not_list(where, t, many)
  refuse.not_table(where, t)
  local count = 0
  for key in pairs(t) do
    if math.type(key) ~= "integer" or key < 1 or key > #t then
      refuse.at(where, "must be a list, has the key %q", tostring(key))
    end
    count = count + 1
  end
  if count ~= #t then refuse.at(where, "has a hole") end
  if many and count == 0 then refuse.at(where, "must not be empty") end
  return t
end

--- Refuses what is not a text in both languages.
function refuse.not_text(where, t)
  refuse.not_table(where, t)
  refuse.unknown_keys(where, t, { en = true, zh = true })
  for _, lang in ipairs { "en", "zh" } do
    if type(t[lang]) ~= "string" or t[lang] == "" then
      refuse.at(where, "lacks its %s text", lang)
    end
  end
  return t
end

--- Refuses what is not a string of at least one byte.
function refuse.not_string(where, v)
  if type(v) ~= "string" or v == "" then refuse.at(where, "must be a string that is not empty") end
  return v
end

--- Refuses what is not an identifier in snake_case.
function refuse.not_name(where, v)
  refuse.not_string(where, v)
  if not v:find("^[a-z][a-z0-9_]*$") then
    refuse.at(where, "%q is no name: small letters, digits and _", v)
  end
  return v
end

--- Refuses what is neither absent nor a boolean.
function refuse.not_flag(where, v)
  if v ~= nil and type(v) ~= "boolean" then refuse.at(where, "must be true or false") end
end

--- Refuses what is no positive number of seconds, at most an hour.
function refuse.not_seconds(where, v)
  if type(v) ~= "number" or not (v > 0 and v <= 3600) then
    refuse.at(where, "must be seconds, more than 0 and at most 3600")
  end
  return v
end

--- Builds a set from a space-separated list of words; digits become integer keys.
function refuse.set(words)
  local set <const> = {}
  for word in words:gmatch("%S+") do set[math.tointeger(tonumber(word)) or word] = true end
  return set
end

return refuse
