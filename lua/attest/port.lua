-- SPDX-License-Identifier: MIT
--
-- Opens what an address names: a device, or one end of a pair in memory whose
-- other end a simulated module or a recording serves in this process.
--
-- Whoever opened keeps both, the port and the far side, and closes both.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"

local port = {}

local far_side <const> = {}

function far_side.sim(where, catalogue)
  return require("attest.sim").new {
    module = where.module, map = where.map, set = where.set, fault = where.fault,
    state = where.state, seed = where.seed, dialect = where.dialect, catalogue = catalogue,
  }
end

-- An end of a pair is opened once, so a strict replay is one session.
function far_side.replay(where)
  return require("attest.replay").open {
    path = where.path, mode = where.mode, slot = where.slot, speed = where.speed,
    session = where.session, alone = where.mode ~= "command",
  }
end

--- Opens a port.
-- @tparam table where what attest.address.parse() returned
-- @tparam[opt] table options of the port (`baud`, `parity`...)
-- @tparam[opt] table catalogue folders with modules of one's own
-- @treturn[1] attest.port
-- @treturn[1] ?table the simulated module or the replay behind it
-- @treturn[2] nil
-- @treturn[2] attest.error "not_found", "busy", "invalid", "io"
function port.open(where, options, catalogue)
  if where.kind == "path" then
    local opened <const>, message <const>, name <const> = core.open(where.path, options)
    if not opened then
      return nil, errors.from_core(message, name, { message = where.path })
    end
    return opened
  end
  local far <const>, err <const> = far_side[where.kind](where, catalogue)
  if not far then
    return nil, err
  end
  local ours <const>, theirs <const> = core.pair()
  ours:set(options or {})
  far:serve(theirs)
  return ours, far
end

return port
