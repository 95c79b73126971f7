-- SPDX-License-Identifier: MIT
--
-- Times of day as records hold them ("2026-11-21T11:45:57.250+08:00") and as
-- seconds since 1970. Pure: knows no clock and no local time zone.

local rfc3339 <const> = {}

-- Days since 1970-01-01 in the proleptic Gregorian calendar; years that begin
-- in March put the leap day last.
local function days(year, month, day)
  if month <= 2 then
    year = year - 1
  end
  local shifted <const> = (month + 9) % 12
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * shifted + 2) // 5 + day
    - 719469
end

--- Reads a time.
-- @tparam string text
-- @treturn number|nil seconds since 1970-01-01T00:00:00Z; nil: not a time
function rfc3339.parse(text)
  local year <const>, month <const>, day <const>, hour <const>, minute <const>, second <const>,
    part <const>, zone <const> =
      text:match("^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(%.?%d*)(.*)$")
  if not year or part ~= "" and not part:find("^%.%d") then
    return nil
  end
  local sign <const>, ahead <const>, minutes <const> = zone:match("^([+-])(%d%d):(%d%d)$")
  if not sign and zone:upper() ~= "Z" then
    return nil
  end
  local offset <const> = sign and (ahead * 3600 + minutes * 60) * (sign == "-" and -1 or 1) or 0
  return days(tonumber(year), tonumber(month), tonumber(day)) * 86400 + hour * 3600 + minute * 60
    + tonumber(second .. part) - offset
end

--- Writes a time in UTC.
-- @tparam number seconds since 1970
-- @tparam[opt=3] integer digits of the fraction
-- @treturn string such as "2026-11-21T03:45:57.250Z"
function rfc3339.format(seconds, digits)
  local scale <const> = 10 ^ (digits or 3)
  local scaled <const> = math.floor(seconds * scale + 0.5)
  local whole <const> = math.tointeger(scaled // scale)
  local text <const> = os.date("!%Y-%m-%dT%H:%M:%S", whole)
  if scale == 1 then
    return text .. "Z"
  end
  return ("%s.%0" .. (digits or 3) .. "dZ"):format(text, math.tointeger(scaled % scale))
end

return rfc3339
