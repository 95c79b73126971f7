-- SPDX-License-Identifier: MIT
--
-- A bench whose DUT has a link in direct mode, and the module's side of what
-- its host does with it. See tests.support.bench. Its calls wait.

local bench <const> = require "tests.support.bench"
local core <const> = require "attest.core"

local direct_bench <const> = {}

local OPEN <const> = 'AT+QIOPEN="TCP","192.0.2.1",7,0,1'

--- Opens a link on a bench; what follows CONNECT in the same read is data at once.
-- @tparam table b bench
-- @tparam[opt] string data that follows CONNECT
-- @tparam[opt] number guard seconds
-- @treturn attest.passthrough
function direct_bench.open(b, data, guard)
  local call <const> = b:run(function()
    return b.dut.try:passthrough { host = "192.0.2.1", port = 7, guard = guard }
  end)
  assert(b:sent() == OPEN .. "\r\n", "the host sent something else")
  b:say(OPEN .. "\r\n\r\nCONNECT,ID:3\r\n" .. (data or ""))
  return b:result(call)
end

--- Makes a bench with an open link.
-- @treturn table bench
-- @treturn attest.passthrough
function direct_bench.new()
  local b <const> = bench.new()
  return b, direct_bench.open(b)
end

--- Takes the pluses of an escape that has begun and lets the second silence pass.
-- @tparam table b bench
-- @tparam[opt] string before what the module says meanwhile
function direct_bench.take_pluses(b, before)
  core.sleep(1.1)
  local sent <const> = b:sent()
  assert(sent == "+++", ("the host sent %q"):format(sent))
  b:say(before or "")
  core.sleep(1)
end

--- Answers an escape and its proof, as a well-behaved module does.
-- @tparam table b bench
-- @tparam task call
-- @tparam[opt] string before what the module says before its OK
-- @tparam[opt] string behind what it says behind it
-- @return what the call returned
function direct_bench.answer_escape(b, call, before, behind)
  direct_bench.take_pluses(b, before)
  b:say("\r\nOK\r\n" .. (behind or ""))
  core.sleep(0.1)
  assert(b:sent() == "AT\r\n", "no AT")
  b:say("AT\r\n\r\nOK\r\n")
  return b:result(call)
end

--- Takes a link to command mode.
function direct_bench.escape(b, link, before, behind)
  local call <const> = b:run(function() return link.try:command_mode() end)
  return direct_bench.answer_escape(b, call, before, behind)
end

--- Takes it back; returns what `data_mode` returned.
-- @tparam[opt] string behind what follows the echo
function direct_bench.resume(b, link, behind)
  local call <const> = b:run(function() return link.try:data_mode() end)
  assert(b:sent() == "ATO", "no ATO")
  b:say("ATO" .. (behind or ""))
  return b:result(call)
end

return direct_bench
