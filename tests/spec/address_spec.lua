-- SPDX-License-Identifier: MIT
--
-- Port addresses: what is read, what is written back, what is refused.

local address <const> = require "attest.address"
local errors <const> = require "attest.error"

local function refuses(text, pattern)
  local value <const>, err <const> = address.parse(text)
  assert.is_nil(value)
  assert.is_true(errors.is(err, "invalid"))
  assert.matches(pattern, err.message)
end

local function survives(text)
  assert.equal(text, address.format(assert(address.parse(text))))
end

describe("a port address", function()
  it("without a kind is a path", function()
    for _, path in ipairs { "/dev/ttyUSB0", "COM7", "./link", "/tmp/a:b" } do
      assert.same({ kind = "path", path = path }, address.parse(path))
    end
  end)

  it("names a simulated module and nothing more", function()
    assert.same({ kind = "sim", module = "ct12", map = {}, set = {}, fault = {} },
      address.parse "sim:ct12")
  end)

  it("carries every setting of a simulated module", function()
    local value <const> = assert(address.parse(
      "sim:ct12?map=a.example=127.0.0.1:7&map=b.example=::1&set=rssi=5&set=boot=0"
        .. "&fault=vanish:3&fault=silent&state=a.flash&seed=7&dialect=table"))
    assert.same({
      kind = "sim", module = "ct12",
      map = {
        { host = "a.example", addr = "127.0.0.1", port = 7 }, { host = "b.example", addr = "::1" },
      },
      set = { rssi = "5", boot = "0" }, fault = { "vanish:3", "silent" },
      state = "a.flash", seed = 7, dialect = "table",
    }, value)
  end)

  it("decodes percent signs in values only", function()
    local value <const> = assert(address.parse "sim:ct12?set=version=A%26B%3dC%25&state=%2Ftmp%2Fx")
    assert.equal("A&B=C%", value.set.version)
    assert.equal("/tmp/x", value.state)
  end)

  it("names a transcript, and how it is replayed", function()
    assert.same({ kind = "replay", path = "field.txt" }, address.parse "replay:field.txt")
    assert.same({
      kind = "replay", path = "/tmp/what?.txt", mode = "command", slot = "a&b", speed = 0.5,
      session = 2, module = "ml302",
    }, address.parse("replay:/tmp/what%3F.txt?mode=command&slot=a%26b&speed=0.5&session=2"
      .. "&module=ml302"))
  end)

  it("is written back as it was read", function()
    survives "replay:field.txt"
    survives "replay:a%20%3F%25.txt?mode=strict&slot=a%26b&speed=0.5&session=2&module=ml302"
    survives "/dev/ttyUSB0"
    survives "sim:ct12"
    survives "sim:ct12?map=h=[::1]:7&set=a=1&set=b=x%26y&fault=silent&state=f&seed=3&dialect=field"
  end)

  it("is refused when the kind is not known", function()
    refuses("replai:file", "replai.*path, sim:MODULE or replay:FILE")
    refuses("tcp://host:1", "tcp")
    refuses("", "path, sim:MODULE or replay:FILE")
  end)

  it("is refused when a replay's settings are wrong", function()
    refuses("replay:", "replay:FILE")
    refuses("replay:?speed=1", "replay:FILE")
    refuses("replay:f?colour=red", "colour=red.*mode=, slot=, speed=, session= or module=")
    refuses("replay:f?mode=loose", 'mode "loose": expected strict or command')
    for _, speed in ipairs { "-1", "fast", "", "1e9", "0.0000001", "nan", "." } do
      refuses("replay:f?speed=" .. speed, "speed.*expected 0, or a number")
    end
    refuses("replay:f?session=0", 'session "0": expected a whole number from 1')
    refuses("replay:f?module=a-b", 'module "a%-b"')
  end)

  it("is refused when a simulated module's settings are wrong", function()
    refuses("sim:", "sim:MODULE")
    refuses("sim:ct12?colour=red", "colour=red.*map=")
    refuses("sim:ct12?set", "set.*map=")
    refuses("sim:ct12?set=rssi", "rssi.*key=value")
    refuses("sim:ct12?map=nowhere", "nowhere.*HOST=ADDR")
    refuses("sim:ct12?map=a=b:99999", "a=b:99999")
    refuses("sim:ct12?map=a=b:0", "a=b:0")
    refuses("sim:ct12?map=a=1.2.3", "a=1.2.3")
    refuses("sim:ct12?map=a=1.2.3.256", "a=1.2.3.256")
    refuses("sim:ct12?fault=", "fault")
    refuses("sim:ct12?seed=-1", "%-1.*whole number")
  end)
end)
