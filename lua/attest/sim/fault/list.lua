-- SPDX-License-Identifier: MIT
--
-- The faults, as data: what --list-faults, --help and the complaint about a
-- bad specification say, in this order. An argument's value is found under
-- its label in lower case; `whole` is a whole number; what has a `default` or
-- is `optional` may be left out.

local MOST_SECONDS <const>, MOST_BYTES <const>, MOST_COMMANDS <const> = 1e6, 65535, 1e6

local function seconds(label)
  return { label = label or "SECONDS", unit = "s", low = 0, high = MOST_SECONDS }
end

local function count(label, high)
  return { label = label, low = 1, high = high, whole = true }
end

local probability <const> = { label = "PROBABILITY", low = 0, high = 1 }
local nth <const> = count("NTH", MOST_COMMANDS)
nth.optional = "every one"
local back <const> = seconds("BACK")
back.optional = "never"

return {
  { name = "silent", args = {}, doc = "The module hears nothing and says nothing." },
  {
    name = "loss",
    args = { probability },
    doc = "Each byte is lost with this probability, in both directions.",
  },
  {
    name = "corrupt",
    args = { probability },
    doc = "A bit of each byte is turned with this probability, in both directions.",
  },
  {
    name = "fragment",
    args = { count("BYTES", MOST_BYTES) },
    doc = "What the module says comes in pieces of at most so many bytes, 1 to 10 ms apart.",
  },
  {
    name = "delay",
    args = { seconds() },
    doc = "What the module says comes so much later, in its order.",
  },
  {
    name = "jitter",
    args = { seconds() },
    doc = "What the module says comes later by up to so much, in its order.",
  },
  {
    name = "storm",
    args = { { label = "RATE", unit = "lines/s", low = 0.001, high = 1000 } },
    doc = "The module tells its registration unasked, at random times, so often on the average.",
  },
  {
    name = "reboot",
    args = { count("COMMAND", MOST_COMMANDS) },
    doc = "The module reboots in its n-th command, after the echo and before the answer.",
  },
  {
    name = "no_prompt",
    args = { nth },
    doc = "The n-th prompt for a payload does not come; the module waits for the payload.",
  },
  {
    name = "late_final",
    args = { seconds() },
    doc = "The line that ends a command comes so much later; the lines before it come in time.",
  },
  {
    name = "truncate",
    args = { { label = "BYTES", low = 0, high = MOST_BYTES, whole = true } },
    doc = "A counted payload from the module ends after so many bytes; its count stays.",
  },
  {
    name = "vanish",
    args = { seconds(), back },
    doc = "The port goes away and takes the module's power with it. BACK later 'attest sim' opens"
      .. " a new one under the same --link and the module boots; a port in the process (sim:)"
      .. " stays away.",
  },
  {
    name = "rate",
    args = { count("COMMAND", MOST_COMMANDS), {
      label = "BAUD", low = 50, high = 4000000, whole = true, default = 9600,
    } },
    doc = "After its n-th command the module talks and listens at another rate until it boots.",
  },
}
