-- SPDX-License-Identifier: MIT
--- Reads a command line: for the simulated module strictly, for the host's raw calls leniently.
--
-- Refusals carry the number of the module's manual: 104 unknown command, 101 wrong count or
-- length, 103 wrong value. Pure; knows no state.

local combination <const> = require "attest.codec.combination"
local split <const> = require "attest.codec.split"
local value <const> = require "attest.codec.value"

local parse = {}

local byte <const>, find <const>, sub <const> = string.byte, string.find, string.sub
local read <const>, write <const> = value.read, value.write
local plans <const> = setmetatable({}, { __mode = "k" })

local plus <const> = 43
local unknown_command <const>, wrong_length <const>, wrong_value <const> = 104, 101, 103
local kinds <const> = { [""] = "exec", ["?"] = "read", ["=?"] = "test" }

local function refused(number, format, ...)
  return nil, { number = number, reason = format:format(...) }
end

--- Splits "AT+CREG=1" into the wire name and what follows it.
local function cut_extended(text)
  local at <const> = find(text, "[=?]") or #text + 1
  local name <const> = sub(text, 1, at - 1)
  return (find(name, "%s") and name:match("^%s*(.-)%s*$") or name):upper(), sub(text, at)
end

--- Letter commands such as ATE0 carry their argument without a sign: the longest wire wins.
local function cut_basic(module, text)
  local upper <const> = text:sub(1, module.longest_wire):upper()
  for size = #upper, 0, -1 do
    local entry <const> = module.wires[upper:sub(1, size)]
    if entry and not entry.bare and (size > 0 or text == "") then
      return entry, text:sub(size + 1)
    end
  end
  return nil, ""
end

--- Finds the entry of a command text and what follows its name.
local function locate(module, text)
  if find(text, "%s", -1) then text = text:gsub("%s+$", "") end
  local whole <const> = module.wires[text]
  if whole and whole.bare then return whole, "" end
  local _, start <const> = find(text, "^[Aa][Tt]%s*")
  if not start then return nil, "" end
  local body <const> = sub(text, start + 1)
  if byte(body, 1) == plus then
    local name <const>, rest <const> = cut_extended(sub(body, 2))
    local entry <const> = module.wires["+" .. name]
    if entry and entry.bare then return nil, "" end
    return entry, rest
  end
  return cut_basic(module, body)
end

