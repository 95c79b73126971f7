# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# A module that pyserial left at another rate, on a PTY in real time: it is
# found, the wrong rate is named, and a script changes it there and back.

rates_start() {
  peers_start "$scratch/rates.log" "$attest" sim ct12 --link "$scratch/rates" \
    --set boot=0.1 --set register=0.1
  await_module "$scratch/rates" "$peer"
}

pyserial_leaves_it_at_9600() {
  ends_with 0 /usr/bin/python3 "$root/tests/witness/pyserial_rate.py" "$scratch/rates" 115200 9600
}

a_wrong_rate_is_named() {
  ends_with 3 "$attest" send --port "$scratch/rates" --timeout 4 AT+GMR &&
    has "$scratch/err" \
      'AT\+GMR: no answer within 4 s: [0-9]+ bytes but no lines at 115200: is the module at another rate\?'
}

auto_finds_it() {
  ends_with 0 "$attest" send --port "$scratch/rates" --baud auto 'AT+IPR?' &&
    has "$scratch/out" '^\+IPR:9600,8,0,0$' && has "$scratch/err" 'the module is at 9600$'
}

rates_there_and_back() {
  ends_with 0 "$attest" run "$root/tests/witness/plans/rates.lua" \
    --port "$scratch/rates" --db "$scratch/rates.db" &&
    has "$scratch/out" '^slot 1  PASS'
}

check "a module starts" rates_start
check "pyserial leaves a module at 9600" pyserial_leaves_it_at_9600
check "a command at the wrong rate says so" a_wrong_rate_is_named
check "attest send --baud auto finds it" auto_finds_it
check "a plan takes it to every rate" rates_there_and_back
peers_stop
