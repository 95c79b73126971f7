-- SPDX-License-Identifier: MIT
--- Words in which catalogue files are written: value types and bilingual texts.
--
-- A catalogue file sees these constructors and nothing else. Types are plain data here; what they
-- mean on the wire is attest.codec's business, and attest.schema.check refuses what is malformed.
-- Invariant: a constructor never raises; a wrong use becomes a "bad" type, so that the checker
-- can refuse it with the family and the entry named.

local schema = {}

local type_mt <const> = { __name = "attest.type" }

--- Names that belong to `dut` itself: no entry may take one as its method's name.
-- The modem's own tests compare its methods with this list. `ipr` is the catalogue's.
schema.builtins = {
  at = true, await = true, close = true, cmd = true, command = true, drain = true,
  entries = true, identify = true, imei = true, is_closed = true, module = true,
  mqtt = true, name = true, observe = true, off = true, on = true, passthrough = true,
  path = true, port = true, profile = true, ready = true, recover = true,
  registered = true, socket = true, trace = true, transcript = true, try = true,
  urc = true, wait = true,
}

--- Languages in which every text of the catalogue exists.
schema.languages = { "en", "zh" }

--- Tells whether a value was made by one of the type constructors.
-- @param v any value
-- @treturn boolean
function schema.is_type(v)
  return getmetatable(v) == type_mt
end

--- Makes a type of what was one before it was stored as plain data.
-- @tparam table fields
-- @treturn table the same, a type
function schema.as_type(fields)
  return setmetatable(fields, type_mt)
end

local function make(kind, fields)
  fields.kind = kind
  return schema.as_type(fields)
end

local function bad(message, ...)
  return make("bad", { message = message:format(...) })
end

local function is_count(v)
  return math.type(v) == "integer" and v >= 0
end

--- Builds the size-limited kinds; the sizes are bytes on the wire.
local function sized(kind, known, defaults)
  return function(options)
    local fields <const> = {}
    if options ~= nil and type(options) ~= "table" then
      return bad("%s takes a table of options", kind)
    end
    for key, value in pairs(options or {}) do
      if not known[key] then return bad("%s has no option %q", kind, tostring(key)) end
      if type(value) ~= known[key] then return bad("%s: %s must be a %s", kind, key, known[key]) end
      fields[key] = value
    end
    fields.min = fields.min or defaults.min
    fields.max = fields.max or defaults.max
    if not is_count(fields.min) or not is_count(fields.max) or fields.min > fields.max then
      return bad("%s: sizes %s..%s are no range", kind, fields.min, fields.max)
    end
    return make(kind, fields)
  end
end

local words = {}

--- A text in both languages of the manuals.
function words.both(en, zh)
  return { en = en, zh = zh }
end

local function is_text(text)
  return type(text) == "table" and type(text.en) == "string" and type(text.zh) == "string"
end

--- An integer in a closed range, written in decimal without quotes.
-- `special` maps values outside of the range to their meanings: 99 for "unknown".
function words.int(min, max, special)
  if math.type(min) ~= "integer" or math.type(max) ~= "integer" or min > max then
    return bad("int(%s, %s) is no range", tostring(min), tostring(max))
  end
  if special ~= nil and type(special) ~= "table" then return bad("int: special is no table") end
  local order <const> = {}
  for key, text in pairs(special or {}) do
    if math.type(key) ~= "integer" or key >= min and key <= max then
      return bad("int: special value %s must be an integer out of range", tostring(key))
    end
    if not is_text(text) then return bad("int: %d needs a text in en and zh", key) end
    order[#order + 1] = key
  end
  table.sort(order)
  return make("int", { min = min, max = max, values = special or {}, order = order })
end

--- One of a few values; integer keys are written bare, string keys in quotes.
-- `means` maps the module's code to what the host calls the same thing (stop bits, parity).
function words.enum(values, means)
  if type(values) ~= "table" or next(values) == nil then
    return bad("enum needs a table of values")
  end
  local order <const> = {}
  local kind <const> = math.type(next(values)) == "integer" and "integer" or "string"
  for key, text in pairs(values) do
    if (math.type(key) or type(key)) ~= kind then
      return bad("enum mixes %s and other keys", kind)
    end
    if not is_text(text) then
      return bad("enum value %s needs a text in en and zh", tostring(key))
    end
    order[#order + 1] = key
  end
  table.sort(order)
  for key in pairs(means or {}) do
    if values[key] == nil then return bad("enum: means names no value %s", tostring(key)) end
  end
  return make("enum", {
    values = values, order = order, means = means, numeric = kind == "integer",
  })
end

local text_of <const> = sized("str", {
  min = "number", max = "number", escape = "boolean", strict = "boolean", bare = "boolean",
}, { min = 0, max = 256 })

--- Text in quotes. `escape`: a quote inside is carried as \"; `strict`: read only when quoted;
-- `bare`: written without quotes where it can be, as some examples of the manuals are.
function words.str(options)
  local text <const> = text_of(options)
  if text.escape and text.bare then return bad("str is either escaped or bare") end
  return text
end

--- Text without quotes: no comma, no quote, no line end.
words.word = sized("word", { min = "number", max = "number" }, { min = 1, max = 256 })

--- A host name or an IP address, in quotes.
words.address = sized("address", { min = "number", max = "number" }, { min = 1, max = 253 })

--- Decimal (or, with `hex`, hexadecimal) digits that are an identity and no number.
words.digits = sized("digits", { min = "number", max = "number", hex = "boolean" },
  { min = 1, max = 32 })

--- A point in time: `yy/MM/dd,hh:mm:ss` or `yyyy-MM-dd hh:mm:ss`, parts beside it when read.
function words.timestamp()
  return make("timestamp", {})
end

--- Raw bytes that follow a prompt.
function words.bytes(min, max)
  if not is_count(min) or not is_count(max) or min > max then
    return bad("bytes(%s, %s) is no range", tostring(min), tostring(max))
  end
  return make("bytes", { min = min, max = max })
end

--- A quoted text or a bare number, told apart by its quotes: the message or the length of one.
function words.either(text, number)
  if not (schema.is_type(text) and text.kind == "str") then
    return bad("either needs a str as its first type")
  end
  if not (schema.is_type(number) and number.kind == "int") then
    return bad("either needs an int as its second type")
  end
  return make("either", { text = text, number = number })
end

--- The names a catalogue file sees.
schema.words = words

local function unknown_word(_, name)
  error(("unknown word %q"):format(tostring(name)), 3)
end

local function no_assignment(_, name)
  error(("a catalogue file sets no globals (%q)"):format(tostring(name)), 2)
end

--- Builds a fresh environment for one catalogue file.
-- @treturn table read-only view of the constructors
function schema.environment()
  return setmetatable({}, {
    __index = function(env, name) return words[name] or unknown_word(env, name) end,
    __newindex = no_assignment,
    __metatable = false,
  })
end

return schema
