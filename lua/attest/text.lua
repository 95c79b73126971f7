-- SPDX-License-Identifier: MIT
--
-- What the runner says to people, in English and Chinese, and how text is made
-- fit for a terminal.
--
-- Pure. Outcome words and the closing "slot N  PASS" lines are not here: they
-- are the same in every language, because programs read them. Every key has
-- both languages; a test compares them.

local text <const> = {}

text.messages = {
  no_script = { en = "no script was given", zh = "没有指定脚本" },
  no_port = {
    en = "no port was given: nothing ran; use --port P or --sim MODULE",
    zh = "没有指定端口，未运行：请使用 --port P 或 --sim MODULE",
  },
  no_phase = {
    en = "%s: plan %q has no phases; a plan needs at least one",
    zh = "%s：测试方案 %q 没有测项，至少需要一个",
  },
  other_module = {
    en = "%s: plan %q is for module %s, but %q is for %s; run them separately",
    zh = "%s：测试方案 %q 用于模块 %s，而 %q 用于 %s，请分别运行",
  },
  port_failed = { en = "slot %d: cannot open %s: %s", zh = "穴位 %d：无法打开 %s：%s" },
  taken = { en = "slot %d has it", zh = "穴位 %d 正在使用" },
  store_failed = {
    en = "%s: records cannot be stored: %s", zh = "%s：无法保存测试记录：%s",
  },
  not_stored = {
    en = "slot %d: the record was not stored: %s", zh = "穴位 %d：测试记录未保存：%s",
  },
  export_failed = { en = "cannot write %s: %s", zh = "无法写入 %s：%s" },
  stopping = {
    en = "stopping: teardown runs; once more to force",
    zh = "正在停止：执行收尾；再按一次强制退出",
  },
  forced = { en = "forced to stop", zh = "已强制停止" },
  internal = { en = "internal error: %s", zh = "内部错误：%s" },
  recovered = {
    en = "%d run(s) that an earlier process left unfinished are now ABORTED",
    zh = "上次未完成的 %d 次运行已标记为 ABORTED",
  },
  attempt = { en = "attempt %d", zh = "第 %d 次" },
  total = { en = "total  %d run(s)", zh = "合计  %d 次运行" },
  unstored = { en = "%d not stored", zh = "%d 条未保存" },
  no_record = { en = "not recorded", zh = "无记录" },
  seconds = { en = "%.1f s", zh = "%.1f 秒" },
}

--- Languages a message can be had in.
text.languages = { "en", "zh" }

--- Makes a speaker of one language.
-- @tparam[opt="en"] string lang
-- @treturn function say(key, ...) -> string
function text.new(lang)
  lang = lang or "en"
  if lang ~= "en" and lang ~= "zh" then
    error(("unknown language %q; there are: %s")
      :format(tostring(lang), table.concat(text.languages, ", ")), 2)
  end
  return function(key, ...)
    return text.messages[key][lang]:format(...)
  end
end

-- U+0080..U+009F are control characters; these turn the direction of what
-- follows (a line can be made to look like another), or end a line.
local ODD <const> = {
  "\xC2[\x80-\x9F]", "\u{61C}", "\xE2\x80[\x8E\x8F\xA8-\xAE]", "\xE2\x81[\xA6-\xA9]",
  "\u{FEFF}",
}

--- Escapes what a terminal or a JSON reader must not see raw: control bytes
-- (line ends too), characters that control, and bytes that are no UTF-8.
-- @tparam string bytes
-- @treturn string
function text.printable(bytes)
  if bytes:find("^[ -~]*$") then
    return bytes
  end
  local parts <const> = {}
  local at = 1
  while at <= #bytes do
    local valid_to, bad = #bytes, nil
    if not utf8.len(bytes, at) then
      bad = select(2, utf8.len(bytes, at))
      valid_to = bad - 1
    end
    parts[#parts + 1] = bytes:sub(at, valid_to)
    if bad then
      parts[#parts + 1] = ("\\x%02X"):format(bytes:byte(bad))
    end
    at = valid_to + (bad and 2 or 1)
  end
  local shown = table.concat(parts):gsub("[%z\1-\31\127]", function(byte)
    return ("\\x%02X"):format(byte:byte())
  end)
  for _, odd in ipairs(shown:find("[\xC2\xD8\xE2\xEF]") and ODD or {}) do
    shown = shown:gsub(odd, function(char)
      return ("\\u{%02X}"):format(utf8.codepoint(char))
    end)
  end
  return shown
end

--- Escapes as `printable` does, but its lines stay lines: a traceback.
-- @tparam string bytes
-- @treturn string
function text.printable_lines(bytes)
  return (bytes:gsub("\n\t", "\n  "):gsub("[^\n]+", text.printable))
end

--- Cuts text that is too long to be shown, and says how long it was.
-- @tparam string bytes
-- @tparam integer most
-- @treturn string
function text.shorten(bytes, most)
  if #bytes <= most then
    return bytes
  end
  return ("%s... (%d bytes)"):format(bytes:sub(1, most), #bytes)
end

-- East Asian wide characters take two columns; combining marks are not known.
local function columns(code)
  local is_wide <const> = code >= 0x1100 and (code <= 0x115F
    or code >= 0x2E80 and code <= 0xA4CF or code >= 0xAC00 and code <= 0xD7A3
    or code >= 0xF900 and code <= 0xFAFF or code >= 0xFE30 and code <= 0xFE6F
    or code >= 0xFF00 and code <= 0xFF60 or code >= 0xFFE0 and code <= 0xFFE6
    or code >= 0x20000 and code <= 0x3FFFD)
  return is_wide and 2 or 1
end

--- Counts the terminal columns of printable UTF-8.
-- @tparam string printable
-- @treturn integer
function text.width(printable)
  local width = 0
  for _, code in utf8.codes(printable) do
    width = width + columns(code)
  end
  return width
end

--- Cuts printable UTF-8 to a number of columns, at a character's end.
-- @tparam string printable
-- @tparam integer width
-- @treturn string
function text.cut(printable, width)
  local used = 0
  for at, code in utf8.codes(printable) do
    used = used + columns(code)
    if used > width then
      return printable:sub(1, at - 1)
    end
  end
  return printable
end

--- Pads printable UTF-8 with blanks, or cuts it, to a number of columns.
-- @tparam string printable
-- @tparam integer width
-- @treturn string
function text.fit(printable, width)
  local cut <const> = text.cut(printable, width)
  return cut .. (" "):rep(width - text.width(cut))
end

return text
