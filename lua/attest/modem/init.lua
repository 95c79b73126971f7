-- SPDX-License-Identifier: MIT
--- A module under test, as a script sees it: one method per catalogue entry.
--
-- Every method raises an error object; the same method behind `dut.try` returns
-- `nil, err` instead. Refused arguments never reach the wire. Knows no plan and
-- no command by name except where the profile names one.

local catalogue <const> = require "attest.catalogue"
local codec <const> = require "attest.codec"
local dialog <const> = require "attest.dialog"
local check_options <const> = require("attest.modem.options").check
local error_object <const> = require "attest.error"
local session <const> = require "attest.modem.session"

local modem <const> = {}

-- entries ---------------------------------------------------------------------

local function missing_answer(text, form, lines)
  return nil, error_object.new {
    code = "protocol", command = text, lines = lines,
    message = ("%s: answered OK but no %s"):format(text,
      form.info[1].prefix or form.info[1].fields[1].name),
  }
end

--- Reads the answer's lines: one table, or a list where rows repeat.
local function decode(text, form, answer)
  local first <const> = form.info[1]
  if not first then
    return answer.fields or {}
  end
  local fields <const>, list <const> = codec.read(form, answer.lines)
  if fields then
    return fields
  elseif list or first.repeated or first.optional then
    return list or {}
  end
  return missing_answer(text, form, answer.lines)
end

local TIMEOUT <const> = "seconds above 0"

local call_options <const> = { timeout = TIMEOUT, kind = "string" }

--- Works out the course of a method's calls by a form.
local function make_course(dut, method, form, has_payload)
  return dut.dialog:course {
    form = form, entry = method.entry, typed = true, has_payload = has_payload,
  }
end

--- Plans a call of an entry; what the method's calls have in common is kept with it.
-- @treturn[1] table plan
-- @treturn[1] ?string payload
-- @treturn[2] nil
-- @treturn[2] attest.error
local function plan_call(dut, method, values, kind)
  local text <const>, form <const>, payload <const> =
    codec.encode(dut.module, method.entry, values, kind)
  if not text then
    return nil, form
  end
  local courses <const> = payload and method.laden or method.plain
  local course <const> = courses[form] or make_course(dut, method, form, payload ~= nil)
  courses[form] = course
  local plan <const> = dut.dialog:plan(text, course)
  if values == nil and kind == nil then
    method.plan = plan
  end
  return plan, payload
end

--- Runs a catalogue entry.
local function call(dut, method, values, options)
  if options then
    check_options(method.entry.name, options, call_options)
  end
  local plan, payload = values == nil and not options and method.plan, nil
  if not plan then
    plan, payload = plan_call(dut, method, values, options and options.kind)
    if not plan then
      return nil, payload
    end
  end
  local form <const> = plan.course.form
  if form.effects.line then
    return require("attest.modem.rate").change(dut, plan, options and options.timeout)
  end
  local answer <const>, err <const> =
    dut.dialog:run(plan, options and options.timeout, payload)
  if not answer then
    return nil, err
  end
  return decode(plan.text, form, answer)
end

-- soft methods: nil, err --------------------------------------------------------

local soft <const> = {}

--- Raw commands whose plans are kept for a module.
local MOST_KNOWN <const> = 512

local knowns <const> = setmetatable({}, { __mode = "k" })

--- The plans of a module's raw commands, by text; shared by its DUTs.
local function known_of(module)
  local known = knowns[module]
  if not known then
    known = { plans = {}, count = 0 }
    knowns[module] = known
  end
  return known
end

local function remember(module, text, plan)
  local known <const> = known_of(module)
  if known.count == MOST_KNOWN then -- a script that never sends the same twice
    for key in pairs(known.plans) do
      known.plans[key] = nil
    end
    known.count = 0
  end
  known.plans[text] = plan
  known.count = known.count + 1
end

--- Plans a raw command.
local function plan_raw(dut, text, has_payload, quoted_crlf)
  local is_common <const> = not has_payload and not quoted_crlf
  local plan = is_common and dut.known[text]
  if not plan then
    local entry <const>, form <const> = codec.lookup(dut.module, text)
    plan = dut.dialog:plan(text, dut.dialog:course {
      form = form, entry = entry, quoted_crlf = quoted_crlf, has_payload = has_payload,
    })
    if is_common then
      remember(dut.module, text, plan)
    end
  end
  return plan
