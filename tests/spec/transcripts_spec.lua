-- probe
local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local attest = require "attest"
core.virtual()
describe("x", function()
it("y", async(function()
  local dut = attest.open("sim:ct12")
  dut:ready()
  dut:registered{}
  for _, c in ipairs{ "gmr","gsn","qccid","csq","cpsi","qlts","qistate" } do
    print(c); for k,v in pairs(dut[c](dut)) do print("   ",k,v) end
  end
  for k,v in pairs(dut:creg()) do print("   ",k,v) end
  print "ate"; for k,v in pairs(dut:ate{mode=0}) do print("   ",k,v) end
  print "ipr"; for k,v in pairs(dut:ipr{baudrate=115200,databits=8,stopbits=1,parity=0}) do print("   ",k,v) end
  dut:close()
end))
end)
