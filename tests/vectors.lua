-- SPDX-License-Identifier: MIT
--- Judges every vector of some files: byte-level tests of the host engine.
--
--     attest lua tests/vectors.lua FILE... [--bytewise] [--seed N] [--short] [--only ID]
--
-- A vector is one JSON object a line: `steps` (H host sends, M module sends,
-- T pause, D data written, X port gone), `expect` (events in order), `cfg`.
-- Drives the public engine (attest.attach, dut:at, dut:observe) through a pair
-- of ports on the virtual clock; ends with the line `N passed, N failed`.
--
-- Beyond what vectors.jsonl needs, vectors_own.jsonl uses: `cfg.module`, any
-- catalogue module instead of the union of shapes; `cmd:CLOSED` where a vector
-- expects one; an H step may be `+++` or `ATO`, which have no line end, or
-- begin with the empty line that the engine sends first; when an M step begins
-- the host has sent no byte that no H or D step named.

local attest <const> = require "attest"
local codec <const> = require "attest.codec"
local core <const> = require "attest.core"

local here <const> = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../?.lua;" .. package.path
local vector_file <const> = require "tests.support.vector_file"

local CATALOGUE <const> = { here .. "/support/catalogue" }

-- the two sides -------------------------------------------------------------------

local function module_of(cfg)
  return cfg.module or cfg.publish_form == "nextline" and "vectors_nextline" or "vectors"
end

local function expects_closed(vector)
  for _, event in ipairs(vector.expect) do
    if event == "cmd:CLOSED" then
      return true
    end
  end
  return false
end