end

local at_options <const> = { timeout = TIMEOUT, payload = "string", quoted_crlf = "boolean" }

--- Sends any command as it is.
-- @tparam string text without a line end
-- @tparam[opt] table options `timeout` in seconds, `payload` to send after the prompt,
--   `quoted_crlf` (strings in the answer may hold line ends)
-- @treturn table `final` (such as "OK"), `lines`, `fields` of the final's word; when its last byte
--   was handed to the OS, the first bytes and the final came: `sent_at`, `first_at`, `final_at`, in
--   seconds on the clock of `attest.now`, and `latency`, from the first of these to the last (not
--   of ATO and +++, nor of a final that is a silence)
-- @raise attest.error "timeout", "rejected", "reset", "closed", "invalid"
function soft.at(dut, text, options)
  if options == nil then
    local plan <const> = dut.known[text] -- texts that were checked
    if plan then
      return dut.dialog:run(plan)
    end
  end
  if type(text) ~= "string" then
    error(("at: a command is a string, got a %s"):format(type(text)), 3)
  end
  check_options("at", options, at_options)
  if text == "" or text:find("[\r\n%z]") then
    return nil, error_object.new {
      code = "invalid", command = text,
      message = ("command %q is empty, or holds a line end or a NUL"):format(text),
    }
  end
  local payload <const> = options and options.payload
  local plan <const> = plan_raw(dut, text, payload ~= nil, options and options.quoted_crlf)
  return dut.dialog:run(plan, options and options.timeout, payload)
end

local await_options <const> = { timeout = TIMEOUT }

--- Waits for the next URC of a name.
-- @tparam string name such as "RDY" or "+CREG"
-- @tparam[opt] table options `timeout` in seconds, default 60
-- @treturn table its fields, with `line`
function soft.await(dut, name, options)
  if type(name) ~= "string" then
    error(("await: the name is a %s, expected a string"):format(type(name)), 3)
  end
  check_options("await", options, await_options)
  return dut.dialog.router:await(name, options and options.timeout or 60)
end

soft.ready = session.ready
soft.registered = session.registered
soft.imei = session.imei

-- What most sessions do without is loaded when it is first used; a tail call leaves no level.

function soft.socket(...)
  return require("attest.modem.socket").open(...)
end

function soft.mqtt(...)
  return require("attest.modem.mqtt").open(...)
end

function soft.passthrough(...)
  return require("attest.modem.passthrough").open(...)
end

-- methods that do not fail --------------------------------------------------------

local plain <const> = {}

--- Calls a function for every URC of a name, in a task of its own, in order.
-- @tparam string name such as "RDY"; "*" for all
-- @tparam function fn called with the fields and the name; it may issue commands
-- @treturn table handle with `off()`
function plain.on(dut, name, fn)
  if type(name) ~= "string" or type(fn) ~= "function" then
    error(("on: got a %s and a %s, expected a name and a function"):format(type(name), type(fn)), 2)
  end
  return dut.dialog.router:on(name, fn)
end

--- Calls a function for everything the engine notices: "echo", "info", "urc", "prompt", "raw",
-- "data", "cmd", "flag", "noise".
-- @tparam function fn called with event and value; it must not wait
function plain.observe(dut, fn)
  if type(fn) ~= "function" then
    error(("observe: got a %s, expected a function"):format(type(fn)), 2)
  end
  dut.dialog:observe(fn)
end

--- Tells the times of the last command on this port that ended, typed or not, refused or not.
-- @treturn ?table `sent_at`, `first_at`, `final_at`, `latency` as of `at`; where no final came only
--   the first two, where nothing came `sent_at`; nil before the first command
function plain.times(dut)
  return dut.dialog:times()
end

--- Writes every byte of both directions to a transcript.
-- @tparam attest.trace trace
function plain.trace(dut, trace)
  dut.dialog:transcribe(trace)
end

--- Closes the port. Never waits; closing twice is quiet.
function plain.close(dut)
  if not dut.port:is_closed() then
    dut.dialog:shut(error_object.new { code = "closed", message = "it was closed" })
    dut.port:close()
  end
  if dut.simulated then
    dut.simulated:close()
    dut.simulated = false
  end
