-- SPDX-License-Identifier: MIT
--- Finds what must not be shown: passwords in a command and in its answer.
--
-- The catalogue marks arguments and fields as secret; here is where their bytes stand. Pure; who
-- masks them, and where, is not known here.

local parse <const> = require "attest.codec.parse"
local row <const> = require "attest.codec.row"

local secret = {}

--- Lists the secrets of a command, as they stand on the wire without their quotes.
-- Values are not judged: what a module would refuse is as secret as what it takes.
-- @tparam table module catalogue
-- @string line command without its line end
-- @treturn {string,...}
function secret.of_command(module, line)
  local found <const> = {}
  local form <const>, columns <const> = parse.columns(module, line)
  for i, arg in ipairs(form and form.args or {}) do
    local text <const> = arg.secret and columns[i]
    if text and text ~= "" then found[#found + 1] = text end
  end
  return found
end

--- Lists the secrets of an answer's line. Stars that the module printed itself are none.
-- @tparam table form catalogue form
-- @string line without its line end
-- @treturn {string,...}
function secret.of_answer(form, line)
  local found <const> = {}
  for _, spec in ipairs(form.info) do
    local values <const> = row.read(spec, line) or {}
    for _, field in ipairs(spec.fields) do
      local text <const> = field.secret and values[field.name]
      if type(text) == "string" and text:find("[^*]") then found[#found + 1] = text end
    end
  end
  return found
end

return secret
