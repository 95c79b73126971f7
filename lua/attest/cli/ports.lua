-- SPDX-License-Identifier: MIT
--
-- `attest ports`: the serial ports of this machine and who holds them.
--
-- Opens none of them; what a port's hardware does not tell is shown as "-". A
-- device and the process that holds it have chosen their names themselves.

local core <const> = require "attest.core"
local json <const> = require "attest.json"
local printable <const> = require("attest.text").printable
local shared <const> = require "attest.cli.options"

local ports = {}

ports.summary = {
  en = "list the serial ports: path, topology, VID:PID, serial, busy",
  zh = "列出串口：路径、拓扑、VID:PID、序列号、占用者",
}

function ports.parser(parser)
  parser:flag("--json", "Print a JSON array, for programs.")
end

local function usb_id(port)
  return port.usb_vid and port.usb_pid and ("%04x:%04x"):format(port.usb_vid, port.usb_pid)
end

local COLUMNS <const> = {
  { "PATH", function(port) return port.path end },
  { "TRANSPORT", function(port) return port.transport end },
  { "TOPOLOGY", function(port) return port.topology end },
  { "VID:PID", usb_id },
  { "SERIAL", function(port) return port.usb_serial end },
  { "DESCRIPTION", function(port) return port.description end },
  { "BUSY", function(port) return port.busy end },
}

local function cell(value)
  return (value == nil or value == "") and "-" or printable(tostring(value))
end

local function rows(list)
  local result <const> = { {} }
  for i, column in ipairs(COLUMNS) do
    result[1][i] = column[1]
  end
  for n, port in ipairs(list) do
    result[n + 1] = {}
    for i, column in ipairs(COLUMNS) do
      result[n + 1][i] = cell(column[2](port))
    end
  end
  return result
end

local function print_table(list)
  local all <const> = rows(list)
  local widths <const> = {}
  for _, row in ipairs(all) do
    for i, text in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, #text)
    end
  end
  for _, row in ipairs(all) do
    for i, text in ipairs(row) do
      row[i] = i == #row and text or text .. (" "):rep(widths[i] - #text)
    end
    shared.print((table.concat(row, "  ")))
  end
end

--- Prints the list.
-- @tparam table options of the command line
-- @treturn integer exit status
function ports.run(options)
  local list <const> = core.ports()
  if options.json then
    shared.print(#list == 0 and "[]" or json.encode(list))
  elseif #list == 0 then
    io.stderr:write("attest ports: this machine has no serial port\n")
  else
    print_table(list)
  end
  return 0
end

return ports
