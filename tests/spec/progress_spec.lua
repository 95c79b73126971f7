-- SPDX-License-Identifier: MIT
--
-- What people see of a run: plain lines, the table on a terminal, the texts.

local core <const> = require "attest.core"
local progress <const> = require "attest.progress"
local text <const> = require "attest.text"

local function stream()
  return {
    bytes = "",
    write = function(self, ...)
      self.bytes = self.bytes .. table.concat({ ... })
      return self
    end,
    flush = function() end,
  }
end

local function new(columns, lang)
  local out <const>, err <const> = stream(), stream()
  local terminal <const> = columns and {
    size = function() return columns, 10 end,
    close = function() end,
  }
  return progress.new { out = out, err = err, say = text.new(lang), terminal = terminal }, out, err
end

describe("a stream that fails", function()
  it("is quiet from then on, and raises nothing", function()
    local tries = 0
    local broken <const> = {
      write = function()
        tries = tries + 1
        return nil, "Broken pipe", 32
      end,
      flush = function() error("never") end,
    }
    local shown <const> = progress.new { out = broken, err = broken, say = text.new() }
    shown:message("one")
    shown:message("two")
    assert.equal(1, tries)
  end)
end)

local SLOTS <const> = { { number = 1, verdict = "PASS" }, { number = 2, verdict = "FAIL" } }

local function started(slot)
  return { type = "run_started", slot = slot or 1, plan = "final", phases = 3 }
end

local function finished(fields)
  local event <const> = {
    type = "phase_finished", slot = 1, phase = "signal", group = "main", attempt = 1,
    outcome = "PASS", duration_ms = 812,
  }
  for key, value in pairs(fields or {}) do
    event[key] = value
  end
  return event
end

-- What a terminal shows: moves up and erasing below are carried out.
local function screen(bytes)
  local lines <const>, at = { "" }, 1
  local i = 1
  while i <= #bytes do
    local up <const> = bytes:match("^\27%[(%d+)A", i)
    local color <const> = bytes:match("^\27%[[%d;]*m", i)
    if up then
      at = at - tonumber(up)
      assert(at >= 1, "moved above the screen")
      i = i + #up + 3
    elseif bytes:find("^\r\27%[J", i) then
      for k = at, #lines do
        lines[k] = k == at and "" or nil
      end
      i = i + 4
    elseif color then
      i = i + #color
    elseif bytes:sub(i, i) == "\n" then
      at = at + 1
      lines[at] = lines[at] or ""
      i = i + 1
    else
      lines[at] = lines[at] .. bytes:sub(i, i)
      i = i + 1
    end
  end
  return lines
end

describe("plain progress", function()
  it("is a line per phase, with outcome and time", function()
    local shown <const>, out <const> = new()
    shown:event(started())
    shown:event(finished())
    assert.equal("slot 1  signal  PASS  0.8 s\n", out.bytes)
  end)

  it("tells attempt and reason of what did not pass", function()
    local shown <const>, out <const> = new()
    shown:event(finished { outcome = "FAIL", attempt = 2, message = "rssi -97 dBm < -95 dBm" })
    assert.equal("slot 1  signal  FAIL  0.8 s  (attempt 2)  rssi -97 dBm < -95 dBm\n", out.bytes)
  end)

  it("never lets a control character through", function()
    local shown <const>, out <const>, err <const> = new()
    shown:event(finished { outcome = "ERROR", message = "+X: \27[2J\r\n\7\xC2\x9B2J\xFF" })
    shown:event { type = "log", slot = 1, level = "info", text = "\27]0;x\7" }
    shown:message("\27[31m")
    local seen <const> = out.bytes .. err.bytes
    assert.is_nil(seen:gsub("\n", ""):find("[%c\127\xFF]"))
    assert.is_nil(seen:find("\xC2\x9B", 1, true))
    assert.matches("\\x1B%[2J\\x0D\\x0A\\x07", seen)
  end)

  it("ends with a line per slot and a total", function()
    local shown <const>, out <const> = new()
    shown:open(SLOTS)
    shown:close()
    shown:summary(SLOTS, { runs = 2, counts = { FAIL = 1, PASS = 1 }, unstored = 0 })
    assert.matches("^slot 1  PASS\nslot 2  FAIL\ntotal  2 run%(s%): 1 PASS, 1 FAIL  %d+%.%d s\n$",
      out.bytes)
  end)

  it("keeps the closing lines of slots the same in Chinese", function()
    local shown <const>, out <const> = new(nil, "zh")
    shown:summary(SLOTS, { runs = 2, counts = { FAIL = 1, PASS = 1 }, unstored = 1 })
    assert.matches("^slot 1  PASS\nslot 2  FAIL\n合计  2 次运行: 1 PASS, 1 FAIL, 1 条未保存", out.bytes)
  end)
end)

