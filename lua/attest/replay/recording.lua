-- SPDX-License-Identifier: MIT
--
-- A transcript as something to replay: read, of one slot, in order of time and
-- on one timeline that begins at 0. core/trace_line.h tells the format.
--
-- Only a hang-up takes time between two sessions (from one "opened" to the
-- next): where the host itself closed the port, or the recorder was killed, the
-- next session follows at once, since nobody knows what the module did between.
-- Any bytes whatever may be in the file: bad ones are an error with their line.

local core <const> = require "attest.core"
local errors <const> = require "attest.error"
local masks <const> = require "attest.replay.masks"
local uv <const> = require "luv"

local recording = {}

local BLOCK <const> = 64 * 1024
-- What a transcript's longest line may take: see TRACE_LINE_MAX.
local LONGEST <const> = 21 * 1024 * 1024
-- A few characters stand for very many masked bytes.
local MOST_MASKED <const> = 16 * 1024 * 1024

local function invalid(format, ...)
  return nil, errors.new { code = "invalid", message = format:format(...) }
end

-- Opening anything but a file might wait.
local function open_file(path)
  local there <const>, message <const>, name <const> = uv.fs_stat(path)
  if not there then
    return nil, errors.from_core(message:match("^%u+: [^:]+"), name, { message = path })
  elseif there.type ~= "file" then
    return invalid("%s: a %s, expected a transcript", path, there.type)
  end
  local file <const>, why <const> = io.open(path, "rb")
  if not file then
    return nil, errors.new { code = "io", message = why }
  end
  return file
end

