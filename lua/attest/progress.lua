-- SPDX-License-Identifier: MIT
--
-- Shows people how the runs go: a table redrawn in place on a terminal, plain
-- lines elsewhere, and one line per slot at the end.
--
-- It lives on the runner's events alone. Nothing a module or a script said
-- reaches the terminal raw. An outcome is a word, colour only repeats it. The
-- closing lines "slot N  PASS" are read by programs and never change.

local core <const> = require "attest.core"
local text <const> = require "attest.text"
local uv <const> = require "luv"

local progress <const> = {}

-- Seconds between two redraws, at the least, and between two ticks.
local REDRAW <const> = 0.1
local TICK <const> = 0.2
-- A slow terminal, no broken one.
local EAGAIN <const> = 11

local COLORS <const> = {
  PASS = "32", FAIL = "31", ERROR = "35", TIMEOUT = "33", ABORTED = "36", SKIPPED = "2",
  RUN = "1",
}
-- In the order of the total.
local OUTCOMES <const> = { "PASS", "FAIL", "TIMEOUT", "ERROR", "ABORTED", "SKIPPED" }

local methods <const> = {}
local mt <const> = { __index = methods }

-- The terminal behind a stream, or nil: it tells its size at every redraw, so
-- a resize needs no signal.
local function find_terminal(out)
  local fd <const> = out == io.stdout and 1 or out == io.stderr and 2 or nil
  if not fd or not core.is_terminal(fd) or os.getenv("TERM") == "dumb" then
    return nil
  end
  local handle <const> = uv.new_tty(fd, false)
  return handle and {
    size = function()
      return handle:get_winsize()
    end,
    close = function()
      handle:close()
    end,
  }
end

local function paint(self, word, shown)
  local color <const> = self.is_colored and COLORS[word]
  return color and ("\27[%sm%s\27[0m"):format(color, shown or word) or shown or word
end

local function erase(self)
  if self.drawn > 0 then
    self.out:write(("\27[%dA\r\27[J"):format(self.drawn))
    self.drawn = 0
  end
end

-- What a slot's row says, cut to the width before it is coloured.
local function row(self, state, width)
  local plain <const> = ("slot %-3d %3d/%-3d "):format(state.number, state.index, state.phases)
  local seconds <const> = state.seconds or state.since and core.now() - state.since or 0
  local tail <const> = self.say("seconds", seconds)
  local room <const> = width - #plain - 12 - #state.word - 3
  if room < 4 then
    return text.cut(("slot %d %s"):format(state.number, state.word), width)
  end
  local name <const> = text.fit(state.phase, math.min(room, 32))
  local gap <const> = (" "):rep(math.max(0, 10 - text.width(tail)))
  return plain .. name .. gap .. tail .. "  " .. paint(self, state.word)
end

local function draw(self)
  local columns, rows = self.terminal.size()
  columns = columns and columns > 0 and columns or 80 -- a terminal that does not know says 0
  rows = rows and rows > 0 and rows or 24
  erase(self)
  for i, state in ipairs(self.states) do
    if i >= rows then
      break
    end
    self.out:write(row(self, state, columns - 1), "\n")
    self.drawn = i
  end
  self.out:flush()
  self.drawn_at = uv.hrtime()
end

local function is_due(self)
  return (uv.hrtime() - (self.drawn_at or 0)) / 1e9 >= REDRAW
end

local function tick(self)
  if is_due(self) then
    draw(self)
  end
  self.timer = core.after(TICK, function()
    tick(self)
  end)
end

-- A line that stays: above the table, when there is one.
local function say_line(self, line)
  erase(self)
  self.out:write(line, "\n")
  if self.timer then
    draw(self)
  end
  self.out:flush()
end

--- Tells a person something, on the stream for messages.
-- @tparam string line
function methods:message(line)
  erase(self)
  self.err:write(text.printable(line), "\n")
  self.err:flush()
  if self.timer then
    draw(self)
  end
end

local function state_of(self, number)
  local state = self.states[number]
  if not state then
    state = { number = number, index = 0, phases = 0, phase = "", word = "-" }
    self.states[number] = state
  end
  return state
end

