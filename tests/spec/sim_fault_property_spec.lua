-- SPDX-License-Identifier: MIT
--
-- Random commands to a random module under random faults, some cancelled, on the
-- virtual clock. Whatever goes wrong: each ends within its deadline, no answer
-- is taken for another command's, and in the end the DUT answers or is closed.
--
--     ATTEST_FAULT_SEEDS=301-1300 attest lua tests/busted.lua THIS   other seeds
--     ATTEST_FAULT_SEEDS=17-17 ...                             one, told step by step

local async <const> = require "tests.support.async"
local core <const> = require "attest.core"
local dice_of <const> = require "attest.sim.fault.dice"
local fake_net <const> = require "tests.support.fake_net"
local steps <const> = require "attest.dialog.steps"
local tagged <const> = require "tests.support.tagged"

core.virtual()

local function seeds()
  local range <const> = os.getenv "ATTEST_FAULT_SEEDS" or "1-300"
  local first <const>, last <const> = range:match("^(%d+)-(%d+)$")
  return assert(math.tointeger(first), "ATTEST_FAULT_SEEDS: expected FIRST-LAST"),
    math.tointeger(last)
end

local FIRST <const>, LAST <const> = seeds()
local ONE <const> = FIRST == LAST

-- Seconds that the engine may need before it writes where no echo tells answers apart: what
-- older commands owe, and a probe with its silences, begun as late (attest.dialog.prelude).
local PRELUDE <const> = 20 + 10 + 3 + 10 + 0.3 + 0.2
local SLACK <const> = 0.01
local SERVER <const> = "192.0.2.1"

-- ------------------------------------------------------------------- chances