-- Calls take(line, number, is_cut) for each line until it returns false and why; is_cut: nothing
-- ends it.
local function each_line(path, file, take)
  local parts, size, number = {}, 0, 1
  while true do
    local block <const>, why <const> = file:read(BLOCK)
    if why then
      return nil, errors.new { code = "io", message = path .. ": " .. why }
    elseif not block and size == 0 then
      return true
    elseif not block then
      return take(table.concat(parts), number, true)
    end
    local from = 1
    for at in block:gmatch("()\n") do
      parts[#parts + 1] = block:sub(from, at - 1)
      local ok <const>, err <const> = take(table.concat(parts), number)
      if not ok then
        return nil, err
      end
      parts, size, number, from = {}, 0, number + 1, at + 1
    end
    parts[#parts + 1] = block:sub(from)
    size = size + #block - from + 1
    if size > LONGEST then
      return invalid("%s:%d: a line of more than %d bytes", path, number, LONGEST)
    end
  end
end

local function count_masked(list)
  local count = 0
  for _, mask in ipairs(list or {}) do
    count = count + mask[2]
  end
  return count
end

local function is_opening(kind, bytes)
  return kind == "!" and bytes == "opened"
end

-- A killed recorder, or a full disk, leaves a part of a line: at the end, or before what was
-- recorded next.
local function read_entries(path)
  local file <close>, err <const> = open_file(path)
  if not file then
    return nil, err
  end
  local entries <const>, masked, torn = {}, 0, nil
  local ok <const>, why <const> = each_line(path, file, function(text, number, is_cut)
    local line <const> = core.trace_line(text)
    if not line and #entries == 0
      or torn and not (line and is_opening(line.direction, line.bytes)) then
      return invalid("%s:%d: not a line of a transcript", path, torn or number)
    elseif not line then
      torn = not is_cut and number or nil
      return true
    end
    torn = nil
    masked = masked + count_masked(line.masks)
    if masked > MOST_MASKED then
      return invalid("%s:%d: more than %d masked bytes", path, number, MOST_MASKED)
    end
    entries[#entries + 1] = {
      kind = line.direction, at = line.at, line = number, bytes = line.bytes, masks = line.masks,
      place = line.slot or line.port or "-",
    }
    return true
  end)
  if not ok then
    return nil, why
  elseif torn then
    return invalid("%s:%d: not a line of a transcript", path, torn)
  elseif #entries == 0 then
    return invalid("%s: it is empty, expected a transcript", path)
  end
  return entries
end

-- The entries of one slot; of one port, where no slot is named.
local function choose(path, entries, wanted)
  local places <const>, names <const> = {}, {}
  for _, entry in ipairs(entries) do
    local list = places[entry.place]
    if not list then
      list = {}
      places[entry.place] = list
      names[#names + 1] = ("%q"):format(entry.place)
    end
    list[#list + 1] = entry
  end
  if wanted and not places[wanted] then
    return invalid("%s: no slot %q, expected one of %s", path, wanted, table.concat(names, ", "))
  elseif not wanted and #names > 1 then
    return invalid("%s: it holds several slots, choose one: %s", path, table.concat(names, ", "))
  end
  return places[wanted or entries[1].place]
end

local function by_time(a, b)
  return a.at < b.at or a.at == b.at and a.line < b.line
end

-- From each "opened" to the next. The clock of another session may be another
-- machine's; within one, the kept-back end of a chunk may stand late.
local function split_sessions(entries)
  local sessions <const> = {}
  for _, entry in ipairs(entries) do
    if is_opening(entry.kind, entry.bytes) or #sessions == 0 then
      sessions[#sessions + 1] = {}
    end
    local session <const> = sessions[#sessions]
    session[#session + 1] = entry
  end
  for _, session in ipairs(sessions) do
    table.sort(session, by_time)
  end
  return sessions
end

local methods <const> = {}
local mt <const> = { __index = methods }

function methods:add(kind, entry)
  self.events[#self.events + 1] = {
    kind = kind, at = entry.at + self.shift, line = entry.line, bytes = entry.bytes,
    masks = entry.masks,
  }
end

-- Puts a session behind the others.
function methods:append(session)
  local first <const> = session[1]
  local gap <const> = self.is_away and math.max(0, first.at - self.raw_time) or 0
  self.shift = self.time + gap - first.at
  for _, entry in ipairs(session) do
    if entry.kind ~= "!" then
      if self.is_away then
        return invalid("%s:%d: bytes after the port was gone", self.path, entry.line)
      end
      self:add(entry.kind, entry)
    elseif entry.bytes == "opened" and self.is_away then
      self:add("opened", entry)
      self.is_away = false
    elseif entry.bytes:find("^closed .") then
      self:add("closed", entry)
      self.is_away = true
    elseif entry.bytes:find("^lost %d+ chunks") then
      self.gap = self.gap or entry.line
    end
    self.time, self.raw_time, self.last = entry.at + self.shift, entry.at, entry
  end
  return true
end

local function has_speech(events)
  for _, event in ipairs(events) do
    if event.kind == "<" then
      return true
    end
  end
  return false
end

--- Reads a recording.
-- @tparam string path
-- @tparam[opt] table options `slot` (or the port's name, where no slot is named), `session` (from
--   which opening on, default 1), `alone` (no further than to the next)
-- @treturn[1] table `events`, in order: `kind` (">" and "<" with `bytes` and `masks`; "closed",
--   where the port went, and "opened", where it came back; "end"), `at` in seconds, `line`; `gap`,
--   the first line behind chunks that were lost; `path`
-- @treturn[2] nil
-- @treturn[2] table error object "not_found", "io", "invalid"
function recording.load(path, options)
  local all <const>, err <const> = read_entries(path)
  if not all then
    return nil, err
  end
  local entries <const>, other <const> = choose(path, all, options and options.slot)
  if not entries then
    return nil, other
  end
  local sessions <const>, first <const> = split_sessions(entries), options and options.session or 1
  if first > #sessions then
    return invalid("%s: no session %d, expected 1 to %d", path, first, #sessions)
  end
  local self <const> = setmetatable({
    path = path, events = {}, is_away = false, time = 0, raw_time = 0, shift = 0,
  }, mt)
  for i = first, options and options.alone and first or #sessions do
    local ok <const>, why <const> = self:append(sessions[i])
    if not ok then
      return nil, why
    end
  end
  if not has_speech(self.events) then
    return invalid("%s: the module says nothing in it, expected a line with <", path)
  end
  self:add("end", self.last)
  masks.link(self.events)
  return self
end

--- Shows bytes as a transcript does.
-- @tparam string bytes
-- @treturn string
function recording.show(bytes)
  local names <const> = { ["\r"] = "\\r", ["\n"] = "\\n", ["\t"] = "\\t", ["\\"] = "\\\\" }
  return (bytes:gsub("[%c\\\127-\255]", function(byte)
    return names[byte] or ("\\x%02x"):format(byte:byte())
  end))
end

return recording