--- Tells the kind of a command by what follows its name, and the text of its arguments.
local function kind_of(entry, rest)
  if kinds[rest] then
    local form <const> = entry.forms[1]
    if rest == "" and form.kind == "bare" then return "bare" end
    return kinds[rest]
  end
  if rest:sub(1, #entry.glue) ~= entry.glue then return nil end
  return "set", rest:sub(#entry.glue + 1)
end

local function options_of(form)
  local escape <const> = {}
  for i, arg in ipairs(form.args) do
    local text <const> = arg.type.text or arg.type
    escape[i] = text.escape
  end
  return next(escape) and { escape = escape } or nil
end

local function least_of(form)
  local least = 0
  for i, arg in ipairs(form.args) do
    if not arg.optional then least = i end
  end
  return least
end

--- How a form's columns are split, and how many it takes at least.
local function plan_of(form)
  local plan = plans[form]
  if not plan then
    plan = { options = options_of(form), least = least_of(form) }
    plans[form] = plan
  end
  return plan
end

local function takes(form, least, count)
  if not form.arity then return count >= least and count <= #form.args end
  for _, n in ipairs(form.arity) do
    if n == count then return true end
  end
  return false
end

--- Picks the form: by kind, and by the number of columns where several are of that kind.
local function choose(entry, kind, text)
  local nearest, columns
  for _, form in ipairs(entry.forms) do
    if form.kind == kind then
      if kind ~= "set" then return form, {}, true end
      local plan <const> = plan_of(form)
      columns = split(text, plan.options)
      nearest = nearest or form
      if takes(form, plan.least, #columns) then return form, columns, true end
    end
  end
  return nearest, columns, false
end

--- Says with which number a value is refused: sizes and lengths are "wrong length".
local function number_for(arg, text)
  if arg.measures and math.tointeger(tonumber(text)) then return wrong_length end
  local t <const> = arg.type.text or arg.type
  if t.kind ~= "int" and t.kind ~= "enum" and t.max and (#text > t.max or #text < t.min) then
    return wrong_length
  end
  return wrong_value
end

local function read_argument(arg, text, quoted)
  if text == "" and not quoted then
    if arg.optional then return true, arg.default end
    return false
  end
  local kind <const> = arg.type.kind
  local v <const> = read[kind](arg.type, text, quoted)
  if v == nil or not write[kind](arg.type, v) then return false end
  return true, v
end

local function read_arguments(form, columns)
  local args <const> = {}
  for i, arg in ipairs(form.args) do
    local text <const> = columns[i]
    if text == nil then
      args[arg.name] = arg.default
    else
      local fine <const>, v <const> = read_argument(arg, text, columns.quoted[i])
      if not fine then
        return refused(number_for(arg, text), "argument %s is %s, expected %s", arg.name,
          value.show_of(arg, text), value.expected(arg.type))
      end
      args[arg.name] = v
    end
  end
  return args
end

local function read_command(entry, rest, line)
  local kind <const>, text <const> = kind_of(entry, rest)
  if not kind then return refused(unknown_command, "unknown command %s", value.show(line)) end
  local form <const>, columns <const>, fits <const> = choose(entry, kind, text)
  if not form then return refused(unknown_command, "%s has no %s form", entry.command, kind) end
  if not fits then
    return refused(wrong_length, "%s: %d arguments are not what it takes", entry.command, #columns)
  end
  if form.max_text and #text > form.max_text then
    return refused(wrong_length, "%s: %d bytes of arguments are too many", entry.command, #text)
  end
  local args <const>, err <const> = read_arguments(form, columns)
  if not args then return nil, err end
  local names <const> = form.combinations
    and combination.fault(form, function(arg) return args[arg.name] end)
  if names then return refused(wrong_value, "%s do not go together", names) end
  return { entry = entry, form = form, kind = kind, args = args, raw = columns, count = #columns }
end

--- Reads a command as the module would. Lower case and blanks after AT+ are accepted.
-- @tparam table module catalogue
-- @string line without its line end
-- @treturn[1] table `entry`, `form`, `kind`, `args` by name (defaults filled in), `raw` columns,
--   `count` of the columns that were there
-- @treturn[2] nil
-- @treturn[2] table `number` for ERROR=<n>, `reason`, and `entry` where one has this name
function parse.parse(module, line)
  local entry <const>, rest <const> = locate(module, line)
  if not entry then return refused(unknown_command, "unknown command %s", value.show(line)) end
  local command <const>, refusal <const> = read_command(entry, rest, line)
  if refusal then refusal.entry = entry end
  return command, refusal
end

--- Splits the arguments of a command, whatever they are.
-- @tparam table module catalogue
-- @string line command without its line end
-- @treturn[1] table form that it comes nearest to
-- @treturn[1] table columns, as codec.split gives them
-- @treturn[2] nil when there are none, or no entry has this name
function parse.columns(module, line)
  local entry <const>, rest <const> = locate(module, line)
  if not entry then return nil end
  local kind <const>, text <const> = kind_of(entry, rest)
  local form <const>, columns <const> = choose(entry, kind, text)
  if kind ~= "set" or not form then return nil end
  return form, columns
end

--- Finds what a raw command is. Values are not judged: the user may send anything.
-- @tparam table module catalogue
-- @string line command without its line end
-- @treturn[1] table entry
-- @treturn[1] ?table form; nil when the entry has none of this kind
-- @treturn[1] boolean whether a prompt and a payload belong to it
-- @treturn[2] nil when no entry has this name
function parse.lookup(module, line)
  local entry <const>, rest <const> = locate(module, line)
  if not entry then return nil end
  local kind <const>, text <const> = kind_of(entry, rest)
  if not kind then return entry, nil, false end
  local form <const>, columns <const> = choose(entry, kind, text)
  local spec <const> = form and form.payload
  if not spec then return entry, form, false end
  for i, arg in ipairs(form.args) do
    if spec.when == arg.name then
      local number <const> = columns[i] and not columns.quoted[i] and tonumber(columns[i])
      return entry, form, number ~= nil and number ~= false
    end
  end
  return entry, form, true
end

return parse