local function new_bench(vector, is_observed)
  local cfg <const> = vector.cfg or {}
  local with_closed <const> = expects_closed(vector)
  local host <const>, module <const> = core.pair()
  if cfg.max_line then
    host:set { max_line = cfg.max_line }
  end
  local dut <const> = assert(attest.attach(host, {
    module = module_of(cfg),
    catalogue = CATALOGUE,
    echo = cfg.echo ~= 0,
    wakeup = cfg.wakeup and 0 or nil,
    passthrough = cfg.mode == "data",
  }))
  local bench <const> = {
    dut = dut, module = module, sent = "", events = {}, calls = {}, cfg = cfg,
  }
  local observe <const> = is_observed and dut.observe or function() end
  observe(dut, function(event, value)
    local last <const> = bench.events[#bench.events]
    if event == "data" and last and last:sub(1, 5) == "data:" then
      bench.events[#bench.events] = last .. value
    elseif with_closed or event ~= "cmd" or value ~= "CLOSED" then
      bench.events[#bench.events + 1] = value and event .. ":" .. value or event
    end
  end)
  module:data(true)
  module:listen(function(kind, bytes)
    if kind == "data" then
      bench.sent = bench.sent .. bytes
    end
  end)
  return bench
end

-- steps ---------------------------------------------------------------------------

--- Which H steps are the payloads of the call before: those that a `prompt`
-- event stands for, where a command is followed by a `cmd`.
local function payload_steps(vector)
  local turns <const>, payloads <const> = {}, {}
  for _, event in ipairs(vector.expect) do
    if event == "prompt" or event:sub(1, 4) == "cmd:" then
      turns[#turns + 1] = event
    end
  end
  local turn, after_prompt = 1, false
  for i, step in ipairs(vector.steps) do
    if step[1] == "H" or step[1] == "D" and step[2] == "+++" then
      payloads[i] = after_prompt
      if not after_prompt and turns[turn] == "prompt" then
        after_prompt, turn = true, turn + 1
      else
        after_prompt, turn = false, turn + 1
      end
    end
  end
  return payloads
end

--- With a sleeping module the engine sends AT of its own before the command.
local function first_call(vector)
  for i, step in ipairs(vector.steps) do
    if step[1] == "H" and step[2] ~= "AT\r\n" then
      return i
    end
  end
  return nil
end

--- A payload for a command whose prompt never comes: it must not be sent.
local function filler(module, text)
  local _, form <const>, has_payload <const> = codec.lookup(module, text)
  local parsed <const> = has_payload and codec.parse(module, text)
  for _, arg in ipairs(parsed and form.args or {}) do
    if arg.measures then
      return ("x"):rep(math.tointeger(parsed.args[arg.name]) or 1)
    end
  end
  return nil
end

local function call(bench, text, payload)
  text = text:gsub("^\r\n", ""):gsub("\r\n$", "")
  bench.calls[#bench.calls + 1] = core.spawn(function()
    return bench.dut.try:at(text, {
      timeout = bench.cfg.timeout and bench.cfg.timeout / 1000,
      payload = payload or filler(bench.dut.module, text),
      quoted_crlf = bench.cfg.quoted_crlf == 1 or nil,
    })
  end)
end

local function next_payload(vector, payloads, from)
  for i = from + 1, #vector.steps do
    if vector.steps[i][1] == "H" then
      return payloads[i] and vector.steps[i][2] or nil
    end
  end
  return nil
end

--- The host must send exactly these bytes.
local function expect_sent(bench, bytes)
  local deadline <const> = core.now() + 2
  while #bench.sent < #bytes and core.now() < deadline do
    core.sleep(0.001)
  end
  if bench.sent:sub(1, #bytes) ~= bytes then
    error(("the host sent %q, expected %q"):format(bench.sent, bytes), 0)
  end
  bench.sent = bench.sent:sub(#bytes + 1)
end

--- The host must have sent nothing else.
local function expect_silence(bench)
  if bench.sent ~= "" then
    error(("the host sent %q, expected nothing more"):format(bench.sent), 0)
  end
end

local function deliver(bench, bytes, cut)
  local from = 1
  while from <= #bytes do
    local size <const> = cut(#bytes - from + 1)
    bench.module:write(bytes:sub(from, from + size - 1))
    core.sleep(0)
    core.sleep(0)
    from = from + size
  end
end

--- The script's own bytes in passthrough; three pluses alone are the escape.
local function write_data(bench, bytes)
  if bytes == "+++" then
    call(bench, bytes)
  else
    assert(bench.dut.dialog:write(bytes))
  end
  expect_sent(bench, bytes)
end

local function run_steps(bench, vector, cut)
  local payloads <const> = payload_steps(vector)
  local start = bench.cfg.wakeup and first_call(vector)
  for i, step in ipairs(vector.steps) do
    local who <const>, data <const> = step[1], step[2]
    if who == "H" then
      if start then
        call(bench, vector.steps[start][2], next_payload(vector, payloads, start))
        bench.started, start = start, nil
      elseif not payloads[i] and not (bench.started and i <= bench.started) then
        call(bench, data, next_payload(vector, payloads, i))
      end
      expect_sent(bench, data)
    elseif who == "M" then
      expect_silence(bench)
      deliver(bench, data, cut)
    elseif who == "T" then
      core.sleep(data / 1000)
    elseif who == "D" then
      write_data(bench, data)
    elseif who == "X" then
      bench.module:close()
    else
      error(("step %d: unknown %q"):format(i, who), 0)
    end
  end
end

-- judging ---------------------------------------------------------------------------

local function judged(events, expect)
  local with_noise = false
  for _, event in ipairs(expect) do
    with_noise = with_noise or event:sub(1, 6) == "noise:"
  end
  local list <const> = {}
  for _, event in ipairs(events) do
    if with_noise or event:sub(1, 6) ~= "noise:" then
      list[#list + 1] = event
    end
  end
  return list
end

local function compare(events, expect)
  local got <const> = judged(events, expect)
  for i = 1, math.max(#got, #expect) do
    if got[i] ~= expect[i] then
      return ("event %d is %s, expected %s (all: %s)"):format(i,
        got[i] and ("%q"):format(got[i]) or "missing",
        expect[i] and ("%q"):format(expect[i]) or "nothing",
        ("%q"):format(table.concat(got, " | ")))
    end
  end
  return nil
end

-- the short way -----------------------------------------------------------------

--- What a script sees of a call, on one line.
local function outcome(answer, err)
  local shown <const> = answer or err
  return ("%s %s %s [%s]"):format(answer and "ok" or err.code, tostring(shown.final),
    tostring(shown.number), table.concat(shown.lines or {}, "|"))
end

--- Runs a vector after an AT whose echo was learned. Returns what a script saw of it.
local function seen_by_script(vector, cut, is_observed)
  local bench <const> = new_bench(vector, is_observed)
  local seen <const> = {}
  local greeting <const> = core.spawn(function() return bench.dut.try:at("AT") end)
  core.sleep(0)
  bench.module:write("AT\r\n\r\nOK\r\n")
  assert(greeting:join())
  assert(bench.dut.dialog.is_plain == not is_observed, "the short way is closed")
  bench.sent = ""
  bench.dut:on("*", function(event)
    seen[#seen + 1] = "urc " .. (event.line or event.payload)
  end)
  bench.dut.dialog.on_data = function(bytes)
    seen.data = (seen.data or "") .. bytes
  end
  local ok <const>, err <const> = pcall(function()
    run_steps(bench, vector, cut)
    for _, task in ipairs(bench.calls) do
      seen[#seen + 1] = outcome(select(2, task:join()))
    end
    core.sleep(1)
  end)
  bench.dut:close()
  bench.module:close()
  seen[#seen + 1] = seen.data
  return table.concat(seen, "\n") .. (ok and "" or tostring(err))
end

--- A script that nobody observes has its commands go the short way: it must see what it would see
-- on the long one. Returns nil, or the difference; false where the vector's echo is off.
local function judge_short(vector, new_cut)
  local cfg <const> = vector.cfg or {}
  if cfg.echo == 0 or cfg.mode or cfg.wakeup then
    return false
  end
  local long <const> = seen_by_script(vector, new_cut(), true)
  local short <const> = seen_by_script(vector, new_cut(), false)
  return long ~= short and ("a script sees %q, and observed %q"):format(short, long) or nil
end

--- Runs one vector. Returns nil, or what is wrong.
local function judge(vector, cut)
  local bench <const> = new_bench(vector, true)
  local ok <const>, err <const> = pcall(function()
    run_steps(bench, vector, cut)
    for _, task in ipairs(bench.calls) do
      task:join()
    end
    core.sleep(1)
    expect_silence(bench)
  end)
  bench.dut:close()
  bench.module:close()
  if not ok then
    return tostring(err)
  end
  return compare(bench.events, vector.expect)
end

-- main ------------------------------------------------------------------------------

local function parse_arguments()
  local options <const> = { files = {} }
  local i = 1
  while arg[i] do
    if arg[i] == "--bytewise" then
      options.bytewise = true
    elseif arg[i] == "--short" then
      options.short = true
    elseif arg[i] == "--verbose" then
      options.verbose = true
    elseif arg[i] == "--only" then
      i = i + 1
      options.only = arg[i]
    elseif arg[i] == "--seed" then
      i = i + 1
      options.seed = math.tointeger(tonumber(arg[i])) or error("--seed: expected a whole number", 0)
    else
      options.files[#options.files + 1] = arg[i]
    end
    i = i + 1
  end
  if #options.files == 0 then
    error("usage: attest lua tests/vectors.lua FILE... [--bytewise] [--seed N] [--short] "
      .. "[--only ID]", 0)
  end
  return options
end

local function cutter(options)
  if options.bytewise then
    return function() return 1 end
  elseif options.seed then
    math.randomseed(options.seed)
    return function(left) return math.random(1, left) end
  end
  return function(left) return left end
end

local function main()
  local options <const> = parse_arguments()
  local function new_cut() return cutter(options) end
  local cut <const> = new_cut()
  local passed, failed = 0, 0
  for _, path in ipairs(options.files) do
    for _, vector in ipairs(assert(vector_file.read(path))) do
      local is_wanted <const> = not options.only or options.only == vector.id
      local fault = nil
      if is_wanted then
        fault = (options.short and judge_short or judge)(vector, options.short and new_cut or cut)
      end
      if fault then
        failed = failed + 1
        print(("%s FAILED: %s: %s"):format(vector.id, vector.title, fault))
      elseif is_wanted and fault ~= false then
        passed = passed + 1
        if options.verbose then print(vector.id .. " passed") end
      end
    end
  end
  print(("%d passed, %d failed"):format(passed, failed))
  return failed
end

core.virtual()
local failed <const> = attest.run(main)
if failed > 0 then
  os.exit(1, true)
end
