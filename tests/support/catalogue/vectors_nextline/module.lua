--- The vectors' module with the received payload on the line after its header.
--
-- SPDX-License-Identifier: MIT
-- luacheck: read globals both int str

local flag <const> = int(0, 1)
local none <const> = both("-", "-")

return {
  extends = "vectors",
  urcs = {
    { name = "+MQTTPUBLISH", prefix = "+MQTTPUBLISH:", doc = none,
      fields = {
        { "dup", flag, none }, { "qos", int(0, 2), none }, { "retained", flag, none },
        { "packet_id", int(0, 65535), none }, { "topic", str { max = 512 }, none },
        { "length", int(0, 65535), none },
      },
      payload = { length = "length", next_line = true } },
  },
}
