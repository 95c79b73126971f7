-- SPDX-License-Identifier: MIT
--
-- Turns the results of tests/bench/run into plain-text tables.
--
--     attest lua tests/bench/table.lua RESULTS PORTS    PORTS: of the memory
--     attest lua tests/bench/table.lua --growth RESULTS   numbers for a plot
--
-- Each line of RESULTS: round, workload, client, wall us a unit, CPU us a
-- unit, PSS in KiB at the first and at the last mark. A ratio is to the raw
-- client of the same round; every figure is a median over the rounds.

local RAW <const> = "raw C"

-- In the order of the output. Goals: `client = { CPU ratio, wall ratio }`, or words.
local sections <const> = {
  { "at1", "AT+GMR, one port", goals = {
    ["attest dut:at"] = { 1.3, 1.15 }, ["attest dut:gmr"] = { 1.7, 1.25 },
    ["attest dut:at, traced"] = "CPU 1.1 of dut:at",
  } },
  { "at8", "AT+GMR, 8 ports at once" },
  { "at32", "AT+GMR, 32 ports at once" },
  { "at128", "AT+GMR, 128 ports at once", goals = { ["attest dut:at"] = { 1.3 } } },
  { "urc", "URC lines of 64 bytes; us a line", goals = {
    ["attest port:listen"] = { 1.8 }, ["attest, counted in C"] = { 1.15 },
  } },
  { "qisend", "AT+QISEND of 1 KiB", goals = { ["attest dut:qisend"] = { 1.3, 1.1 } } },
  { "echo", "passthrough echo; us a KiB", goals = { ["attest port:listen"] = { nil, 1 / 0.9 } } },
  { "start", "one AT+GMR, from fork to the answer on standard output", goals = {
    ["attest send"] = "4000 us", ["attest run, to its end"] = "25000 us",
  } },
}
local RUNS_GOAL <const> = 200 -- a second
-- Lateness of these has no goal: the escape waits for a silence after the OK on purpose.
local SETTLES <const> = "from OK to AT"

local function median(list)
  table.sort(list)
  local middle <const> = #list // 2
  if #list == 0 then return nil end
  return #list % 2 == 1 and list[middle + 1] or (list[middle] + list[middle + 1]) / 2
end

