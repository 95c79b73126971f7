-- SPDX-License-Identifier: MIT
--
-- What a simulated ML302 prints and does when something happens to its
-- connection to the broker. One function: events(session) makes the handlers
-- that attest.sim.mqtt_client wants.
--
-- A broker that falls silent is noticed by three pings without an answer, one
-- that closes at once; then up to three attempts to reconnect, each after
-- twice the time of the one before (manual, 3.4).

local core <const> = require "attest.core"

local REFUSED_USER <const>, NO_SERVER <const>, TOO_LATE <const> = 614, 603, 604
local BAD_SOCKET <const> = 613
local BAD_USER <const>, NOT_ALLOWED <const> = 4, 5 -- codes of CONNACK
local ACCEPTED <const> = 2 -- highest code of SUBACK that is a QoS
local MOST_PINGS <const>, MOST_ATTEMPTS <const> = 3, 3

-- <type> of +MQTTTO, and what the command is refused with.
local TIMEOUTS <const> = {
  publish = { type = 2, refusal = 608 },
  subscribe = { type = 3, refusal = 605 },
  unsubscribe = { type = 4, refusal = 618 },
}
local CONNECTING <const>, PINGING <const> = 1, 5

-- The password is wrong: further attempts would only lock the account.
local function is_hopeless(session)
  return session.code == BAD_USER or session.code == NOT_ALLOWED
end

local function backoff(session)
  return session.machine.settings.reconnect * 2 ^ session.attempts
end

-- By phase: what the end of the connection means.
local closed <const> = {}

function closed.opening(session)
  session.phase = "closed"
  if is_hopeless(session) then
    return session:finish(REFUSED_USER)
  end
  session:finish(session.is_late and TOO_LATE or NO_SERVER)
  if session.recon == 1 then
    session:retry_in(backoff(session))
  end
end

-- A broker that closes again and again is not hurried.
local function may_hurry(session, reason)
  local lasted <const> = core.now() - session.opened_at
  return reason ~= "by_us"
    and not (session.has_recovered and lasted < session.machine.settings.reconnect)
end

function closed.open(session, reason)
  session:finish(BAD_SOCKET)
  session.attempts = 0
  if session.recon == 0 then
    return session:give_up()
  end
  session:retry_in(may_hurry(session, reason) and 0 or backoff(session))
end

function closed.lost(session)
  if is_hopeless(session) or session.attempts >= MOST_ATTEMPTS then
    session.gave_up = true
    return session:give_up()
  end
  session:retry_in(backoff(session))
end

function closed.closing(session)
  session:finish()
end

local handlers <const> = {}

function handlers.closed(session, reason)
  local fn <const> = closed[session.phase]
  if fn then
    fn(session, reason)
  end
end

-- What comes after a reconnect is not documented: the same word, and topics
-- that the broker has forgotten are subscribed again.
function handlers.connack(session, code, has_session)
  session.code = code
  if code ~= 0 then
    return -- `closed` follows
  end
  local is_new <const> = session.phase == "opening"
  session.phase, session.opened_at = "open", core.now()
  session.has_recovered = not is_new
  if is_new and not has_session then
    session.topics = {}
  elseif not has_session then
    session:resubscribe()
  end
  if not is_new or session.machine.dialect ~= "field" then
    session:tell("+MQTTOPEN")
  end
  session:finish()
end

function handlers.suback(session, id, codes)
  local request <const>, code <const> = session.requests[id] or {}, codes[1]
  session.requests[id] = nil
  session:list(request.topic, code <= ACCEPTED and code or nil)
  if not request.is_quiet then
    session:tell("+MQTTSUBACK", { pack_id = id, code = code, topic = request.topic })
    session:finish()
  end
end

function handlers.unsuback(session, id)
  local request <const> = session.requests[id] or {}
  session.requests[id] = nil
  session:list(request.topic)
  session:tell("+MQTTUNSUBACK", { pack_id = id, topic = request.topic })
  session:finish()
end

-- A message that was sent again after a reconnect belongs to no command.
local function finish_publish(session, id)
  if session.requests[id] then
    session.requests[id] = nil
    session:finish()
  end
end

function handlers.puback(session, id)
  session:tell("+MQTTPUBACK", { dup = 0, pack_id = id })
  finish_publish(session, id)
end

function handlers.pubrec(session, id)
  session:tell("+MQTTPUBREC", { dup = 0, pack_id = id })
end

function handlers.pubcomp(session, id)
  session:tell("+MQTTPUBCOMP", { dup = 0, pack_id = id })
  finish_publish(session, id)
end

function handlers.publish(session, packet)
  session:tell_message(packet)
end

function handlers.pubrel(session, id)
  session:tell("+MQTTPUBREL", { dup = 0, pack_id = id })
end

function handlers.pingresp(session)
  session.missed = 0
  if session.rsp_echo == 1 then
    session:tell("+MQTTPINGRSP")
  end
end

local function miss_ping(session)
  session:tell("+MQTTTO", { type = PINGING })
  session.missed = session.missed + 1
  if session.missed == MOST_PINGS then
    session.client:cut()
  end
end

-- Without a word while it connects again, as the manual's example shows.
local function miss_connack(session)
  session.is_late = true
  if session.phase == "opening" then
    session:tell("+MQTTTO", { type = CONNECTING })
  end
end

function handlers.timeout(session, kind)
  if kind == "ping" then
    return miss_ping(session)
  elseif kind == "connect" then
    return miss_connack(session)
  end
  session:tell("+MQTTTO", { type = TIMEOUTS[kind].type })
  session:finish(TIMEOUTS[kind].refusal)
  session.client:cut()
end

--- Makes the handlers of a session.
-- @tparam session session
-- @treturn table event -> function
local function events(session)
  local out <const> = {}
  for name, fn in pairs(handlers) do
    out[name] = function(...)
      fn(session, ...)
    end
  end
  return out
end

return events
