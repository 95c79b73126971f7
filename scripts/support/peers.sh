# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Starts what the demo and the witnesses need beside the runner: echo and NTP
# servers and simulated modules, all on the loopback address. Sourced.
#
# Every process ends with its starter, and is in a session of its own, so that
# Ctrl-C reaches the runner and not the module under test; peers_stop ends them
# by process id.
# Needs $attest (the runner) and $scratch (a folder of the caller's).
# shellcheck disable=SC2154

peers_pids=()
echo_port=
ntp_port=

# peers_start LOG COMMAND...: leaves the process id in $peer.
peers_start() {
  local log=$1
  shift
  : >"$log" # what another wrote there must not be awaited
  setsid setpriv --pdeathsig TERM "$@" >"$log" 2>"$log.err" </dev/null &
  peer=$!
  peers_pids+=("$peer")
}

# peers_await SECONDS PID FILE PATTERN: until FILE holds a line like PATTERN.
peers_await() {
  local tries=$(($1 * 20)) lives=yes
  until grep -q -- "$4" "$3" 2>/dev/null; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ] || [ -z "$lives" ]; then
      return 1
    fi
    kill -0 "$2" 2>/dev/null || lives= # its last words may have come meanwhile
    sleep 0.05
  done
}

peers_stop() {
  local pid
  for pid in "${peers_pids[@]}"; do
    kill -TERM "$pid" 2>/dev/null || true
  done
  for pid in "${peers_pids[@]}"; do
    wait "$pid" 2>/dev/null || true
  done
  peers_pids=()
}

# A UDP port of 127.0.0.1 that nobody holds now, as the kernel writes it.
udp_is_bound() {
  grep -q ": 0100007F:$(printf '%04X' "$1") \| 00000000:$(printf '%04X' "$1") " /proc/net/udp
}

# chronyd as a server that leaves the clock alone; the pid file it insists on
# is in $scratch. Fails where it may not run (an AppArmor profile, say).
start_chronyd() {
  local port tries=400 program
  program=$(PATH=$PATH:/usr/sbin command -v chronyd) || return 1
  port=$((RANDOM % 20000 + 30000))
  while udp_is_bound "$port"; do
    port=$((RANDOM % 20000 + 30000))
  done
  peers_start "$scratch/chronyd" "$program" -d -x -U -u "$(id -un)" \
    "port $port" "local stratum 8" "bindaddress 127.0.0.1" "allow 127.0.0.1" \
    "cmdport 0" "bindcmdaddress /" "pidfile $scratch/chronyd.pid"
  while ! udp_is_bound "$port"; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ] || ! kill -0 "$peer" 2>/dev/null; then
      return 1
    fi
    sleep 0.05
  done
  ntp_port=$port
}

# Sets $echo_port and $ntp_port.
start_servers() {
  local here ntp=()
  here=$(dirname "${BASH_SOURCE[0]}")
  if ! start_chronyd; then
    echo "chronyd does not run here; a small SNTP responder stands in" >&2
    ntp=(--ntp)
  fi
  peers_start "$scratch/servers" "$attest" lua "$here/servers.lua" "${ntp[@]}"
  if ! peers_await 30 "$peer" "$scratch/servers" '^ready '; then
    echo "the echo server did not start:" >&2
    cat "$scratch/servers.err" >&2
    return 1
  fi
  local word
  read -r word echo_port word <"$scratch/servers"
  ntp_port=${ntp_port:-$word}
}

# start_module LINK OPTION...: a simulated ct12 whose far peers are ours; where
# no servers were started, nobody answers (9 is the port that discards).
# $module_map redirects what the manual's examples and the plan reach.
start_module() {
  local link=$1
  shift
  peers_start "$link.log" "$attest" sim ct12 --link "$link" --state "$link.flash" \
    --map "echo.example.net=127.0.0.1:${echo_port:-9}" \
    --map "ntp.example.net=127.0.0.1:${ntp_port:-9}" \
    --map "ping.example.net=127.0.0.1" "$@"
}

# await_module LINK PID
await_module() {
  if ! peers_await 30 "$2" "$1.log" '^ready '; then
    echo "a simulated module did not start:" >&2
    cat "$1.log.err" >&2
    return 1
  fi
}
