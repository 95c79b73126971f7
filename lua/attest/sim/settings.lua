-- SPDX-License-Identifier: MIT
--
-- What `--set key=value` may change in a simulated module: names, defaults,
-- limits and their documentation. Values come as text from a command line or
-- as Lua values from a script. Knows nothing of what they are used for.
--
-- A setting with `of` is that model's only; two models may have one of the
-- same name.

local errors <const> = require "attest.error"
local printable <const> = require("attest.text").printable

local settings = {}

local PINS <const> = 3

local function text(value)
  if type(value) == "number" then
    value = string.format("%d", value)
  end
  if type(value) ~= "string" or value:find("[^\x20-\x7e]") then
    return nil, "printable text"
  end
  return value
end

local function number(low, high)
  return function(value)
    local n <const> = tonumber(value)
    if not n or n ~= n or n < low or n > high then
      return nil, string.format("a number from %g to %g", low, high)
    end
    return n
  end
end

local function code(low, high, other)
  return function(value)
    local n <const> = math.tointeger(tonumber(value))
    if n and (n == other or n >= low and n <= high) then
      return n
    end
    return nil, string.format("%d to %d", low, high) .. (other and " or " .. other or "")
  end
end

-- "0:1" or "0:1,1:2": pin 0 drives and reads pin 1, and so on.
local function wires(value)
  local pairs_of_pins <const> = {}
  local rest <const> = tostring(value):gsub("%s*(%d+):(%d+)%s*,?", function(a, b)
    pairs_of_pins[#pairs_of_pins + 1] = { tonumber(a), tonumber(b) }
    return ""
  end)
  local good = rest == ""
  for _, pair in ipairs(pairs_of_pins) do
    good = good and pair[1] < PINS and pair[2] < PINS and pair[1] ~= pair[2]
  end
  if not good then
    return nil, "pairs of pins from 0 to 2 such as 0:1 or 0:1,1:2"
  end
  return pairs_of_pins
end

local function word(...)
  local words <const> = { ... }
  return function(value)
    for _, each in ipairs(words) do
      if value == each then
        return value
      end
    end
    return nil, table.concat(words, " or ")
  end
end

local SECONDS <const> = number(0, 1e9)

-- In the order in which --help shows them.
local list <const> = {
  { name = "imei", default = "860720087453595", check = text, doc = "IMEI that it prints" },
  {
    name = "iccid",
    of = "ct12",
    default = "898604E6192391620488",
    check = text,
    doc = "ICCID of the card in USIM0; empty: no card",
  },
  {
    name = "iccid1",
    of = "ct12",
    check = text,
    doc = "ICCID of the card in USIM1; the same as iccid unless set",
  },
  {
    name = "guard",
    of = "ct12",
    default = 1,
    check = number(0.01, 60),
    doc = "seconds of silence before and after +++ that make it an escape",
  },
  {
    name = "imsi",
    of = "ml302",
    default = "460041234567890",
    check = text,
    doc = "IMSI of the card; empty: no card",
  },
  {
    name = "version",
    of = "ct12",
    default = "CT12_V1.0.1",
    check = text,
    doc = "firmware version",
  },
  {
    name = "version",
    of = "ml302",
    default = "ML302_V1.0.1",
    check = text,
    doc = "firmware version",
  },
  { name = "rssi", default = 23, check = code(0, 31, 99), doc = "signal as AT+CSQ prints it" },
  { name = "ber", default = 99, check = code(0, 7, 99), doc = "bit error class of AT+CSQ" },
  {
    name = "creg",
    default = 1,
    check = code(0, 5),
    doc = "registration state once registered; the network comes up with 1 or 5",
  },
  { name = "boot", default = 0.5, check = SECONDS, doc = "seconds from power-on to RDY" },
  { name = "register", default = 0.5, check = SECONDS, doc = "seconds from RDY to the network" },
  {
    name = "pace",
    default = "off",
    check = word("off", "on"),
    doc = "on: what it says takes the time that its rate needs",
  },
  {
    name = "tz",
    of = "ct12",
    default = 8,
    check = number(-12, 14),
    doc = "hours that AT+QLTS is ahead of UTC",
  },
  {
    name = "wire",
    of = "ct12",
    default = {},
    shown = "",
    check = wires,
    doc = "GPIO pins wired together, such as 0:1",
  },
  {
    name = "reconnect",
    default = 4,
    check = SECONDS,
    doc = "seconds before the first attempt to reconnect; each further one waits twice as long",
  },
  {
    name = "connect",
    of = "ml302",
    default = 8,
    check = number(0.01, 1e9),
    doc = "seconds that the broker has to accept a connection",
  },
  {
    name = "ping",
    of = "ml302",
    default = 0.5,
    check = number(0.01, 10),
    doc = "keep-alive intervals from one ping to the next",
  },
  {
    name = "topic",
    of = "ml302",
    default = "quoted",
    check = word("quoted", "bare"),
    doc = "topic of +MQTTPUBLISH: quoted, or bare as older firmware prints it",
  },
}

local function of(model)
  local out <const> = {}
  for _, setting in ipairs(list) do
    if not (model and setting.of) or setting.of == model then
      out[#out + 1] = setting
    end
  end
  return out
end

--- Lists every setting in the order of the documentation.
-- @tparam[opt] string model name; without it those of all models
-- @treturn table list of `{ name, of, default, doc }`; the default as it would
--   be typed, nil where another setting's value is taken
function settings.list(model)
  local out <const> = {}
  for i, setting in ipairs(of(model)) do
    local default <const> = setting.shown or setting.default and tostring(setting.default)
    out[i] = { name = setting.name, of = setting.of, default = default, doc = setting.doc }
  end
  return out
end

local function find(known, name)
  for _, setting in ipairs(known) do
    if setting.name == name then
      return setting
    end
  end
end

local function names(known)
  local out <const> = {}
  for i, setting in ipairs(known) do
    out[i] = setting.name
  end
  return table.concat(out, " ")
end

local function unknown(known, name)
  return errors.new {
    code = "invalid",
    message = string.format("unknown setting %q; known are: %s", tostring(name), names(known)),
  }
end

local function bad(known, name, value, expected)
  return errors.new {
    code = "invalid",
    message = string.format(
      "setting %s=%s: expected %s (settings: %s)", name, printable(tostring(value)), expected,
      names(known)
    ),
  }
end

--- Checks what the user set and fills in the rest.
-- @tparam ?table given values by name
-- @tparam string model name
-- @treturn[1] table every setting of the model by name
-- @treturn[2] nil
-- @treturn[2] error `invalid`, naming the setting and what it takes
function settings.check(given, model)
  local known <const>, out <const> = of(model), {}
  for _, setting in ipairs(known) do
    out[setting.name] = setting.default
  end
  for name, value in pairs(given or {}) do
    local setting <const> = find(known, name)
    if not setting then
      return nil, unknown(known, name)
    end
    local checked, expected = setting.check(value)
    if checked == nil then
      return nil, bad(known, name, value, expected)
    end
    out[name] = checked
  end
  out.iccid1 = out.iccid1 or out.iccid
  return out
end

return settings
