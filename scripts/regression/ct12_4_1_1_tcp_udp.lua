-- SPDX-License-Identifier: MIT
--
-- DX-CT12 manual, 4.1.1: TCP and UDP in AT mode, step by step as it is printed
-- there. The server of the manual is to send back what it gets.
--
--     attest run scripts/regression/ct12_4_1_1_tcp_udp.lua --port /dev/ttyUSB0
--     attest run scripts/regression/ct12_4_1_1_tcp_udp.lua --sim ct12 \
--       --map 112.125.89.8=127.0.0.1:7

local attest <const> = require "attest"
local inbox <const> = require "inbox"

local plan <const> = attest.plan { name = "ct12-4.1.1-tcp-udp", version = "1.0", module = "ct12" }

plan:setup({ timeout = 150 }, function(t)
  t.dut:ready()
  t.dut:registered()
end)

local DATA <const> = "1234567890"

-- Steps 2 and 3, for a link that step 1 has opened.
local function use(t, link)
  local dut <const> = t.dut
  local received <close> = inbox.new(dut, "+QIRD")
  local sent <const> = dut:at(("AT+QISEND=%d,10"):format(link), { payload = DATA })
  t:measure("sending on link " .. link, sent.final):equals("SEND OK")
  t:measure("data back on link " .. link, received:next().payload):equals(DATA)
  t:measure("closing link " .. link, dut:at("AT+QICLOSE=" .. link).final):equals("OK")
end

plan:phase("TCP", { timeout = 60 }, function(t)
  -- 1. It answers CONNECT with the link, the first of which is 3.
  local opened <const> = t.dut:at([[AT+QIOPEN="TCP","112.125.89.8",33124,0,0]])
  t:measure("link", opened.fields.link_num):equals(3)
  use(t, 3)
end)

plan:phase("UDP", { timeout = 60 }, function(t)
  local opened <const> = t.dut:at([[AT+QIOPEN="UDP","112.125.89.8",33124,0,0]])
  t:measure("link", opened.fields.link_num):equals(3)
  use(t, 3)
end)

plan:phase("several links", { timeout = 60 }, function(t)
  for link = 3, 4 do
    local opened <const> = t.dut:at([[AT+QIOPEN="TCP","112.125.89.8",33124,0,0]])
    t:measure("link " .. link, opened.fields.link_num):equals(link)
  end
  use(t, 4)
  use(t, 3)
end)

-- Links that a failure left open; without them the module refuses.
plan:teardown(function(t)
  for _, row in ipairs(t.dut.try:qistate() or {}) do
    t.dut.try:at("AT+QICLOSE=" .. row.link_num)
  end
end)

return plan
