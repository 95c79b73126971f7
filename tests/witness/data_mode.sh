# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Data mode, seen by programs that share no code with this project: pyserial
# and chat as clients of a simulated module, a raw socket as its far end, and
# a line of socat's that breaks.

# The module's own. A shorter one would be broken, or kept, by a busy machine: a
# module that reads late takes a pause for a silence.
guard=1
far_port=

data_start() {
  peers_start "$scratch/far" /usr/bin/python3 "$root/tests/witness/data_server.py" "$scratch/seen"
  peers_await 20 "$peer" "$scratch/far" '^ready ' || return 1
  read -r _ far_port <"$scratch/far"
  echo_port=$far_port ntp_port=9 start_module "$scratch/data" --set boot=0.1 --set register=0.1
  await_module "$scratch/data" "$peer"
}

# far_end_saw TEXT: since the last look nothing but this, and so no escape.
far_end_saw() {
  printf '%b' "$1" >"$scratch/wanted"
  cmp "$scratch/wanted" "$scratch/seen" || { od -c "$scratch/seen"; return 1; }
  : >"$scratch/seen"
}

pyserial_escapes() {
  ends_with 0 /usr/bin/python3 "$root/tests/witness/pyserial_data.py" "$scratch/data" \
    "$far_port" "$guard" &&
    far_end_saw 'a+++b+++b+++++++\r\nAT\r\nATO\0\0377TICKTOCKmore'
}

# chat writes byte by byte; \d is a second, \c leaves the line end away.
chat_escapes() {
  timeout 60 /usr/sbin/chat -v -s -t 20 ABORT ERROR '' 'AT' OK \
    "AT+QIOPEN=\"TCP\",\"echo.example.net\",$far_port,0,1" 'CONNECT,ID:3' 'hello+++\c' \
    'hello+++' '\d\d+++\c' OK 'AT+QISTATE' '+QISTATE:3' '\c' OK 'ATO\c' 'ATO' '\d\dagain\c' \
    again '\d\d+++\c' OK 'AT+QICLOSE=3' DISCONNECT \
    <"$scratch/data" >"$scratch/data" 2>"$scratch/err" || { cat "$scratch/err"; return 1; }
  far_end_saw 'hello+++again'
}

start_line() {
  peers_start "$scratch/line" socat "PTY,raw,echo=0,link=$scratch/broken" \
    "OPEN:$scratch/data,raw,echo=0"
  line_pid=$peer
  for _ in $(seq 400); do
    [ -e "$scratch/broken" ] && return 0
    sleep 0.05
  done
  return 1
}

line_breaks() {
  start_line || return 1
  peers_start "$scratch/host" "$attest" lua "$root/tests/witness/plans/broken_line.lua" \
    "$scratch/broken" "$far_port"
  local host=$peer status=0
  peers_await 30 "$host" "$scratch/host" '^sending' || { cat "$scratch/host"*; return 1; }
  kill -KILL "$line_pid"
  wait "$line_pid" 2>/dev/null
  rm -f "$scratch/broken"
  peers_await 30 "$host" "$scratch/host" '^close: ' || { cat "$scratch/host"*; return 1; }
  start_line || return 1
  wait "$host" || status=$?
  printf '%s\n' sending 'write: closed' 'read: closed' 'within its time' 'close: closed' \
    'echo: still here' | diff - "$scratch/host" && [ "$status" -eq 0 ] ||
    { cat "$scratch/host.err"; return 1; }
}

check "a module and a far end on a raw socket start" data_start
check "pyserial escapes, comes back, and loses no byte; the far end sees no escape" pyserial_escapes
check "chat dials the direct mode, escapes and goes on" chat_escapes
check "a line of socat's that breaks closes the link in its time; after it a new one works" \
  line_breaks
peers_stop
