-- SPDX-License-Identifier: MIT
--
-- What an MQTT client does with each packet that a broker sends: answers it,
-- updates the session, and tells the event. Refuses what only a client may
-- send. One function: inbox(client, link, packet).

local errors <const> = require "attest.error"

local receivers <const> = {}

local function fail(link, message)
  link:finish("error", errors.new { code = "protocol", message = message })
end

-- Sent again in their order; their answers are awaited anew.
local function send_again(client, link)
  for _, packet in ipairs(client.session:unanswered()) do
    link:watch({ kind = "publish" }, packet.id)
    link:send(packet)
  end
end

function receivers.connack(client, link, packet)
  if packet.code ~= 0 then
    client:emit("connack", packet.code, false)
    return link:finish("refused")
  end
  link:accepted()
  if not packet.has_session then
    client.session:forget_incoming()
  end
  send_again(client, link)
  client:emit("connack", 0, packet.has_session)
end

local function receive_ack(client, link, packet)
  local is_ours <const> = client.session:answered(packet.type, packet.id)
  if is_ours and link:answered(packet.id) then
    client:emit(packet.type, packet.id)
  end
end

receivers.puback = receive_ack
receivers.pubcomp = receive_ack

-- What nobody uses is released too: so the broker can forget it.
function receivers.pubrec(client, link, packet)
  local id <const>, request <const> = packet.id, link.requests[packet.id]
  local is_ours <const> = client.session:answered("pubrec", id)
  if not is_ours and request and not client.session:is_released(id) then
    return
  end
  link:send { type = "pubrel", id = id }
  if is_ours then
    link:watch(request, id)
    if not request.is_late then
      client:emit("pubrec", id)
    end
  end
end

local function receive_grant(client, link, packet, kind)
  local request <const> = link.requests[packet.id]
  if not request or request.kind ~= kind then
    return
  elseif packet.codes and #packet.codes ~= 1 then
    fail(link, "SUBACK with another number of codes than filters")
  elseif link:answered(packet.id) then
    client:emit(packet.type, packet.id, packet.codes)
  end
end

function receivers.suback(client, link, packet)
  receive_grant(client, link, packet, "subscribe")
end

function receivers.unsuback(client, link, packet)
  receive_grant(client, link, packet, "unsubscribe")
end

-- A QoS 2 message is delivered when it comes first; its twins are not.
function receivers.publish(client, link, packet)
  if packet.qos ~= 2 or client.session:received(packet.id) then
    client:emit("publish", packet)
  end
  if packet.qos ~= 0 then
    link:send { type = packet.qos == 1 and "puback" or "pubrec", id = packet.id }
  end
end

function receivers.pubrel(client, link, packet)
  local was_there <const> = client.session:released(packet.id)
  link:send { type = "pubcomp", id = packet.id }
  if was_there then
    client:emit("pubrel", packet.id)
  end
end

function receivers.pingresp(client, link)
  link:ponged()
  client:emit("pingresp")
end

--- Takes a packet. The first must be CONNACK, and no other may be one.
-- @tparam mqtt_client client
-- @tparam mqtt_link link
-- @tparam table packet
local function inbox(client, link, packet)
  local receiver <const> = receivers[packet.type]
  local is_first <const> = link.state == "waiting"
  if receiver and (packet.type == "connack") == is_first then
    receiver(client, link, packet)
  else
    fail(link, ("unexpected %s from the broker"):format(packet.type:upper()))
  end
end

return inbox
