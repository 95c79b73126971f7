# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Steps of a test run, for tests/run and tests/endurance/run, which source it:
# each is counted, none may end without a count, and what it said is shown when
# it failed. The last line, by finish(), is never better than what was seen.

wanted=("$@")
passed=0
failed=0
failures=()

scratch=$(mktemp -d "${TMPDIR:-/tmp}/attest-run.XXXXXX")
export XDG_CONFIG_HOME=$scratch/config # nobody's own modules
child=
beside=
# A signal ends the steps under way too; their own traps clean up after them.
stop() {
  local each
  for each in $child $beside; do
    kill -TERM "$each" 2>/dev/null
    wait "$each" 2>/dev/null
  done
  rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

is_wanted() {
  local word
  [ "${#wanted[@]}" -eq 0 ] && return 0
  for word in "${wanted[@]}"; do
    case $1 in "$word"*) return 0 ;; esac
  done
  return 1
}

# The last "N passed, N failed" of a log, as "N N"; nothing when there is none.
closing_line() {
  sed -nE 's/^([0-9]+) passed, ([0-9]+) failed.*$/\1 \2/p' "$1" | tail -n 1
}

cmocka_count() {
  awk '/^\[  PASSED  \] [0-9]+ test/ { p += $4; seen = 1 }
       /^\[  FAILED  \] [0-9]+ test/ { f += $4; seen = 1 }
       END { if (seen) print p + 0, f + 0 }' "$1"
}

report() { # name, passed, failed, seconds, log
  local word=ok
  passed=$((passed + $2))
  failed=$((failed + $3))
  if [ "$3" -gt 0 ]; then
    word=FAILED
    failures+=("$1")
  fi
  printf '%-7s %-24s %5d passed %5d failed %5d s\n' "$word" "$1" "$2" "$3" "$4"
  if [ "$3" -gt 0 ]; then
    grep -av '^ok ' "$5" | tail -n 120 | sed 's/^/    | /'
  fi
}

# step KIND NAME SECONDS COMMAND...
#   counted  the command's last line tells; cmocka  its summary tells;
#   single   the exit status is one test
step() {
  local kind=$1 name=$2 limit=$3 start status
  shift 3
  is_wanted "$name" || return 0
  start=$SECONDS
  timeout --kill-after=10 "$limit" "$@" >"$scratch/log" 2>&1 </dev/null &
  child=$!
  wait "$child"
  status=$?
  child=
  judge "$kind" "$name" "$status" $((SECONDS - start)) "$scratch/log"
}

judge() { # kind, name, exit status, seconds, log
  local kind=$1 name=$2 status=$3 seconds=$4 log=$5 counts p f
  case $kind in
    counted) counts=$(closing_line "$log") ;;
    cmocka) counts=$(cmocka_count "$log") ;;
    single) counts=$([ "$status" -eq 0 ] && echo "1 0" || echo "0 1") ;;
  esac
  if [ -z "$counts" ]; then
    echo "(no count was printed)" >>"$log"
    counts="0 1"
  fi
  read -r p f <<<"$counts"
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
    echo "(exit status $status)" >>"$log"
    f=1
  elif [ "$p" -eq 0 ] && [ "$f" -eq 0 ]; then
    echo "(no test ran)" >>"$log"
    f=1
  fi
  report "$name" "$p" "$f" "$seconds" "$log"
}

# begin NAME SECONDS COMMAND... runs a counted step beside those that follow, out
# of their way; collect NAME waits for it. One at a time.
begin() {
  local name=$1 limit=$2
  shift 2
  is_wanted "$name" || return 0
  beside_start=$SECONDS
  nice -n 19 timeout --kill-after=10 "$limit" "$@" >"$scratch/beside" 2>&1 </dev/null &
  beside=$!
}

collect() {
  local status
  [ -n "$beside" ] || return 0
  wait "$beside"
  status=$?
  beside=
  judge counted "$1" "$status" $((SECONDS - beside_start)) "$scratch/beside"
}

# Without a build nothing below could tell anything: ends at once.
must() {
  local name=$1 log=$scratch/log
  shift
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 80 "$log"
    echo "tests/run: $name failed" >&2
    echo "$passed passed, $((failed + 1)) failed"
    exit 1
  fi
}

finish() {
  if [ "${#failures[@]}" -gt 0 ]; then
    echo "failed: ${failures[*]}"
  fi
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
