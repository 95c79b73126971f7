# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Steps of a test run, for tests/run and tests/endurance/run, which source it:
# each is counted, none may end without a count, and what it said is shown when
# it failed. The last line, by finish(), is never better than what was seen.
#
# As many steps run side by side as there are lanes. They begin and are reported
# in the order of the script, but for those that begin() takes forward.

wanted=("$@")
lanes=1
passed=0
failed=0
failures=()

scratch=$(mktemp -d "${TMPDIR:-/tmp}/attest-run.XXXXXX")
export XDG_CONFIG_HOME=$scratch/config # nobody's own modules

declare -A kinds starts # by name of the step
declare -A verdicts      # by name: exit status and seconds of one that ended
running=()               # by process id: name
unreported=()            # names, in the order of the reports

# A signal ends the steps under way too; their own traps clean up after them.
stop() {
  local each
  for each in "${!running[@]}"; do
    kill -TERM "$each" 2>/dev/null
  done
  for each in "${!running[@]}"; do
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

# step KIND NAME SECONDS COMMAND...: begins it as soon as a lane is free
#   counted  the command's last line tells; cmocka  its summary tells;
#   single   the exit status is one test
# The seconds end what hangs, on a machine that has much else to do.
step() {
  begin "$@"
  collect "$2"
}

# begin KIND NAME SECONDS COMMAND...: a step that is reported where collect NAME
# stands.
begin() {
  local kind=$1 name=$2 limit=$3
  shift 3
  is_wanted "$name" || return 0
  while [ "${#running[@]}" -ge "$lanes" ]; do
    await_any
  done
  mkdir -p "$scratch/logs/$(dirname "$name")"
  kinds[$name]=$kind
  starts[$name]=$SECONDS
  timeout --kill-after=10 "$limit" "$@" >"$scratch/logs/$name" 2>&1 </dev/null &
  running[$!]=$name
}

collect() {
  if is_wanted "$1"; then
    unreported+=("$1")
    report_ended
  fi
}

# Waits until one of the steps under way has ended.
await_any() {
  local pid status name
  wait -n -p pid "${!running[@]}"
  status=$?
  name=${running[pid]}
  unset "running[pid]"
  verdicts[$name]="$status $((SECONDS - starts[$name]))"
  report_ended
}

# await NAME: until this step has ended; those that follow need it.
await() {
  while is_wanted "$1" && [ -z "${verdicts[$1]-}" ]; do
    await_any
  done
}

report_ended() {
  local name status seconds
  while [ "${#unreported[@]}" -gt 0 ] && [ -n "${verdicts[${unreported[0]}]-}" ]; do
    name=${unreported[0]}
    unreported=("${unreported[@]:1}")
    read -r status seconds <<<"${verdicts[$name]}"
    judge "${kinds[$name]}" "$name" "$status" "$seconds" "$scratch/logs/$name"
  done
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
  while [ "${#running[@]}" -gt 0 ]; do
    await_any
  done
  if [ "${#failures[@]}" -gt 0 ]; then
    echo "failed: ${failures[*]}"
  fi
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
