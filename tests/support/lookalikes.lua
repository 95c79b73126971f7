-- SPDX-License-Identifier: MIT
--
-- Random bytes for data mode, full of what a module or a host could take for
-- something else. Endless and repeatable: a seed gives the same chunks.

local lookalikes = {}

local WORDS <const> = {
  "+++", "+++", "+++", "a+++b", "++", "+", "++++", "ATO", "ATO\r\n", "AT\r\n", "AT\r\n\r\nOK\r\n",
  "\r\nOK\r\n", "OK\r\n", "\r\nERROR=102\r\n", "\r\nDISCONNECT\r\n", "DISCONNECT\r\n",
  "\r\nNO CARRIER\r\n", "\r\nCONNECT,ID:3\r\n", "\r\n>", "\r\n+QIRD:3,5\r\nhello\r\n",
  "\r\nRDY\r\n", "\0", "\0\0\0", "\xff", "\xff\xff", "\r", "\n", "\b\x7f", "\x11\x13", "\x1a",
  "\x1b", "\x04",
}
local LONGEST <const> = 16384
local SMALL <const> = 48 -- goes over the line in one piece

local INTEGERS <const> = ("j"):rep(32)

local function random_bytes(count)
  local parts <const> = {}
  for i = 1, (count + 255) // 256 do
    local n <const> = {}
    for k = 1, 32 do
      n[k] = math.random(0)
    end
    parts[i] = INTEGERS:pack(table.unpack(n))
  end
  return table.concat(parts):sub(1, count)
end

local function word()
  return WORDS[math.random(#WORDS)]
end

-- Half of the sizes are small ones: as many bits as bytes are drawn.
local function size()
  return math.min(math.random(2 ^ math.random(0, 14) // 1 | 0), LONGEST)
end

local function with_words(bytes)
  for _ = 1, math.random(0, 3) do
    local at <const> = math.random(0, #bytes)
    bytes = bytes:sub(1, at) .. word() .. bytes:sub(at + 1)
  end
  return bytes:sub(1, LONGEST)
end

--- Makes the next chunk of 1 to 16384 bytes. One chunk may be nothing but
-- three pluses; a host refuses it where it might be an escape.
-- @treturn string
function lookalikes.chunk()
  local kind <const> = math.random(10)
  if kind == 1 then
    return word()
  end
  return with_words(random_bytes(size()))
end

--- Makes a chunk to be sent between two pauses: pluses at its start or its
-- end, and at least one other byte.
-- @treturn string
function lookalikes.lone_chunk()
  local bytes <const> = random_bytes(math.random(SMALL)):gsub("%+", "-")
  local roll <const> = math.random(3)
  return roll == 1 and "+++" .. bytes or roll == 2 and bytes .. "+++" or "+++" .. bytes .. "+++"
end

return lookalikes
