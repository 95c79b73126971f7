-- SPDX-License-Identifier: MIT
--
-- `attest record` and `attest replay` as processes: what they run, serve and
-- write, how they end, and what they refuse.

local async <const> = require "tests.support.async"
local child <const> = require "tests.support.child"
local recordings <const> = require "tests.support.recordings"
local script_file <const> = require "tests.support.script_file"
local uv <const> = require "luv"

-- Runs `attest WORDS` in real time, in a folder; gives its status and words.
local function attest(files, words, input)
  local shell <const> = child.shell(
    ("cd '%s' && A='%s' && %s"):format(files.folder, uv.exepath(), words), input)
  local status <const> = shell:join()
  files:remove_later(files.folder .. "/t.txt")
  return status, shell.text
end

local function read(files, name)
  local file <close> = assert(io.open(files.folder .. "/" .. name, "rb"))
  return file:read("a")
end

describe("attest record", function()
  local PORT <const> = "--port 'sim:ct12?set=boot=0' --out t.txt"

  it("runs a program on the port and ends with its status", async(function()
    local files <close> = script_file.new()
    local status, text = attest(files, "$A record " .. PORT .. " --slot s1 -- $A send --port {} AT")
    assert.equal(0, status, text)
    assert.equal("OK\n", text)
    assert.matches("Z > s1 sim:ct12%?set=boot=0 AT\\r\\n\n", read(files, "t.txt"))
    status, text = attest(files, "$A record " .. PORT .. " -- bash -c 'echo -1 $ATTEST_PORT {}; "
      .. "cat; exit 7'", "input")
    assert.equal(7, status)
    assert.matches("^%-1 (/dev/pts/%d+) %1\ninput$", text)
    status = attest(files, "$A record " .. PORT .. " -- bash -c 'kill -USR1 $$'")
    assert.equal(128 + 10, status)
    local _, sessions <const> = read(files, "t.txt"):gsub(" opened\n", "")
    assert.equal(3, sessions) -- the file was continued
  end))

  it("passes on the signals that end it", async(function()
    local files <close> = script_file.new()
    local status <const>, text <const> = attest(files, "$A record " .. PORT
      .. [[ -- bash -c 'trap "echo term; exit 3" TERM; kill -TERM $PPID; while :; do sleep 0.1
        done']])
    assert.equal(3, status, text)
    assert.equal("term\n", text)
  end))

  it("serves until a signal without a program, and says where", async(function()
    local files <close> = script_file.new()
    for _, signal in ipairs { "INT", "TERM", "HUP" } do
      local status <const>, text <const> = attest(files, [[
        coproc env --default-signal=INT $A record ]] .. PORT .. [[ --link p
        pid=$!; read -r line <&${COPROC[0]}; echo $line; $A send --port p AT
        kill -]] .. signal .. [[ $pid; wait $pid; echo $?; [ -L p ] && echo left; true]])
      assert.equal("ready p\nOK\n0\n", text, signal)
      assert.equal(0, status)
    end
  end))

  it("masks what it is told to", async(function()
    local files <close> = script_file.new()
    attest(files, "$A record " .. PORT .. " --mask s3cret -- $A send --port {} 'AT+X=\"s3cret\"'")
    local text <const> = read(files, "t.txt")
    assert.is_nil(text:find("s3cret", 1, true))
    assert.matches([[> %- %S+ AT%+X="\m{6}"\r\n]], text)
  end))

  it("follows the rate of the program", async(function()
    local files <close> = script_file.new()
    local _, text <const> = attest(files,
      "$A record " .. PORT .. " --baud 9600 -- $A send --port {} --baud 115200 AT")
    assert.equal("OK\n", text)
    assert.matches("! %- %S+ mark baud 115200\n%S+ %S+ > %- %S+ AT", read(files, "t.txt"))
  end))

  it("tells when the transcript cannot be written, and leaves nothing after a mistake",
    async(function()
      local files <close> = script_file.new()
      files:write("plan.lua", "return plan\n")
      local status, text = attest(files, "$A record --port sim:ct12 --out /dev/full -- true")
      assert.equal(5, status)
      assert.matches("/dev/full: the transcript is not complete: ENOSPC", text)
      for words, wanted in pairs {
        ["--port /nonexistent --out t.txt"] = "/nonexistent: no such file or directory",
        ["--port sim:ct99 --out t.txt"] = "ct99",
        ["--port sim:ct12 --out /nonexistent/t.txt"] = "/nonexistent/t.txt: no such file",
        ["--port sim:ct12 --out plan.lua"] = "plan.lua: it holds something else, expected a new",
        ["--port sim:ct12 --out ''"] = '%-%-out "": expected a path',
        ["--port sim:ct12 --baud fast"] = '%-%-baud "fast"',
        ["--out t.txt"] = "%-%-port",
      } do
        status, text = attest(files, "$A record " .. words)
        assert.equal(2, status, words)
        assert.matches(wanted, text)
        local _, lines <const> = text:gsub("\n", "")
        assert.equal(1, lines, text)
      end
      assert.equal(2, (attest(files, "$A record --port sim:ct12 --out t.txt -- /nonexistent")))
      assert.equal("plan.lua\nt.txt\n", select(2, attest(files, "ls")))
      assert.equal("return plan\n", read(files, "plan.lua"))
    end))
end)

describe("attest run --transcript", function()
  local PLAN <const> = [[
local plan = require("attest").plan { name = "p", module = "ct12", params = { wait = 0 } }
plan:phase("a", function(t)
  t:measure("firmware", t.dut:gmr().version)
  t:sleep(t.params.wait)
  t:measure("rssi", t.dut:csq().rssi)
end)
return plan]]

  -- The marks of all transcripts in a folder, and their commands.
  local SHOW <const> = [[ cat t/*.trace | sed -E 's/^\S+ \S+ ([!>]) 1 \S+ /\1/; t; d'; rm -r t]]

  local function forget_store(files)
    for _, name in ipairs { "a.db", "a.db-wal", "a.db-shm" } do
      files:remove_later(files.folder .. "/" .. name)
    end
  end

  it("writes as it happens: what was said is there when the process is killed", async(function()
    local files <close> = script_file.new()
    files:write("plan.lua", PLAN)
    local _, text <const> = attest(files, [[true
      $A run plan.lua --port 'sim:ct12?set=boot=0' --db a.db -D wait=60 --transcript t &>/dev/null &
      for i in {1..600}; do grep -qs 'VERSION.*OK' t/*.trace && break; sleep 0.05; done
      kill -KILL $!; wait $! 2>/dev/null;]] .. SHOW)
    assert.equal("!opened\n>AT+GMR\\r\\n\n", text)
    forget_store(files)
  end))

  it("says that the disk did not take all", async(function()
    local files <close> = script_file.new()
    files:write("plan.lua", [[
local plan = require("attest").plan { name = "p", module = "ct12" }
plan:phase("a", function(t)
  for _ = 1, 3000 do t.dut:gmr() end
  t:measure("done", true)
end)
return plan]])
    local status <const>, text <const> = attest(files, [[trap '' XFSZ; ulimit -f 300
      $A run plan.lua --port 'sim:ct12?set=boot=0' --db a.db --transcript t
      status=$?; rm -r t; exit $status]])
    assert.equal(0, status, text)
    assert.matches("slot 1  error: the transcript is not complete: EFBIG", text)
    forget_store(files)
  end))

  it("marks where each run opened and closed its port, and where that went", async(function()
    local files <close> = script_file.new()
    files:write("plan.lua", PLAN)
    local SESSION <const> = "!opened\n>AT+GMR\\r\\n\n>AT+CSQ\\r\\n\n!closed\n"
    local _, text = attest(files, "$A run plan.lua --port 'sim:ct12?set=boot=0' --repeat 2 "
      .. "--db a.db --transcript t >/dev/null 2>&1;" .. SHOW)
    assert.equal(SESSION:rep(2), text)
    _, text = attest(files, "$A run plan.lua --port 'sim:ct12?set=boot=0&fault=vanish:3' "
      .. "-D wait=4 --db a.db --transcript t >/dev/null 2>&1;" .. SHOW)
    assert.equal("!opened\n>AT+GMR\\r\\n\n!closed EOF: end of file\n", text)
    forget_store(files)
  end))
end)

describe("attest run on a recording", function()
  local PLAN <const> = [[
local plan = require("attest").plan { name = "p", module = "ct12" }
plan:phase("a", function(t) t:measure("rssi", t.dut:csq().rssi):equals(9) end)
return plan]]
  local CSQ <const> = "0 > AT+CSQ\\r\\n\n0.1 < AT+CSQ\\r\\n\\r\\n+CSQ: 9,99\\r\\n\\r\\nOK\\r\\n\n"
  local RUN <const> = "$A run plan.lua --db a.db --port replay:field.txt --port replay:field.txt; "
    .. "s=$?; rm a.db*; exit $s"

  it("judges what was recorded, on several slots at once", async(function()
    local files <close> = script_file.new()
    files:write("plan.lua", PLAN)
    files:write("field.txt", recordings.text(CSQ))
    local status <const>, text <const> = attest(files, RUN)
    assert.equal(0, status, text)
    assert.is_nil(text:find("goes on", 1, true))
  end))

  it("is warned when it sends less, and an ERROR when it sends something else", async(function()
    local files <close> = script_file.new()
    files:write("plan.lua", PLAN)
    files:write("field.txt", recordings.text(CSQ .. "1 > AT\\r\\n\n"))
    local status, text = attest(files, RUN)
    assert.equal(0, status, text)
    assert.matches("slot 1  warning: the recording goes on: its line 3 was not sent", text)
    files:write("field.txt", recordings.text("0 > AT\\r\\n\n1 < OK\n"))
    status, text = attest(files, RUN)
    assert.equal(3, status, text)
    assert.matches([[AT+CSQ: the port is gone: field.txt:1: byte 3: expected "\r\n", ]]
      .. [[got "+CSQ\r\n"]], text, 1, true)
    assert.is_nil(text:find("goes on", 1, true))
  end))
end)

-- `attest replay WORDS` with a link, and what a client of it does meanwhile.
local REPLAY <const> = [[
coproc $A replay field.txt --link p %s 2>err
pid=$!; exec 3<&${COPROC[0]}; read -r line <&3; echo $line
%s
wait $pid; echo $?; cat err; [ -L p ] && echo left; true]]

describe("attest replay", function()
  local FIELD <const> = "0 ! opened\n1 > AT\\r\\n\n1.05 < AT\\r\\n\\r\\nOK\\r\\n\n"

  local function replay(files, content, options, client)
    files:write("field.txt", recordings.text(content))
    files:remove_later(files.folder .. "/err")
    local _, text <const> = attest(files, REPLAY:format(options, client))
    return text
  end

  it("serves a recording to its end", async(function()
    local files <close> = script_file.new()
    assert.equal("ready p\nOK\n0\n", replay(files, FIELD, "", "$A send --port p AT"))
  end))

  it("ends with 1 when the client sends something else", async(function()
    local files <close> = script_file.new()
    local text <const> = replay(files, FIELD, "", "$A send --port p ATI 2>/dev/null")
    assert.equal("ready p\n1\nattest replay: field.txt:2: byte 3: "
      .. [[expected "\r\n", got "I\r\n"]] .. "\n", text)
  end))

  it("ends with 0 at a signal, and says what was not sent", async(function()
    local files <close> = script_file.new()
    assert.equal("ready p\n0\nattest replay: field.txt: ended before line 2 was sent\n",
      replay(files, FIELD, "", "kill $pid"))
  end))

  it("answers by command until a signal", async(function()
    local files <close> = script_file.new()
    assert.equal("ready p\nOK\nOK\nERROR\n0\n", replay(files, FIELD, "--by-command --speed 10",
      "$A send --port p AT AT; $A send --port p AT+X 2>/dev/null; kill $pid"))
  end))

  it("begins again with --loop", async(function()
    local files <close> = script_file.new()
    -- Whether the third round has begun is a matter of time.
    assert.matches("^ready p\nOK\nOK\n0\n", replay(files, FIELD, "--loop",
      "$A send --port p AT; $A send --port p AT; kill $pid"))
  end))

  it("goes and comes back as the recorded port did", async(function()
    local files <close> = script_file.new()
    assert.equal("ready p\nOK\nready p\nOK\n0\n", replay(files,
      FIELD .. "1.1 ! closed EIO: i/o error\n1.3 ! opened\n" .. FIELD:sub(12):gsub("1", "2"), "", [[
      $A send --port p AT; read -r line <&3; echo $line; $A send --port p AT]]))
  end))

  it("refuses bad options and files by their names", async(function()
    local files <close> = script_file.new()
    files:write("field.txt", recordings.text(FIELD))
    files:write("bad.txt", recordings.text(FIELD) .. "bad\n")
    for words, wanted in pairs {
      ["field.txt --speed -1"] = '%-%-speed "%-1": expected 0, or a number',
      ["field.txt --speed x"] = '%-%-speed "x"',
      ["field.txt --session 0"] = '%-%-session "0": expected a whole number from 1',
      ["field.txt --session 2"] = "field.txt: no session 2",
      ["field.txt --slot 7"] = 'field.txt: no slot "7", expected one of "1"',
      ["field.txt --link ''"] = '%-%-link ""',
      ["bad.txt"] = "bad.txt:4: not a line of a transcript",
      ["none.txt"] = "none.txt: no such file",
      [""] = "file",
    } do
      local status <const>, text <const> = attest(files, "$A replay " .. words)
      assert.equal(2, status, words)
      assert.matches(wanted, text)
    end
  end))
end)