-- A run that no store has begun proves nothing: its passes are not told as such.
-- "slot 1  signal  FAIL  0.3 s  (attempt 2)  rssi -97 dBm < -95 dBm (lower)"
local function outcome_line(self, event, name, message)
  local is_unstored <const> = event.outcome == "PASS" and state_of(self, event.slot).is_unstored
  local word <const> = is_unstored and self.say("no_record") or paint(self, event.outcome)
  local parts <const> = { "slot " .. event.slot, text.printable(name), word }
  if event.outcome ~= "SKIPPED" then
    parts[#parts + 1] = self.say("seconds", event.duration_ms / 1000)
  end
  if event.attempt and event.attempt > 1 then
    parts[#parts + 1] = "(" .. self.say("attempt", event.attempt) .. ")"
  end
  if message and event.outcome ~= "PASS" then
    parts[#parts + 1] = text.printable(message)
  end
  return table.concat(parts, "  ")
end

local function failure_text(event)
  local failure <const> = event.first_failure
  if not failure then
    return event.message
  end
  return failure.phase and failure.phase .. ": " .. failure.message or failure.message
end

local on <const> = {}

function on.run_started(_, event, state)
  state.index, state.phases, state.phase = 0, event.phases, ""
  state.since, state.seconds, state.word = core.now(), nil, "RUN"
  state.is_unstored = event.stored == false
end

function on.phase_started(_, event, state)
  state.phase = text.printable(event.phase)
  if event.group == "main" and event.attempt == 1 then
    state.index = state.index + 1
  end
end

function on.phase_finished(self, event)
  local is_quiet <const> = self.terminal
    and (event.outcome == "PASS" or event.outcome == "SKIPPED")
  if not is_quiet then
    say_line(self, outcome_line(self, event, event.phase, event.message))
  end
end

function on.log(self, event)
  say_line(self, ("slot %d  %s: %s"):format(event.slot, event.level, text.printable(event.text)))
end

function on.run_finished(self, event, state)
  state.seconds, state.word = event.duration_ms / 1000, event.outcome
  state.phase = text.printable(event.first_failure and event.first_failure.phase or "")
  if not self.terminal or event.outcome ~= "PASS" then
    say_line(self, outcome_line(self, event, event.plan, failure_text(event)))
  end
end

--- Takes an event of the runner.
-- @tparam table event
function methods:event(event)
  local handler <const> = on[event.type]
  if handler then
    handler(self, event, state_of(self, event.slot))
    if self.timer and is_due(self) then
      draw(self)
    end
  end
end

--- Begins to show slots.
-- @tparam table slots with their `number`
function methods:open(slots)
  for _, slot in ipairs(slots) do
    state_of(self, slot.number)
  end
  if self.terminal then
    tick(self)
  end
end

--- Ends the table; closing twice is quiet.
function methods:close()
  if self.timer then
    self.timer:stop()
    self.timer = nil
  end
  erase(self)
  if self.terminal then
    self.terminal.close()
    self.terminal = nil
  end
end

--- Prints the closing lines.
-- @tparam table slots with `number` and `verdict`
-- @tparam table tally `runs`, `counts`, `unstored`
function methods:summary(slots, tally)
  for _, slot in ipairs(slots) do
    self.out:write(("slot %d  %s\n"):format(slot.number, paint(self, slot.verdict or "SKIPPED")))
  end
  local counts <const> = {}
  for _, word in ipairs(OUTCOMES) do
    if tally.counts[word] then
      counts[#counts + 1] = ("%d %s"):format(tally.counts[word], word)
    end
  end
  if tally.unstored > 0 then
    counts[#counts + 1] = self.say("unstored", tally.unstored)
  end
  self.out:write(self.say("total", tally.runs), ": ", table.concat(counts, ", "), "  ",
    self.say("seconds", core.now() - self.began), "\n")
  self.out:flush()
end

-- Nothing more can be shown on a stream that failed once; the runs go on. What
-- C still holds of it must not be sent to a reader that has gone, at the exit.
local function give_up(out)
  if out == io.stdout then
    uv.fs_close(1)
    uv.fs_open("/dev/null", "w", 0)
  end
end

--- Makes a stream that is quiet after its first failure.
-- @tparam table out with write() and flush()
-- @treturn table
function progress.forgiving(out)
  local is_broken = false
  local function attempt(verb)
    return function(self, ...)
      if not is_broken then
        core.patience(true) -- a stopped terminal is no script that runs on
        local ok <const>, result <const>, why <const>, errno <const> = pcall(out[verb], out, ...)
        core.patience(false)
        is_broken = not ok or not result and why ~= nil and errno ~= EAGAIN
        if is_broken then
          give_up(out)
        end
      end
      return self
    end
  end
  return { write = attempt "write", flush = attempt "flush" }
end

--- Makes a progress display.
-- @tparam table options `out`, `err` streams, `say` from attest.text, and
-- `terminal` with size() and close() when it is not to be found out
-- @treturn table progress
function progress.new(options)
  local terminal <const> = options.terminal or find_terminal(options.out)
  return setmetatable({
    out = progress.forgiving(options.out), err = progress.forgiving(options.err),
    say = options.say, terminal = terminal,
    is_colored = terminal ~= nil and not os.getenv("NO_COLOR"),
    states = {}, drawn = 0, began = core.now(),
  }, mt)
end

return progress
