-- SPDX-License-Identifier: MIT
--
-- Random identities, RFC 9562 version 4: records of many hosts can be merged.

local uv <const> = require "luv"

local uuid <const> = {}

--- Makes a new one.
-- @treturn string such as "f47ac10b-58cc-4372-a567-0e02b2c3d479"
function uuid.new()
  local bytes <const> = { assert(uv.random(16, 0)):byte(1, 16) }
  bytes[7] = bytes[7] & 0x0F | 0x40
  bytes[9] = bytes[9] & 0x3F | 0x80
  local hex <const> = ("%02x"):rep(16):format(table.unpack(bytes))
  return (hex:gsub("^(........)(....)(....)(....)", "%1-%2-%3-%4-"))
end

return uuid
