-- SPDX-License-Identifier: MIT
--
-- Keeps what a module says unasked, from now on, until the script wants it.
--
--     local messages <close> = inbox.new(t.dut, "+QMTRECV")
--     t.dut:at([[AT+QMTPUB="TTT",0,0,"12345678"]])
--     print(messages:next(10).payload)

local attest <const> = require "attest"

local inbox = {}

local LOOK <const> = 0.01 -- seconds between two looks

local methods <const> = {}
local mt <const> = { __index = methods }

function mt.__close(self)
  self.handle:off()
end

--- Starts to keep the URCs of a name.
-- @tparam attest.dut dut
-- @tparam string name such as "+QMTRECV"
-- @treturn table inbox
function inbox.new(dut, name)
  local self <const> = setmetatable({ name = name, list = {} }, mt)
  self.handle = dut:on(name, function(fields)
    self.list[#self.list + 1] = fields
  end)
  return self
end

--- Takes the oldest; waits for it.
-- @tparam[opt=10] number timeout seconds
-- @treturn table the URC's fields
-- @raise attest.error "timeout"
function methods:next(timeout)
  timeout = timeout or 10
  local deadline <const> = attest.now() + timeout
  while #self.list == 0 do
    if attest.now() >= deadline then
      attest.error.raise {
        code = "timeout", message = ("no %s within %g s"):format(self.name, timeout),
      }
    end
    attest.sleep(LOOK)
  end
  return table.remove(self.list, 1)
end

--- Tells how many wait.
-- @treturn integer
function methods:count()
  return #self.list
end

return inbox