end

-- the object ----------------------------------------------------------------------

local function no_method(module)
  return function(_, name)
    error(("%s has no method and no command %q"):format(module.name, tostring(name)), 2)
  end
end

--- The two methods of an entry.
local function methods_of(entry)
  local method <const> = { entry = entry, plan = nil, plain = {}, laden = {} }
  return function(dut, values, options)
    return call(dut, method, values, options)
  end, function(dut, values, options)
    local result <const>, err <const> = call(dut, method, values, options)
    if result == nil then
      error(err, 0)
    end
    return result
  end
end

--- One table of methods per module, shared by all its DUTs.
local function build(module)
  local quiet <const>, loud <const> = {}, {}
  for _, entry in ipairs(module.list) do
    quiet[entry.name], loud[entry.name] = methods_of(entry)
  end
  for name, fn in pairs(soft) do
    quiet[name], loud[name] = fn, error_object.raising(fn)
  end
  for name, fn in pairs(plain) do
    loud[name] = fn
  end
  local fail <const> = { __index = no_method(module) }
  return setmetatable(quiet, fail), setmetatable(loud, fail)
end

local kinds <const> = setmetatable({}, { __mode = "k" })

local function kind_of(module)
  local kind = kinds[module]
  if not kind then
    local quiet <const>, loud <const> = build(module)
    kind = {
      quiet = quiet,
      mt = {
        __name = "attest.dut", __index = loud, __close = plain.close, __gc = plain.close,
        __tostring = function(dut) return ("attest.dut %s (%s)"):format(module.name, dut.path) end,
      },
    }
    kinds[module] = kind
  end
  return kind
end

--- `dut.try:name(...)` and `dut.cmd.name(...)`.
local function proxies(dut, kind)
  local loud <const> = kind.mt.__index
  local try <const>, cmd <const> = {}, {}
  setmetatable(try, { __index = function(_, name)
    local fn <const> = kind.quiet[name]
    return function(_, ...) return fn(dut, ...) end
  end })
  setmetatable(cmd, { __index = function(_, name)
    if not dut.module.entries[name] then
      error(("%s has no command %q"):format(dut.module.name, tostring(name)), 2)
    end
    return function(first, ...)
      if first == cmd then return loud[name](dut, ...) end
      return loud[name](dut, first, ...)
    end
  end })
  return try, cmd
end

--- Finds a module by name.
-- @tparam string name such as "ct12"
-- @tparam[opt] table dirs the user's catalogue folders
-- @treturn[1] table module
-- @treturn[2] nil
-- @treturn[2] attest.error
function modem.module(name, dirs)
  return catalogue.get(name, dirs)
end

local attach_options <const> = {
  module = true, catalogue = true, echo = true, wakeup = true, path = true, simulated = true,
  passthrough = true,
}

--- Makes a DUT of an open port.
-- @tparam attest.port port
-- @tparam table options `module` (a name or a catalogue module), `catalogue` (folders),
--   `echo` (false: known to be off), `wakeup` (seconds of silence after which it may sleep),
--   `passthrough` (true: it forwards data already), `simulated` (what serves the far end of the
--   port in this process; closed with the DUT)
-- @treturn[1] attest.dut
-- @treturn[2] nil
-- @treturn[2] attest.error
function modem.attach(port, options)
  for key in pairs(options) do
    if not attach_options[key] then
      error(("attach: unknown option %q"):format(tostring(key)), 2)
    end
  end
  local module = options.module
  if type(module) ~= "table" then
    local found <const>, err <const> = catalogue.get(module, options.catalogue)
    if not found then
      return nil, err
    end
    module = found
  end
  local kind <const> = kind_of(module)
  local dut <const> = {
    port = port, module = module, path = options.path or port:path(),
    simulated = options.simulated or false,
    dialog = dialog.new(port, module, { echo = options.echo, wakeup = options.wakeup }),
    links = {}, listens = false, known = known_of(module).plans,
  }
  if options.passthrough then
    dut.dialog:enter_data()
  end
  dut.try, dut.cmd = proxies(dut, kind)
  return setmetatable(dut, kind.mt)
end

return modem
