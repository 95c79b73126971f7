-- SPDX-License-Identifier: MIT
--
-- Asks an NTP server for the time, as a simple client does (RFC 4330): one
-- datagram there, one back, and the four times between them. Packing and
-- unpacking are pure; query() waits.

local core <const> = require "attest.core"

local errors <const> = require "attest.error"
local await <const> = require "attest.sim.await"

local ntp = {}

-- Seconds from 1900 to 1970.
local EPOCH <const> = 2208988800
local FRACTION <const> = 2 ^ 32
local VERSION_4_CLIENT <const> = 4 << 3 | 3
local SERVER <const> = 4
local HEADER <const> = ">BBBbI4I4I4"
-- after the header: reference, originate, receive, transmit
local TIMES <const> = ">I4I4I4I4I4I4I4I4"
local SIZE <const> = 48

local TRIES <const> = 2
local PATIENCE <const> = 2.5

local function to_stamp(seconds)
  local whole <const> = math.floor(seconds)
  return (whole + EPOCH) & 0xffffffff, math.floor((seconds - whole) * FRACTION)
end

-- Stamps below 2^31 belong to the era that begins in 2036.
local function to_seconds(whole, fraction)
  local era <const> = whole < 1 << 31 and 1 << 32 or 0
  return whole + era - EPOCH + fraction / FRACTION
end

--- Builds a request.
-- @tparam number now seconds since 1970
-- @treturn string datagram
function ntp.request(now)
  local whole <const>, fraction <const> = to_stamp(now)
  return string.pack(HEADER, VERSION_4_CLIENT, 0, 0, 0, 0, 0, 0)
    .. string.pack(TIMES, 0, 0, 0, 0, 0, 0, whole, fraction)
end

--- Reads an answer.
-- @tparam string bytes datagram
-- @tparam string request that it must answer
-- @tparam number sent when the request left, in seconds since 1970
-- @tparam number now when the answer came
-- @treturn number|nil seconds that the server is ahead; nil when it is no
--   valid answer to this request
function ntp.offset(bytes, request, sent, now)
  if #bytes < SIZE or bytes:sub(25, 32) ~= request:sub(41, 48) then
    return nil
  end
  local flags <const>, stratum <const> = bytes:byte(1, 2)
  local alarm <const> = 3 -- leap indicator: the server has no time itself
  if flags & 7 ~= SERVER or flags >> 6 == alarm or stratum == 0 then
    return nil
  end
  local times <const> = { string.unpack(TIMES, bytes, 17) }
  local received <const> = to_seconds(times[5], times[6])
  local answered <const> = to_seconds(times[7], times[8])
  return ((received - sent) + (answered - now)) / 2
end

local function ask(connection)
  local sent <const> = core.wall()
  local request <const> = ntp.request(sent)
  return await(function(done)
    connection:start {
      data = function(bytes)
        local offset <const> = ntp.offset(bytes, request, sent, core.wall())
        if offset then
          done(offset)
        end
      end,
      closed = function() end,
    }
    connection:write(request, function() end)
  end, PATIENCE)
end

local close_mt <const> = {
  __close = function(self)
    self.connection:close()
  end,
}

--- Asks a server; waits some seconds at most.
-- @tparam peers peers
-- @tparam string host
-- @tparam integer port
-- @treturn[1] number seconds that the server is ahead of core.wall()
-- @treturn[2] nil
-- @treturn[2] error
function ntp.query(peers, host, port)
  local connection <const>, err <const> = peers:connect { type = "UDP", host = host, port = port }
  if not connection then
    return nil, err
  end
  local _ <close> = setmetatable({ connection = connection }, close_mt)
  for _ = 1, TRIES do
    local offset <const> = ask(connection)
    if offset then
      return offset
    end
  end
  return nil, errors.new { code = "timeout", message = "no answer from NTP server " .. host }
end

return ntp
