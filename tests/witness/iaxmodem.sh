# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# iaxmodem: a soft modem with AT commands of its own, which no line of this
# project knows. It binds a UDP port, hence a network namespace of its own.

# iaxmodem looks for its configuration below /etc/iaxmodem; from there it
# finds any file. iaxmodem_conf NAME PORT PEER_PORT
iaxmodem_conf() {
  cat >"$scratch/$1.conf" <<CONF
device $scratch/$1
owner $(id -un):$(id -gn)
mode 660
port $2
refresh 0
server 127.0.0.1:$3
peername $1
secret attest
cidname attest
cidnumber 1
codec slinear
nodaemon
CONF
}

# Two of them in one namespace can call each other; no exchange is needed.
start_iaxmodem() {
  local namespace=(unshare -n)
  [ "$(id -u)" -eq 0 ] || namespace=(unshare -rn)
  iaxmodem_conf iaxmodem 4570 4571
  iaxmodem_conf caller 4571 4570
  # shellcheck disable=SC2016 # the inner shell expands it
  peers_start "$scratch/iaxmodem.log" "${namespace[@]}" bash -c '
    ip link set lo up
    for name in caller iaxmodem; do
      setpriv --pdeathsig KILL iaxmodem "../..$1/$name.conf" &
    done
    trap "kill -KILL $(jobs -p | xargs)" TERM
    wait' bash "$scratch"
  for _ in $(seq 400); do
    [ -e "$scratch/iaxmodem" ] && [ -e "$scratch/caller" ] && return 0
    sleep 0.05
  done
  cat "$scratch/iaxmodem.log.err"
  return 1
}

iaxmodem_answers() {
  ends_with 0 "$attest" send --port "$scratch/iaxmodem" AT ATI3 &&
    has "$scratch/out" '^OK$' && has "$scratch/out" '^www\.soft-switch\.org$'
}

iaxmodem_is_tested() {
  ends_with 0 "$attest" run "$root/tests/witness/plans/iaxmodem.lua" \
    --port "$scratch/iaxmodem" --db "$scratch/iaxmodem.db" &&
    has "$scratch/out" '^slot 1  PASS'
}

rings_in_an_echo() {
  peers_start "$scratch/ring" /usr/bin/python3 "$root/tests/witness/ring_in_echo.py" \
    "$scratch/iaxmodem" "$scratch/caller" 'AT+FCLASS=?'
  peers_await 20 "$peer" "$scratch/ring" '^/dev/' || { cat "$scratch/ring.err"; return 1; }
  ends_with 0 "$attest" run "$root/tests/witness/plans/ring.lua" \
    --port "$(head -n 1 "$scratch/ring")" --db "$scratch/iaxmodem.db" &&
    has "$scratch/out" '^slot 1  PASS' && has "$scratch/ring" '^rang$'
}

check "iaxmodem starts" start_iaxmodem
check "attest send gets iaxmodem's own words" iaxmodem_answers
check "a plan passes on iaxmodem" iaxmodem_is_tested
check "iaxmodem rings in the middle of an echo, which stays an echo" rings_in_an_echo
peers_stop
