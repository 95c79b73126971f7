-- SPDX-License-Identifier: MIT
--
-- A storm of lines that nobody asked for: the module tells its registration,
-- truly, again and again. Other lines would be lies about links or sessions.

local storm = {}

-- Bytes on their way to the client beyond which a line is dropped: a module
-- has only so much memory.
local MOST_WAITING <const> = 1024

--- Finds the line of which a module's storms are made.
-- @tparam table module its catalogue
-- @treturn ?string name of the URC; nil when it has none
function storm.line_of(module)
  local registration <const> = module.profile.registration
  local entry <const> = registration and module.entries[registration.entry]
  for _, urc in ipairs(module.urcs) do
    if entry and urc.name == entry.wire then
      return urc.name
    end
  end
end

--- Begins the storm, if there is to be one; it ends with the machine's power.
-- @tparam machine machine
function storm.start(machine)
  local faults <const> = machine.faults
  local name <const>, dice <const> = storm.line_of(machine.module), faults:dice("storm")

  local function next_line()
    if faults.storm then
      machine:later(2 * dice.share() / faults.storm.rate, function()
        if faults.storm and machine.line:backlog() <= MOST_WAITING then
          machine:announce(name, { stat = machine.stat })
        end
        next_line()
      end)
    end
  end

  next_line()
end

return storm
