# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Counts checks that are made from outside, by other programs. Sourced.
#
# witness_begin BUILD sets $root, $attest, $lib (where attest/core.so is) and
# $scratch; witness_end prints the count and is the script's status.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH="${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin"
export LC_ALL=C.UTF-8
passed=0
failed=0

# shellcheck source=scripts/support/peers.sh
. "$root/scripts/support/peers.sh"

witness_clean() {
  peers_stop
  rm -rf "$scratch"
}

witness_begin() {
  local build
  build=$(cd "${1:-$root/build}" && pwd) || exit 2
  attest=$build/attest
  # shellcheck disable=SC2034 # for the checks
  lib=$build/lib
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/attest-witness.XXXXXX")
  export XDG_CONFIG_HOME=$scratch/config # nobody's own modules
  trap witness_clean EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

witness_end() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# check NAME COMMAND...: a function that returns 0 when it holds. What it
# prints is shown only when it does not.
check() {
  local name=$1
  shift
  if "$@" >"$scratch/check" 2>&1; then
    passed=$((passed + 1))
    echo "ok $name"
  else
    failed=$((failed + 1))
    echo "FAILED $name"
    sed 's/^/    /' "$scratch/check"
  fi
}

# ends_with STATUS COMMAND...: runs it with its output in $scratch/out and
# $scratch/err.
ends_with() {
  local wanted=$1 status=0
  shift
  timeout --kill-after=5 60 "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
  if [ "$status" -ne "$wanted" ]; then
    echo "exit status $status, expected $wanted: $*"
    cat "$scratch/out" "$scratch/err"
    return 1
  fi
}

# has FILE PATTERN
has() {
  if ! grep -qE -- "$2" "$1"; then
    echo "no line like $2 in:"
    cat "$1"
    return 1
  fi
}

# has_lines FILE COUNT
has_lines() {
  local count
  count=$(wc -l <"$1")
  if [ "$count" -ne "$2" ]; then
    echo "$count lines, expected $2:"
    cat "$1"
    return 1
  fi
}
