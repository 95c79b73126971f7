# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What goes wrong on a line: no answer, an interrupt, a full disk, a script
# that never waits, the wrong rate.

plans=$root/tests/witness/plans

# In-process modules: --sim takes the settings.
bad_run() { # STATUS PLAN OPTION...
  local status=$1 plan=$2
  shift 2
  ends_with "$status" "$attest" run "$plans/$plan" --db "$scratch/bad.db" "$@"
}

silent_module() {
  bad_run 3 version.lua --sim ct12 --fault silent &&
    has "$scratch/out" '^slot 1  TIMEOUT' && has "$scratch/out" 'AT\+GMR.* 2 s'
}

vanished_module() {
  bad_run 3 long.lua --sim ct12 --fault vanish:1 && has "$scratch/out" '^slot 1  ERROR'
}

hogging_script() {
  bad_run 3 hog.lua --sim ct12 && has "$scratch/out" '^slot 1  ERROR' &&
    has "$scratch/out" 'hog\.lua:12'
}

# A file stands where the folder of the store should be: root is refused too.
store_refused() {
  touch "$scratch/file"
  ends_with 5 "$attest" run "$plans/version.lua" --sim ct12 --db "$scratch/file/attest.db" || return 1
  ! grep -Eq '^slot 1  (only version  )?PASS' "$scratch/out" || { cat "$scratch/out"; return 1; }
}

# SIGNAL STATUS
interrupted_run() {
  local pid status=0
  setsid env --default-signal=INT "$attest" run "$plans/long.lua" --sim ct12 \
    --db "$scratch/stop.db" --json "$scratch/json" >"$scratch/out" 2>"$scratch/err" </dev/null &
  pid=$!
  peers_await 20 "$pid" "$scratch/out" 'long wait' || { cat "$scratch/out"; return 1; }
  sleep 0.5
  kill "-$1" "$pid"
  wait "$pid" || status=$?
  [ "$status" -eq "$2" ] || { echo "status $status"; cat "$scratch/out" "$scratch/err"; return 1; }
  has "$scratch/out" '^slot 1  ABORTED' && has "$scratch/out" 'teardown ran'
}

wrong_rate() {
  start_module "$scratch/rate" --set boot=0.1 --set register=0.1
  await_module "$scratch/rate" "$peer" || return 1
  ends_with 3 "$attest" send --port "$scratch/rate" --baud 9600 --timeout 2 AT &&
    ends_with 0 "$attest" send --port "$scratch/rate" --timeout 20 AT
}

held_port() {
  start_module "$scratch/held" --set boot=0.1
  await_module "$scratch/held" "$peer" || return 1
  cat >"$scratch/hold.lua" <<'LUA'
local core = require "attest.core"
core.run(core.spawn(function()
  local port = assert(core.open(arg[1], {}))
  print("held")
  io.stdout:flush()
  core.sleep(600)
  port:close()
end))
LUA
  peers_start "$scratch/hold" "$attest" lua "$scratch/hold.lua" "$scratch/held"
  local holder=$peer
  peers_await 20 "$holder" "$scratch/hold" '^held' || return 1
  ends_with 2 "$attest" send --port "$scratch/held" AT || return 1
  has "$scratch/err" "pid $holder"
}

check "a silent module: TIMEOUT, naming command and seconds" silent_module
check "a vanished port: ERROR" vanished_module
check "a script that never waits: ERROR, naming the line" hogging_script
check "a store that cannot be written: status 5, no PASS" store_refused
check "SIGINT in a run: teardown, ABORTED, status 130" interrupted_run INT 130
check "SIGTERM in a run: teardown, ABORTED, status 143" interrupted_run TERM 143
check "a wrong rate is garbage, and the right one works after it" wrong_rate
check "a held port: who holds it" held_port
peers_stop
