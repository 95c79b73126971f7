# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# A recorder between foreign programs and a module, over the loss of the
# module's port; then the recording answers the same programs as the module did.

exchange() { # PORT COMMAND=~PATTERN...
  ends_with 0 /usr/bin/python3 "$root/tests/witness/pyserial_exchange.py" "$@"
}

first_client() {
  exchange "$1" 'AT\r\n=~\r\nOK\r\n' 'AT+GMR\r\n=~VERSION=CT12_V1[^O]*OK\r\n' \
    'AT+QIOPEN="TCP","echo.example.net",7,0,0\r\n=~CONNECT,ID:3\r\n' \
    'AT+QISEND=3,6\r\n=~\r\n>' 'he\x00lo\x1a=~SEND OK\r\n(.|\n)*lo\x1a\r\n' \
    'AT+QICLOSE=3\r\n=~OK\r\n(.|\n)*DISCONNECT'
}

second_client() {
  timeout 60 /usr/sbin/chat -s -t 20 ABORT ERROR '' 'AT' OK 'AT+CSQ' OK \
    <"$1" >"$1" 2>"$scratch/err" || { cat "$scratch/err"; return 1; }
}

third_client() {
  exchange "$1" 'AT+GSN\r\n=~860720087453595\r\n\r\nOK\r\n'
}

start_recorded_module() {
  start_module "$scratch/recorded" --map "echo.example.net=127.0.0.1:$echo_port" \
    --set boot=0.1 --set register=0.1
  recorded_pid=$peer
  await_module "$scratch/recorded" "$recorded_pid"
}

recorder_starts() {
  start_servers && start_recorded_module || return 1
  peers_start "$scratch/recorder.log" "$attest" record --port "$scratch/recorded" --slot 1 \
    --out "$scratch/field.trace" --link "$scratch/through"
  recorder_pid=$peer
  peers_await 20 "$recorder_pid" "$scratch/recorder.log" "^ready $scratch/through\$" &&
    peers_await 20 "$recorder_pid" "$scratch/field.trace" 'NETWORK_ACTIVATE_SUCCESS'
}

# What is said while the port is away goes nowhere. The simulator is not killed
# hard: it takes its link with it, which might lead to a stranger's PTY soon.
port_goes_and_comes() {
  kill -TERM "$recorded_pid"
  wait "$recorded_pid" 2>/dev/null
  peers_await 20 "$recorder_pid" "$scratch/field.trace" ' ! 1 [^ ]* closed E[A-Z]*: ' || return 1
  printf 'AT+LOST\r\n' >"$scratch/through"
  peers_await 20 "$recorder_pid" "$scratch/field.trace" \
    ' mark not forwarded, the port is gone: AT+LOST' || return 1
  start_recorded_module && peers_await 20 "$recorder_pid" "$scratch/recorder.log.err" 'it is back'
}

recorder_ends() {
  local status=0
  kill -TERM "$recorder_pid"
  wait "$recorder_pid" || status=$?
  [ "$status" -eq 0 ] && [ ! -L "$scratch/through" ] || { echo "status $status"; return 1; }
  sed -n 's/^[^ ]* [^ ]* ! 1 [^ ]* \(opened\|closed.*\)$/\1/p' "$scratch/field.trace" \
    >"$scratch/marks"
  sed -i 's|closed E.*|closed ERROR|' "$scratch/marks"
  printf 'opened\nclosed ERROR\nopened\nclosed\n' | diff - "$scratch/marks"
}

# Lines of ready that a replay has printed.
await_replay() {
  local tries=400
  while [ "$(grep -cs '^ready ' "$scratch/replay.log")" != "$1" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { cat "$scratch/replay.log.err"; return 1; }
    sleep 0.05
  done
}

recording_replays() {
  local status=0
  peers_start "$scratch/replay.log" "$attest" replay "$scratch/field.trace" \
    --link "$scratch/replayed"
  await_replay 1 && first_client "$scratch/replayed" && second_client "$scratch/replayed" &&
    await_replay 2 && third_client "$scratch/replayed" || { cat "$scratch/replay.log.err"; return 1; }
  wait "$peer" || status=$?
  [ "$status" -eq 0 ] && [ ! -L "$scratch/replayed" ] ||
    { echo "status $status"; cat "$scratch/replay.log.err"; return 1; }
}

# chat comes last: the recorded port went after its commands.
recording_replays_by_command() {
  peers_start "$scratch/replay.log" "$attest" replay "$scratch/field.trace" --by-command \
    --link "$scratch/commands"
  await_replay 1 && third_client "$scratch/commands" || return 1
  (printf 'AT+GMR\r\n'; peers_await 20 $$ "$scratch/socat" '^OK') |
    timeout 60 socat -t1 - "$scratch/commands,raw,echo=0" >"$scratch/socat"
  has "$scratch/socat" 'VERSION=CT12_V1\.0\.1' && second_client "$scratch/commands"
}

another_client_is_found_out() {
  local status=0
  peers_start "$scratch/replay.log" "$attest" replay "$scratch/field.trace" \
    --link "$scratch/strict"
  await_replay 1 || return 1
  third_client "$scratch/strict" >/dev/null
  wait "$peer" || status=$?
  [ "$status" -eq 1 ] &&
    has "$scratch/replay.log.err" 'field.trace:[0-9]*: byte 3: expected "\\r\\n", got "\+GSN\\r\\n"'
}

plan_runs_on_a_recording() {
  ends_with 0 "$attest" record --port 'sim:ct12?set=boot=0.1&set=register=0.1' \
    --out "$scratch/plan.trace" -- "$attest" run "$root/tests/witness/plans/version.lua" \
    --port '{}' --db "$scratch/plan.db" || return 1
  ends_with 0 "$attest" run "$root/tests/witness/plans/version.lua" \
    --port "replay:$scratch/plan.trace" --db "$scratch/plan.db" &&
    has "$scratch/out" '^slot 1  PASS'
}

check "a recorder says ready and where" recorder_starts
check "pyserial is answered through it" first_client "$scratch/through"
check "chat is answered through it" second_client "$scratch/through"
check "the module's port goes and comes back, with marks" port_goes_and_comes
check "pyserial is answered after it" third_client "$scratch/through"
check "SIGTERM ends a recorder orderly" recorder_ends
check "the recording answers them all, and goes and comes back" recording_replays
check "it answers by command: chat, pyserial, socat" recording_replays_by_command
check "it finds out who sends something else" another_client_is_found_out
check "a plan that was recorded runs on the recording" plan_runs_on_a_recording
peers_stop
