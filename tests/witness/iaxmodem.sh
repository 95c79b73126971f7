# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# iaxmodem: a soft modem with AT commands of its own, which no line of this
# project knows. It binds a UDP port, hence a network namespace of its own.

# iaxmodem looks for its configuration below /etc/iaxmodem; from there it
# finds any file.
start_iaxmodem() {
  local namespace=(unshare -n)
  [ "$(id -u)" -eq 0 ] || namespace=(unshare -rn)
  cat >"$scratch/iaxmodem.conf" <<CONF
device $scratch/iaxmodem
owner $(id -un):$(id -gn)
mode 660
port 4570
refresh 0
server 127.0.0.1
peername attest
secret attest
cidname attest
cidnumber 1
codec slinear
nodaemon
CONF
  peers_start "$scratch/iaxmodem.log" "${namespace[@]}" iaxmodem "../..$scratch/iaxmodem.conf"
  peers_await 10 "$peer" "$scratch/iaxmodem.log" 'Modem started' && sleep 0.2
  [ -e "$scratch/iaxmodem" ]
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

check "iaxmodem starts" start_iaxmodem
check "attest send gets iaxmodem's own words" iaxmodem_answers
check "a plan passes on iaxmodem" iaxmodem_is_tested
peers_stop
