-- SPDX-License-Identifier: MIT
--
-- Transcripts as files to replay: what is refused and how it is named, slots,
-- sessions, order, and that no bytes whatever do harm.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local recording <const> = require "attest.replay.recording"
local recordings <const> = require "tests.support.recordings"
local script_file <const> = require "tests.support.script_file"

local HEAD <const> = "1000.000 2026-11-21T03:45:12.123Z "
local GOOD <const> = recordings.text "0 > AT\\r\n1 < OK\\r\\n\n"

-- Loads a file with this content.
local function load(content, options)
  local files <close> = script_file.new()
  return recording.load(files:write("field.txt", content), options)
end

local function refuses(pattern, content, options)
  local value <const>, err <const> = load(content, options)
  assert.is_nil(value)
  assert.is_true(errors.is(err, "invalid"))
  assert.matches(pattern, err.message)
end

-- "kind at bytes" of each event.
local function events_of(content, options)
  local list <const> = {}
  for i, event in ipairs(assert(load(content, options)).events) do
    list[i] = ("%s %.1f %s"):format(event.kind, event.at, event.bytes)
  end
  return list
end

describe("a file that cannot be replayed is refused with its name:", function()
  it("one that is not there, and a folder", function()
    local _, err = recording.load "/nonexistent/field.txt"
    assert.is_true(errors.is(err, "not_found"))
    assert.equal("/nonexistent/field.txt: no such file or directory", err.message)
    _, err = recording.load "/dev"
    assert.equal("/dev: a directory, expected a transcript", err.message)
    _, err = recording.load "/dev/zero"
    assert.equal("/dev/zero: a char, expected a transcript", err.message)
  end)

  it("an empty one, and one in which the module says nothing", function()
    refuses("field.txt: it is empty", "")
    refuses("field.txt: the module says nothing", recordings.text "0 > AT\\r\n")
    refuses("field.txt: the module says nothing", recordings.text "0 ! opened\n")
  end)

  it("a line that is none, with its number", function()
    for _, line in ipairs {
      "", "garbage", "\0\0\0", HEAD .. "> 1 /dev/x AT\\q", HEAD .. "> 1 /dev/x \\m{0}",
      HEAD .. "? 1 /dev/x AT", HEAD .. "> 1", "1000.0 " .. HEAD, HEAD .. "> 1 /dev/x \255",
      HEAD .. "< 1 /dev/x \\x4", (HEAD:gsub("11%-21", "02-31")) .. "> 1 /dev/x AT",
    } do
      refuses("field.txt:3: not a line of a transcript", GOOD .. line .. "\n" .. GOOD)
    end
    refuses("field.txt:1: not a line", GOOD:sub(1, 20))
    refuses("field.txt:3: not a line", GOOD .. GOOD:sub(1, 20) .. "\n" .. GOOD)
    refuses("field.txt:3: not a line", GOOD .. GOOD:sub(1, 20) .. "\n")
  end)

  it("a line without end, and masks without measure", function()
    refuses("field.txt:3: a line of more than", GOOD .. ("x"):rep(22 * 1024 * 1024))
    local mask <const> = "\\m{1048576}"
    refuses("field.txt:3: not a line", GOOD .. HEAD .. "< 1 /dev/ttyUSB0 " .. mask:rep(5) .. "\n")
    local most <const> = HEAD .. "< 1 /dev/ttyUSB0 " .. mask:rep(4) .. "\n"
    refuses("field.txt:7: more than 16777216 masked bytes", GOOD .. most:rep(5))
  end)

  it("bytes behind a port that was gone", function()
    refuses("field.txt:3: bytes after the port was gone",
      recordings.text "0 < OK\n1 ! closed EIO: i/o error\n2 > AT\n")
  end)

  it("several slots, unless one is chosen", function()
    local content <const> = recordings.text "0 1 > AT\n1 2 < OK\n2 1 < ERROR\n"
    refuses('holds several slots, choose one: "1", "2"', content)
    refuses('no slot "3", expected one of "1", "2"', content, { slot = "3" })
    assert.same({ "> 0.0 AT", "< 2.0 ERROR", "end 2.0 ERROR" }, events_of(content, { slot = "1" }))
  end)

  it("several ports without a slot, unless one is chosen", function()
    local content <const> = HEAD .. "< - /dev/a A\n" .. HEAD .. "< - /dev/b B\n"
    refuses('choose one: "/dev/a", "/dev/b"', content)
    assert.same({ "< 0.0 B", "end 0.0 B" }, events_of(content, { slot = "/dev/b" }))
  end)

  it("a session that it does not have", function()
    refuses("no session 2, expected 1 to 1", GOOD, { session = 2 })
  end)
end)