describe("the table", function()
  local shown, out, err

  before_each(function()
    shown, out, err = new(60)
    shown:open(SLOTS)
  end)

  after_each(function()
    shown:close()
  end)

  it("has a row per slot from the start", function()
    local lines <const> = screen(out.bytes)
    assert.matches("^slot 1     0/0 ", lines[1])
    assert.matches("^slot 2     0/0 ", lines[2])
  end)

  it("is redrawn in place, below the lines that stay", function()
    shown:event(started())
    shown:event { type = "phase_started", slot = 1, phase = "signal", group = "main", attempt = 1 }
    shown:event(finished { outcome = "FAIL", message = "too weak" })
    local lines <const> = screen(out.bytes)
    assert.equal("slot 1  signal  FAIL  0.8 s  too weak", lines[1])
    assert.matches("^slot 1     1/3   signal .* RUN$", lines[2])
    assert.matches("^slot 2 ", lines[3])
    assert.equal("", lines[4])
  end)

  it("tells an outcome by word and by colour", function()
    shown:event(started())
    shown:event {
      type = "run_finished", slot = 1, plan = "final", outcome = "FAIL", duration_ms = 3000,
      first_failure = { phase = "signal", message = "too weak" },
    }
    assert.matches("\27%[31mFAIL\27%[0m", out.bytes)
    assert.equal("slot 1  final  FAIL  3.0 s  signal: too weak", screen(out.bytes)[1])
  end)

  it("never fills a line of the terminal, however narrow or long", function()
    for _, columns in ipairs { 8, 20, 30, 41, 80 } do
      local narrow <const>, narrow_out <const> = new(columns)
      narrow:open(SLOTS)
      narrow:event(started())
      narrow:event {
        type = "phase_started", slot = 1, phase = ("测项"):rep(40), group = "main", attempt = 1,
      }
      narrow:close()
      for line in narrow_out.bytes:gsub("\27%[[%d;]*[AJm]", ""):gmatch("[^\n\r]+") do
        assert.is_true(text.width(line) < columns, line)
      end
    end
  end)

  it("is not redrawn for every event", function()
    local before <const> = #out.bytes
    for _ = 1, 1000 do
      shown:event { type = "phase_started", slot = 1, phase = "a", group = "main", attempt = 2 }
    end
    assert.is_true(#out.bytes - before < 20 * 200)
  end)

  it("stays whole when a message comes between", function()
    shown:message("stopping")
    assert.equal("stopping\n", err.bytes)
    assert.matches("^slot 1 ", screen(out.bytes)[1])
  end)

  it("is gone before the closing lines", function()
    shown:close()
    shown:summary(SLOTS, { runs = 2, counts = { PASS = 2 }, unstored = 0 })
    local lines <const> = screen(out.bytes)
    assert.equal("slot 1  PASS", lines[1])
    assert.equal("slot 2  FAIL", lines[2])
    assert.equal(0, core.live().timers or 0)
  end)
end)

describe("text", function()
  it("has every message in both languages, with the same blanks to fill", function()
    for key, message in pairs(text.messages) do
      local blanks <const> = {}
      for _, lang in ipairs(text.languages) do
        assert.is_string(message[lang], key .. " " .. lang)
        local found <const> = {}
        for blank in message[lang]:gmatch("%%[%d.]*%a") do
          found[#found + 1] = blank
        end
        blanks[#blanks + 1] = table.concat(found, " ")
      end
      assert.equal(blanks[1], blanks[2], key)
    end
  end)

  it("refuses a language it has not", function()
    assert.has_error(function() text.new("de") end, 'unknown language "de"; there are: en, zh')
  end)

  it("keeps UTF-8 and escapes every other byte once", function()
    assert.equal("信号 ok", text.printable("信号 ok"))
    assert.equal("\\xE4\\xB8", text.printable("\xE4\xB8"))
    assert.equal("a\\xFFb\\x00", text.printable("a\xFFb\0"))
    assert.equal("", text.printable(""))
    assert.equal("a\\u{9B}b", text.printable("a\u{9b}b"))
    assert.equal("a\\u{202E}b\\u{2028}", text.printable("a\u{202e}b\u{2028}"))
    assert.equal("\u{2026}", text.printable("\u{2026}"))
  end)

  it("cuts at a character's end", function()
    assert.equal("信", text.cut("信号", 3))
    assert.equal("信 ", text.fit("信号", 3))
    assert.equal(4, text.width("信号"))
    assert.equal("ab", text.cut("abc", 2))
  end)
end)
