# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# A hostile module on a PTY: what it says reaches no terminal and no export raw,
# forges no verdict, and takes no memory; and scripts that get the loop stuck.

hostile_plans=$root/tests/witness/plans
MOST_KILOBYTES=300000

# start_hostile WHAT: sets $hostile, its port
start_hostile() {
  hostile=$scratch/hostile-$1
  rm -f "$hostile"
  peers_start "$scratch/hostile.out" python3 "$root/tests/witness/hostile_module.py" "$hostile" "$1"
  peers_await 20 "$peer" "$scratch/hostile.out" '^ready'
}

# clean FILE...: nothing in it that a terminal obeys, and no verdict of slot 1
# but the runner's own
clean() {
  python3 - "$@" <<'PY'
import re, sys
for path in sys.argv[1:]:
    raw = open(path, "rb").read()
    # the runner's own colours, and the table that it redraws
    text = re.sub(rb"\x1b\[\d*(;\d+)*[mAJ]|\r(?=\x1b\[J|\n)", b"", raw)
    text = text.decode("utf-8")
    bad = re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", text)
    if bad:
        sys.exit("%s: %r at %r" % (path, bad.group(), text[max(0, bad.start() - 60):bad.end() + 20]))
    for line in text.splitlines():
        if re.match(r"\s*slot 1  PASS", line):
            sys.exit("%s: a forged verdict: %r" % (path, line))
PY
}

hostile_values() {
  start_hostile answers || return 1
  ends_with 1 "$attest" run "$hostile_plans/hostile.lua" --port "$hostile" \
    --db "$scratch/hostile.db" --junit "$scratch/hostile.xml" --json "$scratch/hostile-json" \
    --transcript "$scratch/hostile-traces" || return 1
  has "$scratch/out" '^slot 1  FAIL$' &&
    clean "$scratch/out" "$scratch/err" "$scratch/hostile.xml" "$scratch"/hostile-json/*.json \
      "$scratch"/hostile-traces/*.trace
}

hostile_events() {
  start_hostile answers || return 1
  ends_with 1 "$attest" run "$hostile_plans/hostile.lua" --port "$hostile" \
    --db "$scratch/hostile.db" --jsonl && clean "$scratch/out" "$scratch/err" &&
    python3 -c 'import json, sys; [json.loads(l) for l in open(sys.argv[1])]' "$scratch/out"
}

# on_terminal COMMAND: what a terminal got is in $scratch/typescript
on_terminal() {
  TERM=xterm timeout 60 script -qec "$1" "$scratch/typescript" >"$scratch/shown" </dev/null
  sed -i '1d;/^Script done/d' "$scratch/typescript"
}

hostile_terminal() {
  start_hostile answers || return 1
  on_terminal "'$attest' run '$hostile_plans/hostile.lua' --port '$hostile' --db '$scratch/hostile.db'"
  clean "$scratch/shown" && grep -q 'slot 1' "$scratch/shown"
}

hostile_send() {
  start_hostile answers || return 1
  on_terminal "'$attest' send --port '$hostile' AT+GMR AT+BAD"
  clean "$scratch/shown" && grep -q 'x1B' "$scratch/shown"
}

# FLOOD: the run ends by itself in time and memory
hostile_flood() {
  start_hostile "$1" || return 1
  timeout --kill-after=5 60 /usr/bin/env bash -c '
    "$@" & pid=$!
    peak=0
    while kill -0 $pid 2>/dev/null; do
      now=$(awk "/VmHWM/ {print \$2}" /proc/$pid/status 2>/dev/null)
      [ "${now:-0}" -gt "$peak" ] && peak=$now
      sleep 0.1
    done
    wait $pid
    echo "peak $peak kB, status $?"' flood "$attest" run "$hostile_plans/flooded.lua" \
    --port "$hostile" --db "$scratch/flood.db" >"$scratch/out" 2>&1 </dev/null || return 1
  peers_stop
  has "$scratch/out" '^slot 1  FAIL$' && has "$scratch/out" 'lived to the end' && clean "$scratch/out" || return 1
  local peak
  peak=$(sed -n 's/^peak \([0-9]*\) kB.*/\1/p' "$scratch/out")
  [ "$peak" -lt "$MOST_KILOBYTES" ] || { cat "$scratch/out"; return 1; }
}

# A pattern that backtracks for ever: no hook reaches it.
write_stuck() {
  cat >"$scratch/stuck.lua" <<'LUA'
local plan = require("attest").plan { name = "stuck", module = "ct12" }
plan:phase("stuck", function(t)
  t:log("stuck now")
  t:measure("x", ("a"):rep(60):find(("a?"):rep(60) .. ("a"):rep(60))):equals(1)
end)
return plan
LUA
}

# Two signals that come at once are one: waits until a process has got the first.
has_taken_int() {
  local pending
  for _ in $(seq 200); do
    pending=$(awk '/^ShdPnd:/ { print $2 }' "/proc/$1/status") || return 1
    (((0x$pending & 2) != 0)) || return 0
    sleep 0.05
  done
  return 1
}

forced_stop() {
  local pid status=0
  write_stuck
  setsid env --default-signal=INT "$attest" run "$scratch/stuck.lua" --sim ct12 \
    --db "$scratch/stuck.db" >"$scratch/out" 2>"$scratch/err" </dev/null &
  pid=$!
  peers_await 20 "$pid" "$scratch/out" 'stuck now' || { cat "$scratch/out"; return 1; }
  sleep 0.5
  kill -INT "$pid"
  has_taken_int "$pid" || return 1
  kill -INT "$pid"
  wait "$pid" || status=$?
  [ "$status" -eq 130 ] || { echo "status $status"; cat "$scratch/err"; return 1; }
  has "$scratch/err" 'forced to stop: slot 1 \(.*stuck.lua\) has not returned' || return 1
  ends_with 0 "$attest" run "$hostile_plans/version.lua" --sim ct12 --db "$scratch/stuck.db" &&
    has "$scratch/err" 'now ABORTED'
}

check "hostile answers: no export and no output has them raw" hostile_values
check "hostile answers: nor the events" hostile_events
check "hostile answers: nor a terminal" hostile_terminal
check "hostile answers: attest send shows them escaped on a terminal" hostile_send
for flood in random line urcs prompts digits fields escapes; do
  check "a flood of $flood: the run ends, its memory is bounded" hostile_flood "$flood"
done
check "a loop that is stuck: a second Ctrl-C ends the process; the run is ABORTED" forced_stop
peers_stop