describe("a recording", function()
  it("is in order of time, since a kept-back end of a chunk stands late", function()
    assert.same({ "> 0.0 AT", "> 0.5 +X", "< 1.0 OK", "end 1.0 OK" },
      events_of(recordings.text "0 > AT\n1 < OK\n0.5 > +X\n"))
  end)

  it("takes time between sessions only where the port went", function()
    local lost <const> = "0 ! opened\n1 < A\n2 ! closed EIO: i/o error\n7 ! opened\n8 < B\n"
    assert.same({ "< 1.0 A", "closed 2.0 closed EIO: i/o error", "opened 7.0 opened", "< 8.0 B",
      "end 8.0 B" }, events_of(recordings.text(lost)))
    local left <const> = "0 ! opened\n1 < A\n2 ! closed\n7 ! opened\n8 < B\n9 ! closed\n"
    assert.same({ "< 1.0 A", "< 3.0 B", "end 4.0 closed" }, events_of(recordings.text(left)))
    assert.same({ "< 1.0 B", "end 2.0 closed" }, events_of(recordings.text(left), { session = 2 }))
    assert.same({ "< 1.0 A", "end 2.0 closed" },
      events_of(recordings.text(left), { alone = true }))
  end)

  it("may go on after a restart of the machine, whose clock begins anew", function()
    assert.same({ "< 0.0 A", "< 2.0 B", "end 2.0 B" },
      events_of(recordings.text "900 < A\n5 ! opened\n7 < B\n"))
  end)

  it("may have a part of a line where its recorder was killed", function()
    local first <const> = recordings.text "0 ! opened\n1 < A\n"
    local whole <const> = recordings.text "2 < B\n"
    for length = 1, #whole - #"/dev/ttyUSB0 B\n" do
      local killed <const> = first .. whole:sub(1, length)
      assert.same({ "< 1.0 A", "end 1.0 A" }, events_of(killed))
      assert.same({ "< 1.0 A", "< 2.0 C", "end 2.0 C" },
        events_of(killed .. "\n" .. recordings.text "7 ! opened\n8 < C\n"))
    end
  end)

  it("knows where bytes were lost", function()
    assert.equal(2, load(recordings.text "0 < A\n1 ! lost 3 chunks\n").gap)
    assert.is_nil(load(recordings.text "0 < A\n1 ! mark lost 3 chunks\n").gap)
  end)

  it("shows bytes as a transcript does", function()
    assert.equal([[AT+X="y"\r\n\t\\\x00\xff~ ]], recording.show "AT+X=\"y\"\r\n\t\\\0\255~ ")
  end)
end)

describe("the reader of recordings", function()
  -- Random bytes, and good files with random changes.
  it("survives anything", function()
    math.randomseed(20261121)
    local good <const> = recordings.text(
      "0 ! opened\n1 > AT+X=\\m{3}\\r\n2 < \\x00\\m{3}\n3 ! closed EIO: x\n4 ! opened\n5 < OK\n")
    for _ = 1, 3000 do
      local bytes <const> = { good:byte(1, -1) }
      for _ = 1, math.random(0, 6) do
        bytes[math.random(#bytes)] = math.random(0, 255)
      end
      local text = string.char(table.unpack(bytes)):sub(1, math.random(0, #bytes))
      if math.random(10) == 1 then
        text = text:gsub(".", function() return string.char(math.random(0, 255)) end)
      end
      local value <const>, err <const> = load(text)
      assert.truthy(value or errors.is(err))
    end
    assert.truthy(core.trace_line(good:match("[^\n]+")))
  end)
end)
