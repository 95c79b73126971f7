-- SPDX-License-Identifier: MIT
--
-- Recording what passes between a client and a port, between pairs on the
-- virtual clock. As a process: cli_transcript_spec.

local async <const> = require "tests.support.async"
local bare_client <const> = require "tests.support.bare_client"
local core <const> = require "attest.core"
local record <const> = require "attest.record"
local uv <const> = require "luv"

core.virtual()

-- A client and a module with a recorder between; the module's end is
-- `bench.module` and the port can be opened again while `is_there`. `path`: of
-- the transcript, which is also in memory.
local function new_bench(path)
  local bench <const> = { is_there = true, said = {} }
  local near <const>, client <const> = core.pair()
  bench.client = bare_client.attach(near)
  bench.trace = assert(core.trace { keep = true, port = "P", path = path })
  local function open(baud)
    bench.baud = baud
    if not bench.is_there then
      return nil, "not there"
    end
    local ours <const>, theirs <const> = core.pair()
    bench.module = bare_client.attach(theirs)
    return ours
  end
  bench.through = record.start {
    client = client, port = open(115200), open = open, baud = 115200, trace = bench.trace,
    say = function(message) bench.said[#bench.said + 1] = message end,
  }
  return setmetatable(bench, { __close = function()
    bench.through:close()
    client:close()
    bench.client:close()
    bench.module:close()
    bench.trace:close()
  end })
end

local function transcript(bench)
  return (bench.trace:text():gsub("[^\n]+", function(line)
    return line:gsub("^%S+ %S+ ", "")
  end))
end

describe("a recorder", function()
  it("hands every byte on, both ways, and writes it as it happens", async(function()
    local bench <close> = new_bench()
    bench.client:send "AT\r\0\255"
    assert.equal("AT\r\0\255", bench.module:listen(0.001))
    bench.module:send "OK\r\n"
    bench.module:send ">"
    assert.equal("OK\r\n>", bench.client:listen(0.001))
    assert.equal("! - P opened\n> - P AT\\r\\x00\\xff\n< - P OK\\r\\n>\n", transcript(bench))
  end))

  it("marks where the port went and came back, and what went nowhere", async(function()
    local bench <close> = new_bench()
    bench.is_there = false
    bench.module:close()
    core.sleep(3)
    bench.client:send "AT\r"
    core.sleep(3)
    bench.is_there = true
    core.sleep(1)
    bench.client:send "ATI\r"
    assert.equal("ATI\r", bench.module:listen(0.001))
    assert.equal("! - P opened\n! - P closed EOF: end of file\n"
      .. "! - P mark not forwarded, the port is gone: AT\\r\n! - P opened\n> - P ATI\\r\n",
      transcript(bench))
    assert.same({ "it is gone (EOF: end of file); waiting for it", "it is back" }, bench.said)
  end))

  -- A pipe that is full stands for a disk that stands still.
  it("tells what is not written yet, and waits for it", async(function()
    local path <const> = os.tmpname()
    os.remove(path)
    assert(os.execute("mkfifo " .. path))
    local pipe <const> = assert(uv.fs_open(path, uv.constants.O_RDWR | uv.constants.O_NONBLOCK, 0))
    local filling <const> = ("x"):rep(4096)
    local filled = 0
    while uv.fs_write(pipe, filling) do
      filled = filled + #filling
    end
    do
      local bench <close> = new_bench(path)
      local length <const> = bench.trace:offset()
      assert.equal(("%d bytes are not written after 2 s"):format(length), bench.through:settle(2))
      assert.equal(filling:rep(filled // #filling), uv.fs_read(pipe, filled))
      while bench.trace:behind() > 0 do
        core.sleep(0.001)
      end
      assert.is_nil(bench.through:settle(2))
      assert.equal(bench.trace:text(), uv.fs_read(pipe, length))
    end
    uv.fs_close(pipe)
    os.remove(path)
  end))

  it("ends with a mark", async(function()
    local bench <close> = new_bench()
    bench.through:close()
    assert.equal("! - P opened\n! - P closed\n", transcript(bench))
  end))
end)
