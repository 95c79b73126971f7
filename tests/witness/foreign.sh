# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Foreign programs talk to the simulated module: socat, pyserial, chat.

foreign_start() {
  start_servers || return 1
  start_module "$scratch/ct12" --set boot=0.1 --set register=0.1
  module_pid=$peer
  await_module "$scratch/ct12" "$module_pid" || return 1
  grep -qx "ready $scratch/ct12" "$scratch/ct12.log"
}

# The boot words wait for whoever opens the port first.
socat_sees_the_boot() {
  local said=$scratch/socat
  (peers_await 20 $$ "$said" RDY; printf 'AT+GMR\r\n'; peers_await 20 $$ "$said" '^OK') |
    timeout 60 socat -t1 - "$scratch/ct12,raw,echo=0" >"$said"
  has "$said" 'RDY' && has "$said" 'VERSION=CT12_V1\.0\.1' && has "$said" 'OK'
}

pyserial_talks() {
  ends_with 0 /usr/bin/python3 "$root/tests/witness/pyserial_ct12.py" "$scratch/ct12" "$echo_port"
}

# chat is what pppd dials with; it ends with 0 once each answer came.
chat_talks() {
  timeout 60 /usr/sbin/chat -v -s -t 20 ABORT ERROR '' 'AT\n' OK 'AT+CSQ\n' '+CSQ:' '\n' OK \
    <"$scratch/ct12" >"$scratch/ct12" 2>"$scratch/err" || { cat "$scratch/err"; return 1; }
}

sigterm_ends_it() {
  local status=0
  kill -TERM "$module_pid"
  wait "$module_pid" || status=$?
  [ "$status" -eq 0 ] || { echo "exit status $status"; cat "$scratch/ct12.log.err"; return 1; }
  [ ! -e "$scratch/ct12" ] && [ ! -L "$scratch/ct12" ] || { echo "the link is left"; return 1; }
  [ -s "$scratch/ct12.flash" ] || { echo "no state was written"; return 1; }
}

# A background job ignores SIGINT unless told otherwise.
sigint_ends_it() {
  local status=0
  peers_start "$scratch/second.log" env --default-signal=INT \
    "$attest" sim ct12 --link "$scratch/second"
  await_module "$scratch/second" "$peer" || return 1
  kill -INT "$peer"
  wait "$peer" || status=$?
  [ "$status" -eq 0 ] && [ ! -L "$scratch/second" ]
}

check "attest sim says ready and where" foreign_start
check "socat sees the boot and is answered" socat_sees_the_boot
check "pyserial is answered, garbled at a wrong rate, and echoed by TCP" pyserial_talks
check "chat is answered" chat_talks
check "SIGTERM ends a simulated module orderly" sigterm_ends_it
check "SIGINT ends a simulated module orderly" sigint_ends_it
peers_stop