local function read(path)
  local workloads <const> = {}
  for line in io.lines(path) do
    local words <const> = {}
    for word in line:gmatch("[^\t]+") do words[#words + 1] = word end
    local round <const>, what <const>, client <const> = table.unpack(words)
    local work = workloads[what] or { order = {} }
    workloads[what] = work
    if not work[client] then
      work[client] = {}
      work.order[#work.order + 1] = client
    end
    local rounds <const> = work[client]
    rounds[round] = rounds[round] or {}
    table.insert(rounds[round], {
      wall = tonumber(words[4]), cpu = tonumber(words[5]),
      first = tonumber(words[6]), last = tonumber(words[7]),
    })
  end
  return workloads
end

--- The medians of a client's rounds; of one round when a workload repeats.
local function figures(rounds, key)
  local by_round <const>, all <const> = {}, {}
  for round, samples in pairs(rounds or {}) do
    local list <const> = {}
    for _, sample in ipairs(samples) do list[#list + 1] = sample[key] end
    by_round[round] = median(list)
    all[#all + 1] = by_round[round]
  end
  return median(all), by_round
end

local function ratio(rounds, raw, key)
  local _, mine <const> = figures(rounds, key)
  local _, theirs <const> = figures(raw, key)
  local list <const> = {}
  for round, value in pairs(mine) do
    if theirs[round] then list[#list + 1] = value / theirs[round] end
  end
  return median(list)
end

local function show(value, format)
  return value and (format or "%.2f"):format(value) or "-"
end

local function goal(pair)
  if type(pair) ~= "table" then return pair or "" end
  local cpu <const>, wall <const> = pair[1], pair[2]
  return (cpu and ("CPU %.2f "):format(cpu) or "") .. (wall and ("wall %.2f"):format(wall) or "")
end

local ROW <const> = "  %-24s %10s %10s %8s %8s %8s  %s"

local function print_section(section, work)
  print(("\n%s"):format(section[2]))
  print(ROW:format("", "wall us", "CPU us", "wall x", "CPU x", "PSS kB", "goal"))
  for _, client in ipairs(work.order) do
    local rounds <const> = work[client]
    local pss <const> = figures(rounds, "last") -- -1: it had ended
    local row <const> = ROW:format(client,
      show(figures(rounds, "wall"), "%.3f"), show(figures(rounds, "cpu"), "%.3f"),
      show(ratio(rounds, work[RAW], "wall")), show(ratio(rounds, work[RAW], "cpu")),
      show(pss and pss >= 0 and pss or nil, "%.0f"), goal(section.goals and section.goals[client]))
    print((row:gsub("%s+$", "")))
  end
end

local function print_memory(work, further)
  print(("\nmemory, PSS in kB; each of %d further ports"):format(further))
  print(("  %-24s %10s %10s"):format("", "one port", "a further"))
  for _, client in ipairs(work.order) do
    local first <const> = figures(work[client], "first")
    local last <const> = figures(work[client], "last")
    print(("  %-24s %10.0f %10.2f"):format(client, first, (last - first) / further))
  end
end

local function print_runs(work)
  print("\nruns on simulated slots, in process, virtual clock")
  print(("  %-24s %10s %10s  %s"):format("", "runs/s", "CPU ms/run", "goal"))
  for _, client in ipairs(work.order) do
    print(("  %-24s %10.1f %10.3f  %d runs/s"):format(client, 1e6 / figures(work[client], "wall"),
      figures(work[client], "cpu") / 1e3, RUNS_GOAL))
  end
end

-- What settles after an escape is no lateness, and the raw client's is what the
-- machine has.
local function is_judged(name)
  return name:sub(1, #SETTLES) ~= SETTLES and name:sub(1, #RAW) ~= RAW
end

local function print_timing(work)
  print("\nlateness in us")
  print(("  %-36s %9s %9s %9s %6s  %s"):format("", "median", "p99", "max", "of", "goal"))
  for _, name in ipairs(work.order) do
    local rounds <const> = work[name]
    print((("  %-36s %9.0f %9.0f %9.0f %6.0f  %s"):format(name, figures(rounds, "wall"),
      figures(rounds, "cpu"), figures(rounds, "first"), figures(rounds, "last"),
      is_judged(name) and "median 1000, p99 5000" or ""):gsub("%s+$", "")))
  end
end

--- One row for each number of ports: ports, wall and CPU us of a command, the same of the raw
-- client, PSS in kB.
local function growth(work)
  local rows <const> = {}
  for _, client in ipairs(work.order) do
    local ports <const> = tonumber(client:match("^attest (%d+)$"))
    if ports then
      local mine <const>, raw <const> = work[client], work["raw " .. ports]
      rows[#rows + 1] = { ports, figures(mine, "wall"), figures(mine, "cpu"),
        figures(raw, "wall") or 0, figures(raw, "cpu") or 0, figures(mine, "last"),
        ratio(mine, raw, "cpu") or 0 }
    end
  end
  table.sort(rows, function(a, b) return a[1] < b[1] end)
  return rows
end

local function print_growth(rows)
  print("\ngrowth: AT+GMR on N ports at once; PSS a port is over that of one port")
  print(("  %6s %10s %10s %8s %10s %12s"):format("ports", "wall us", "CPU us", "CPU x", "PSS kB",
    "kB a port"))
  for _, row in ipairs(rows) do
    local ports <const>, pss <const> = row[1], row[6]
    local each <const> = ports > 1 and (pss - rows[1][6]) / (ports - rows[1][1])
    print(("  %6d %10.2f %10.2f %8.2f %10.0f %12s"):format(ports, row[2], row[3], row[7], pss,
      show(each or nil, "%.1f")))
  end
end

if arg[1] == "--growth" then
  for _, row in ipairs(growth(read(arg[2]).growth or { order = {} })) do
    print(table.concat(row, "\t"))
  end
  os.exit(0, true)
end

local results <const> = read(arg[1])
for _, section in ipairs(sections) do
  if results[section[1]] then print_section(section, results[section[1]]) end
end
if results.memory then print_memory(results.memory, tonumber(arg[2])) end
if results.runs then print_runs(results.runs) end
if results.timing then print_timing(results.timing) end
if results.growth then print_growth(growth(results.growth)) end
