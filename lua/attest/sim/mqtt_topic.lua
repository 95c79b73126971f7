-- SPDX-License-Identifier: MIT
--
-- What MQTT 3.1.1 allows as text, as the topic of a message and as the filter
-- of a subscription (sections 1.5.3 and 4.7). Each check answers nil or the
-- reason, a short text. Pure; bytes are counted, not characters.

local mqtt_topic = {}

-- Length of a string on the wire is 16 bits.
mqtt_topic.LONGEST = 0xffff

--- Checks a string that MQTT carries as UTF-8.
-- @tparam string text
-- @treturn string|nil reason
function mqtt_topic.check_text(text)
  if #text > mqtt_topic.LONGEST then
    return "string too long"
  elseif text:find("\0", 1, true) then
    return "NUL in a string"
  elseif not utf8.len(text) then
    return "bad UTF-8"
  end
end

--- Checks the topic that a message is sent to.
-- @tparam string name
-- @treturn string|nil reason
function mqtt_topic.check_name(name)
  if name == "" then
    return "empty topic"
  elseif name:find("[#+]") then
    return "wildcard in a topic"
  end
  return mqtt_topic.check_text(name)
end

-- A wildcard fills its level, and "#" is the last one.
local function is_well_formed(filter)
  local rest <const> = filter == "#" and "" or filter:gsub("/#$", "")
  for level in (rest .. "/"):gmatch("([^/]*)/") do
    if level ~= "+" and level:find("[#+]") then
      return false
    end
  end
  return true
end

--- Checks the filter of a subscription.
-- @tparam string filter
-- @treturn string|nil reason
function mqtt_topic.check_filter(filter)
  if filter == "" then
    return "empty topic filter"
  elseif not is_well_formed(filter) then
    return "misplaced wildcard in a topic filter"
  end
  return mqtt_topic.check_text(filter)
end

return mqtt_topic
