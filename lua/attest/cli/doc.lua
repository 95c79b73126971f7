-- SPDX-License-Identifier: MIT
--
-- `attest doc [COMMAND]`: the manual, printed from the catalogue.
--
-- COMMAND is whatever a person types for it: AT+QISEND, +qisend=, qisend, ATE.

local catalogue <const> = require "attest.catalogue"
local folders <const> = require "attest.catalogue.folders"
local manual <const> = require "attest.doc"
local shared <const> = require "attest.cli.options"

local doc = {}

doc.summary = {
  en = "print the reference of a command, or the list of all",
  zh = "显示某条指令的说明，或全部指令的列表",
}

function doc.parser(parser)
  parser:argument("command", "Command to explain; without it, all are listed."):args "?"
  parser:option("--module", "Module type."):default "ct12"
  shared.catalogue(parser)
end

-- "at+qisend=3,5" -> "+QISEND"; "ATE0" -> "E"; "AT" -> "".
local function wire_of(text)
  local name <const> = text:upper():gsub("^%s*AT", ""):gsub("[%s%d?=].*$", "")
  return name
end

local function find(module, text)
  local wire <const> = wire_of(text)
  return module.wires[wire] or module.wires["+" .. wire] or module.entries[text:lower()]
end

--- Prints the reference.
-- @tparam table options of the command line
-- @treturn[1] integer exit status
-- @treturn[2] nil
-- @treturn[2] string or error object: no such module or command
function doc.run(options)
  local dirs <const> = folders.list(options.catalogue)
  local module <const>, err <const> = catalogue.load(options.module, dirs)
  if not module then
    return nil, err
  end
  if options.command == nil then
    shared.print((manual.index(module, { lang = options.lang })))
    return 0
  end
  local entry <const> = find(module, options.command)
  if not entry then
    return nil, ("module %s has no command %q ('attest doc' lists them)")
      :format(module.name, options.command)
  end
  shared.print((manual.render(entry, { lang = options.lang, module = module })))
  return 0
end

return doc
