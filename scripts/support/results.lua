-- SPDX-License-Identifier: MIT
--
-- Shows the newest runs of a store side by side: a row per measurement, a
-- column per slot. A value that failed is marked with "!", "-" was not measured.
--
--     attest lua scripts/support/results.lua attest.db 4

local attest <const> = require "attest"
local store <const> = require "attest.store"

local path <const>, count <const> = arg[1], math.tointeger(arg[2]) or 4

local function show(measurement)
  local value = measurement.value
  if math.type(value) == "float" then
    value = ("%.2f"):format(value)
  end
  local mark <const> = measurement.outcome == "FAIL" and " !" or ""
  return tostring(value) .. mark
end

-- The last attempt of a phase is the one that counts.
local function values_of(record, names, seen)
  local values <const> = {}
  for _, phase in ipairs(record.phases) do
    for _, measurement in ipairs(phase.measurements) do
      local unit <const> = measurement.unit and " (" .. measurement.unit .. ")" or ""
      local name <const> = phase.name .. ": " .. measurement.name .. unit
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
      values[name] = show(measurement)
    end
  end
  return values
end

local function collect(db)
  local columns <const>, names <const>, seen <const> = {}, {}, {}
  for _, run in ipairs(assert(db:runs { last = count })) do
    local record <const> = assert(db:record(run.run_id))
    columns[#columns + 1] = {
      slot = record.station.slot, outcome = record.outcome,
      values = values_of(record, names, seen),
    }
  end
  table.sort(columns, function(a, b) return a.slot < b.slot end)
  return columns, names
end

local function print_row(widths, cells)
  local parts <const> = {}
  for i, cell in ipairs(cells) do
    parts[i] = i == #cells and cell or cell .. (" "):rep(widths[i] - #cell)
  end
  print(table.concat(parts, "  "))
end

local function to_rows(columns, names)
  local rows <const> = { { "" }, { "outcome" } }
  for _, column in ipairs(columns) do
    table.insert(rows[1], "slot " .. column.slot)
    table.insert(rows[2], column.outcome)
  end
  for _, name in ipairs(names) do
    local row <const> = { name }
    for i, column in ipairs(columns) do
      row[i + 1] = column.values[name] or "-"
    end
    rows[#rows + 1] = row
  end
  return rows
end

attest.run(function()
  local db <close> = assert(store.open(path, { readonly = true }))
  local rows <const> = to_rows(collect(db))
  local widths <const> = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, #cell)
    end
  end
  for _, row in ipairs(rows) do
    print_row(widths, row)
  end
end)
