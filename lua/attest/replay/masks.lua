-- SPDX-License-Identifier: MIT
--
-- The masked bytes of a recording: wildcards in what the host sends, and what
-- to put for them in what the module says.
--
-- A module echoes a password, and the host knows its echo by comparing. So the
-- bytes that a host sends for a mask stand in where the module's masks are as
-- long. A run is a secret that chunks may have cut; its masks lie end to end.

local masks = {}

-- Runs of one direction, in order; a mask gets its run and its place there.
local function find_runs(events, kind)
  local runs <const> = {}
  local run, is_open
  for number, event in ipairs(events) do
    if event.kind == kind then
      local next_place = is_open and 1 or nil
      is_open = false
      for _, mask in ipairs(event.masks or {}) do
        if mask[1] ~= next_place then
          run = { total = 0, got = "", number = number }
          runs[#runs + 1] = run
        end
        mask.run, mask.from = run, run.total
        run.total = run.total + mask[2]
        next_place = mask[1] + mask[2]
        is_open = next_place > #event.bytes
      end
    end
  end
  return runs
end

--- Finds, for each run of the module, the host's run that it repeats.
-- @tparam table events of attest.replay.recording
function masks.link(events)
  local sent <const>, said <const> = find_runs(events, ">"), find_runs(events, "<")
  local latest <const>, i = {}, 1
  for _, run in ipairs(said) do
    while sent[i] and sent[i].number < run.number do
      latest[sent[i].total] = sent[i]
      i = i + 1
    end
    run.source = latest[run.total]
  end
end

--- Puts "?" for the masked bytes of what the host sent, and remembers them.
-- @tparam string bytes
-- @tparam integer offset of the bytes in the recorded chunk
-- @tparam ?table list masks of that chunk
-- @treturn string
function masks.cover(bytes, offset, list)
  for _, mask in ipairs(list or {}) do
    local first <const> = math.max(mask[1], offset + 1)
    local last <const> = math.min(mask[1] + mask[2] - 1, offset + #bytes)
    if first <= last then
      local run <const>, from <const> = mask.run, mask.from + first - mask[1]
      run.got = run.got:sub(1, from) .. bytes:sub(first - offset, last - offset)
      bytes = bytes:sub(1, first - offset - 1) .. ("?"):rep(last - first + 1)
        .. bytes:sub(last - offset + 1)
    end
  end
  return bytes
end

--- Puts what the host sent for the masks of what the module said.
-- @tparam table event
-- @treturn string bytes
function masks.fill(event)
  local bytes = event.bytes
  for _, mask in ipairs(event.masks or {}) do
    local known <const> = mask.run.source and mask.run.source.got or ""
    local secret <const> = known:sub(mask.from + 1, mask.from + mask[2])
    bytes = bytes:sub(1, mask[1] - 1) .. secret .. bytes:sub(mask[1] + #secret)
  end
  return bytes
end

return masks