local function pick(dice, list)
  return list[dice.roll(1, #list)]
end

local function tenths(dice, low, high)
  return ("%.1f"):format(dice.roll(low, high) / 10)
end

local ARGUMENTS <const> = {
  silent = function() return "" end,
  loss = function(dice) return (":%.4f"):format(dice.roll(1, 200) / 1e4) end,
  corrupt = function(dice) return (":%.4f"):format(dice.roll(1, 200) / 1e4) end,
  fragment = function(dice) return ":" .. dice.roll(1, 20) end,
  -- together no more late than the engine can wait for (attest.dialog.owed)
  delay = function(dice) return ":" .. tenths(dice, 0, 25) end,
  jitter = function(dice) return ":" .. tenths(dice, 0, 10) end,
  storm = function(dice) return ":" .. tenths(dice, 1, 500) end,
  reboot = function(dice) return ":" .. dice.roll(1, 12) end,
  no_prompt = function(dice) return dice.chance(0.5) and "" or ":" .. dice.roll(1, 3) end,
  late_final = function(dice) return ":" .. tenths(dice, 0, 40) end,
  truncate = function(dice) return ":" .. dice.roll(0, 20) end,
  vanish = function(dice) return ":" .. tenths(dice, 5, 600) end,
  rate = function(dice) return ":" .. dice.roll(1, 12) end,
}
local FAULTS <const> = {
  "loss", "corrupt", "fragment", "delay", "jitter", "storm", "reboot", "no_prompt", "late_final",
  "truncate", "vanish", "rate", "silent",
}

local function random_faults(dice)
  local specs <const>, seen <const> = {}, {}
  for _ = 1, dice.roll(1, 4) do
    local name <const> = pick(dice, FAULTS)
    if not seen[name] then
      seen[name] = true
      specs[#specs + 1] = name .. ARGUMENTS[name](dice)
    end
  end
  return specs
end

local function random_module(dice)
  local net <const> = fake_net.new()
  net.servers[SERVER .. ":7"] = fake_net.echo
  return {
    module = pick(dice, { "tags", "tags_ml302" }),
    fault = random_faults(dice),
    seed = dice.roll(0, 1000000),
    net = net,
    set = { rssi = 17, pace = pick(dice, { "on", "off" }), boot = 0.5, register = 0.5 },
  }
end

-- ------------------------------------------------------------------ commands
--
-- A command is { what, run(dut) -> result, err, timeout, judge(result) -> flaw }.
-- `flaw` is what is wrong with a success; "damaged" may be the line's doing.

local function judge_tag(n)
  return function(answer)
    if answer.n == n and answer.check == tagged.check(n) then
      return nil
    elseif answer.n and answer.check == tagged.check(answer.n) then
      return ("is the answer to command %d"):format(answer.n)
    end
    return "damaged"
  end
end

-- Seconds that a typed call may take by its catalogue entry.
local function time_of(dut, name, has_payload, timeout)
  local form <const> = dut.module.entries[name].forms[1]
  local list <const> = steps.compile(form, has_payload, true)
  return (timeout or form.timeout or dut.module.profile.timeout) + steps.patience(list)
end

local function tag(dut, _, n)
  return {
    what = ("tag %d"):format(n),
    run = function() return dut.try:tag { n = n, check = tagged.check(n) } end,
    timeout = time_of(dut, "tag"),
    judge = judge_tag(n),
    must_succeed = true,
  }
end

local function raw_tag(_, dice, n)
  local timeout <const> = dice.roll(1, 60) / 10
  local judge <const> = judge_tag(n)
  return {
    what = ("raw tag %d, %g s"):format(n, timeout),
    run = function(dut)
      return dut.try:at(("AT+TAG=%d,%d"):format(n, tagged.check(n)), { timeout = timeout })
    end,
    timeout = timeout,
    judge = function(answer)
      local own
      for _, line in ipairs(answer.lines) do
        local number <const>, check <const> = line:match("^%+TAG:(%d+),(%d+)$")
        local flaw <const> =
          judge { n = math.tointeger(number), check = math.tointeger(check) }
        if flaw and flaw ~= "damaged" then
          return flaw
        end
        own = own or not flaw
      end
      return not own and "damaged" or nil
    end,
    must_succeed = true,
  }
end

local function slow(dut, dice, n)
  local wait <const>, timeout <const> = dice.roll(0, 60), dice.roll(1, 8)
  return {
    what = ("slow %d, %g of %d s"):format(n, wait / 10, timeout),
    run = function()
      return dut.try:slow({ n = n, check = tagged.check(n), tenths = wait }, { timeout = timeout })
    end,
    timeout = time_of(dut, "slow", false, timeout),
    judge = judge_tag(n),
    must_succeed = true,
  }
end

local function put(dut, dice, n)
  local payload <const> = ("payload %d "):format(n):rep(5):sub(1, dice.roll(1, 60))
  return {
    what = ("put %d %q"):format(n, payload),
    run = function()
      return dut.try:put { n = n, check = tagged.check(n), payload = payload }
    end,
    timeout = time_of(dut, "put", true),
    judge = function(answer)
      local flaw <const> = judge_tag(n)(answer)
      return flaw or answer.sum ~= tagged.sum(payload) and "damaged" or nil
    end,
  }
end

-- Queries whose right answers are known.
local QUERIES <const> = {
  tags = {
    { "csq", "rssi", 17 }, { "gmr", "version", "CT12_V1.0.1" },
    { "gsn", "imei", "860720087453595" },
  },
  tags_ml302 = {
    { "csq", "rssi", 17 }, { "cgmr", "version", "ML302_V1.0.1" }, { "cgmm", "model", "ML302" },
  },
}

local function query(dut, dice)
  local name <const>, field <const>, value <const> =
    table.unpack(pick(dice, QUERIES[dut.module.name]))
  return {
    what = name,
    run = function() return dut.try[name](dut.try) end,
    timeout = time_of(dut, name),
    judge = function(answer)
      return answer[field] ~= value and "damaged" or nil
    end,
    must_succeed = true,
  }
end

local function unknown(_, _, n)
  return {
    what = ("unknown %d"):format(n),
    run = function(dut) return dut.try:at(("AT+NO%d"):format(n), { timeout = 3 }) end,
    timeout = 3,
    judge = function() return "damaged" end,
  }
end

local function echo(dut, dice)
  local is_on <const> = dice.chance(0.5)
  return {
    what = is_on and "ATE1" or "ATE0",
    run = function() return dut.try:at(is_on and "ATE1" or "ATE0", { timeout = 2 }) end,
    timeout = 2,
    judge = function() end,
    must_succeed = true,
  }
end

local function raw(text, timeout, options)
  return function()
    return {
      what = text,
      run = function(dut)
        return dut.try:at(text, { timeout = timeout, payload = options and options.payload })
      end,
      timeout = timeout,
      judge = function() end,
    }
  end
end

local COMMON <const> = {
  tag, tag, tag, raw_tag, raw_tag, slow, put, query, query, unknown, echo, raw("AT", 2),
}
local COMMANDS <const> = {
  tags = table.move({
    raw(('AT+QIOPEN="TCP","%s",7,0,0'):format(SERVER), 5),
    raw("AT+QISEND=3,20", 5, { payload = "01234567890123456789" }),
    raw("AT+QISTATE", 5), raw("AT+CREG=1", 5), raw("AT+RST", 5),
  }, 1, 5, #COMMON + 1, table.move(COMMON, 1, #COMMON, 1, {})),
  tags_ml302 = table.move({ raw("AT+CREG=2", 5), raw("AT+CPIN?", 5) }, 1, 2, #COMMON + 1,
    table.move(COMMON, 1, #COMMON, 1, {})),
}

-- ---------------------------------------------------------------- properties

local ERRORS <const> = {
  timeout = true, rejected = true, reset = true, closed = true, protocol = true,
}

-- What is wrong with how a command ended, or nil. A line that damages bytes
-- may spoil an answer, never give it to another command.
local function find_flaw(command, result, err, has_damage)
  if result then
    local flaw <const> = command.judge(result)
    if flaw ~= "damaged" then
      return flaw
    end
    return not has_damage and "the answer is not its own" or nil
  elseif type(err) ~= "table" or not ERRORS[err.code] then
    return "no honest error: " .. tostring(err)
  elseif has_damage or not command.must_succeed then
    return nil
  elseif err.code == "rejected" or err.code == "protocol" then
    return "took another's end: " .. tostring(err)
  end
end

local function run_one(dut, command, has_damage, log)
  local is_certain <const> = dut.dialog.echo == "on" and not dut.dialog.owed
  local bound <const> = command.timeout + SLACK + (is_certain and 0 or PRELUDE)
  local start <const> = core.now()
  local result <const>, err <const> = command.run(dut)
  local took <const> = core.now() - start
  log("  %9.4f %-40s %7.4f %s", start, command.what, took, result and "done" or tostring(err))
  assert(took <= bound, ("%s took %g s, not %g"):format(command.what, took, bound))
  local flaw <const> = find_flaw(command, result, err, has_damage)
  assert(not flaw, ("%s: %s"):format(command.what, tostring(flaw)))
  assert(not (err and err.code == "closed") or dut.simulated.is_closed, "closed is not closed")
end

-- Whoever asked wants no answer any more, at any moment of the command.
local function cancel_one(dut, command, seconds, log)
  log("  %9.4f %-40s cancelled after %g s", core.now(), command.what, seconds)
  local task <const> = core.spawn(command.run, dut)
  core.sleep(seconds)
  task:cancel("not wanted any more")
  task:join(0)
end

-- Nothing goes wrong any more: it answers, or has gone and says so.
local function check_end(dut, module, log)
  local faults <const> = module.faults
  -- A damaged AT+QIOPEN may have led into data mode, of which the host knows nothing.
  local needs_power <const> = faults.silent or faults.rate
    or module.machine.passthrough.is_open
  faults:stop()
  core.sleep(60)
  if needs_power and not module.is_closed then
    module.machine:reboot()
    core.sleep(2)
  end
  for _ = 1, 6 do
    local answer <const>, err <const> = dut.try:at("AT", { timeout = 5 })
    log("  at the end: %s", answer and "OK" or tostring(err))
    if answer or err.code == "closed" then
      assert.equal(module.is_closed or false, answer == nil)
      return
    end
    core.sleep(5)
  end
  error("it neither answers nor is closed")
end

-- core.live() counts this very task.
local function count_live()
  local live <const> = core.live()
  return ("%d tasks, %d ports, %d timers"):format(live.tasks, live.ports, live.timers)
end

local function run_seed(seed, log)
  local dice <const>, cancels <const> = dice_of(seed, "property"), dice_of(seed, "cancel")
  local options <const> = random_module(dice)
  local before <const> = count_live()
  log("seed %d: %s --fault %s --seed %d, pace %s", seed, options.module,
    table.concat(options.fault, ","), options.seed, options.set.pace)
  local dut <close>, module <const> = tagged.open(options)
  -- a payload cut short swallows the line behind it, where no rule knows that it is one
  local has_damage <const> =
    (module.faults.loss or module.faults.corrupt or module.faults.truncate) ~= nil
  if ONE then
    dut:observe(function(event, value)
      log("            %9.4f %s %q", core.now(), event, value or "")
    end)
  end
  for n = 1, dice.roll(5, 20) do
    local command <const> = pick(dice, COMMANDS[options.module])(dut, dice, n)
    if cancels.chance(0.1) then
      cancel_one(dut, command, cancels.roll(0, 200) / 100, log)
    else
      run_one(dut, command, has_damage, log)
    end
    core.sleep(dice.chance(0.5) and 0 or dice.roll(0, 200) / 100)
  end
  check_end(dut, module, log)
  dut:close()
  core.sleep(1)
  assert.equal(before, count_live())
end

local function property(seed)
  return async(function()
    local lines <const> = {}
    local function log(format, ...)
      lines[#lines + 1] = format:format(...)
    end
    local ok <const>, err <const> = pcall(run_seed, seed, log)
    if not ok or ONE then
      lines[#lines + 1] = ok and "" or tostring(type(err) == "table" and err.message or err)
      io.stderr:write(table.concat(lines, "\n"), "\n")
    end
    assert(ok, err)
  end)
end

describe("random commands under random faults", function()
  for seed = FIRST, LAST do
    it("end in time, with their own answers: seed " .. seed, property(seed))
  end
end)
