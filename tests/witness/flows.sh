# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# The procedures of both manuals as scripts, on simulated modules with a real
# broker and real echo servers, and that a password is nowhere but on the line.

regression=$root/scripts/regression
flows=$scratch/flows
mkdir "$flows"
broker_port=
broker_pid=

free_port() {
  cat >"$scratch/free_port.lua" <<'LUA'
local socket = require("luv").new_tcp()
assert(socket:bind("127.0.0.1", 0))
print(socket:getsockname().port)
socket:close()
LUA
  "$attest" lua "$scratch/free_port.lua"
}

# start_broker NAME [USER PASSWORD]: sets $broker_port and $broker_pid. Somebody
# else may take the port first, so it is tried again.
start_broker() {
  local name=$flows/$1 program
  program=$(command -v mosquitto) || return 1
  for _ in 1 2 3 4 5; do
    broker_port=$(free_port)
    {
      echo "listener $broker_port 127.0.0.1"
      echo "user $(id -un)"
      if [ $# -gt 1 ]; then
        printf '%s:%s\n' "$2" "$3" >"$name.passwords"
        mosquitto_passwd -U "$name.passwords"
        echo "allow_anonymous false"
        echo "password_file $name.passwords"
      else
        echo "allow_anonymous true"
      fi
    } >"$name.conf"
    peers_start "$name.log" "$program" -c "$name.conf"
    broker_pid=$peer
    if peers_await 20 "$broker_pid" "$name.log.err" ' running$'; then
      return 0
    fi
    kill "$broker_pid" 2>/dev/null
  done
  cat "$name.log.err"
  return 1
}

# flow STATUS MODULE SCRIPT OPTION...: artefacts are in $flows/SCRIPT.
flow() {
  local status=$1 module=$2 name=$3
  shift 3
  mkdir -p "$flows/$name"
  ends_with "$status" "$attest" run "$regression/$name.lua" --sim "$module" \
    --set boot=0.1 --set register=0.1 --db "$flows/$name/attest.db" \
    --transcript "$flows/$name/traces" "$@"
}

# typed SCRIPT TEXT...: the host sent each of them, in this order. A password of
# the manual is masked wherever its letters come: \m{6}.
typed() {
  local folder=$flows/$1 at=0 line
  shift
  sed -n 's/^[^>]*> 1 [^ ]* //p' "$folder"/traces/*.trace >"$folder/typed"
  for line in "$@"; do
    at=$(from=$at text=$line awk 'BEGIN { from = ENVIRON["from"]; text = ENVIRON["text"] }
      NR > from && ($0 == text || $0 == text "\\r\\n") { print NR; exit }' "$folder/typed")
    if [ -z "$at" ]; then
      echo "not typed, or out of order: $line"
      cat "$folder/typed"
      return 1
    fi
  done
}

tcp_udp() {
  flow 0 ct12 ct12_4_1_1_tcp_udp --map "112.125.89.8=127.0.0.1:$echo_port" &&
    typed ct12_4_1_1_tcp_udp 'AT+QIOPEN="TCP","112.125.89.8",33124,0,0' 'AT+QISEND=3,10' \
      'AT+QICLOSE=3' 'AT+QIOPEN="UDP","112.125.89.8",33124,0,0' 'AT+QISEND=3,10' 'AT+QICLOSE=3'
}

direct() {
  flow 0 ct12 ct12_4_1_2_direct --map "112.125.89.8=127.0.0.1:$echo_port" &&
    typed ct12_4_1_2_direct 'AT+QIOPEN="TCP","112.125.89.8",33124,0,1' '+++' 'ATO' '+++' \
      'AT+QICLOSE=3' 'AT+QIOPEN="UDP","112.125.89.8",33124,0,1' '+++' 'ATO' '+++' 'AT+QICLOSE=3'
}

mqtt() {
  flow 0 ct12 ct12_4_1_3_mqtt --map "broker.emqx.io=127.0.0.1:$broker_port" &&
    typed ct12_4_1_3_mqtt 'AT+QMTCFG="0566542kkscmkks1"' 'AT+QMTCONNCFG="broker.emqx.io",1883,0' \
      'AT+QMTSUB="TTT",0' 'AT+QMTPUB="TTT",0,0,"12345678"' 'AT+QMTPUB="TTT",0,0,1' \
      'AT+QMTUNSUB="TTT"' 'AT+QMTDISC'
}

simple_tcp() {
  flow 0 ct12 ct12_4_2_1_simple_tcp --map "8.111.222.111=127.0.0.1:$echo_port" &&
    typed ct12_4_2_1_simple_tcp 'AT+SIMPLEMODE=1,0' \
      'AT+SIMPLECLIENT="TCP","8.111.222.111",1234,0,0' 'AT+QISEND=3,10' 'AT+QICLOSE=3'
}

simple_mqtt() {
  flow 0 ct12 ct12_4_2_2_simple_mqtt --map "broker.emqx.io=127.0.0.1:$broker_port" &&
    typed ct12_4_2_2_simple_mqtt 'AT+SIMPLEMODE=2,1' \
      'AT+QMTCFG="CT11","MQTT1","\m{6}",0,1,QQQ,\m{6}' 'AT+QMTCONNCFG="broker.emqx.io",1883,1' \
      'AT+QMTSUB="TTT",0' 'AT+QMTPUB="TTT",0,0,"\m{6}7890"' 'AT+QMTDISC'
}

simple_mqtt_stream() {
  flow 0 ct12 ct12_4_2_3_simple_mqtt_stream --map "broker.emqx.io=127.0.0.1:$broker_port" &&
    typed ct12_4_2_3_simple_mqtt_stream 'AT+SIMPLEMODE=2,2' \
      'AT+QMTCFG="CT11","MQTT1","\m{6}",0,1,QQQ,\m{6}' \
      'AT+QMTCONNCFG="broker.emqx.io",1883,1' 'AT+QMTSUB="TTT",0' 'AT+QMTPUBEX="TTT",0,0,1' \
      '+++' 'ATO' '+++' 'AT+QMTDISC'
}

ml302_mqtt() {
  flow 0 ml302 ml302_3_mqtt --map "183.230.40.39=127.0.0.1:$broker_port" "$@" &&
    typed ml302_3_mqtt 'AT+MQTTCFG="183.230.40.39",6002,"4069959",10,"75829","\m{28}",1' \
      'AT+MQTTOPEN=1,1,1,1,1,"mywill","001bye"' 'AT+MQTTSUB="pyr",1' \
      'AT+MQTTPUB="dev/gsm/u",1,0,0,"abc"' 'AT+MQTTPUB="pyr",1,0,0,"abc"' \
      'AT+MQTTPUB="pyr",1,0,0,"abcdef"' 'AT+MQTTUNSUB="pyr"' 'AT+MQTTPUB="pyr",1,0,0,"abcdef"' \
      'AT+MQTTDISC' 'AT+MQTTDEL'
}

# await_count SECONDS COUNT PATTERN FOLDER
await_count() {
  local tries=$(($1 * 20))
  while [ "$(grep -rha -- "$3" "$4" 2>/dev/null | wc -l)" -lt "$2" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.05
  done
}

# The broker is frozen once pings were answered, and is gone once three were not.
ml302_lost_server() {
  local traces=$flows/ml302_3_4_lost_server/traces frozen run status=0
  start_broker frozen || return 1
  frozen=$broker_pid
  flow 0 ml302 ml302_3_4_lost_server --map "183.230.40.39=127.0.0.1:$broker_port" \
    --set ping=0.25 --set reconnect=0.1 -D keepalive=2 -D ack=1 &
  run=$!
  if ! await_count 20 2 'MQTTPINGRSP' "$traces"; then
    echo "no ping was answered"
    status=1
  fi
  sleep 0.3
  kill -STOP "$frozen"
  if ! await_count 20 3 'MQTTTO:5' "$traces"; then
    echo "the silence was not noticed"
    status=1
  fi
  kill -KILL "$frozen"
  wait "$frozen" 2>/dev/null
  wait "$run" && [ "$status" -eq 0 ]
}

SECRET=Tr0ub4dor-and-3

# Reads what a run left behind, what it stored and what it said.
has_no_secret() {
  local found
  cp "$scratch/out" "$scratch/err" "$flows/mqtt_roundtrip/"
  if ! grep -rqaF -- "\\m{${#SECRET}}" "$flows/mqtt_roundtrip/traces"; then
    echo "the password was never sent"
    return 1
  fi
  found=$(grep -rlaF -- "$SECRET" "$flows/mqtt_roundtrip")
  [ -z "$found" ] || { echo "the password is in:" "$found"; return 1; }
}

# roundtrip STATUS MODULE PASSWORD OPTION...
roundtrip() {
  local status=$1 module=$2 password=$3 here=$flows/mqtt_roundtrip
  shift 3
  rm -rf "$here"
  flow "$status" "$module" mqtt_roundtrip --map "broker.example.net=127.0.0.1:$broker_port" \
    --json "$here/json" --junit "$here/junit.xml" --jsonl -D user=line4 -D "password=$password" "$@" &&
    [ -s "$here/junit.xml" ] && [ -n "$(ls "$here/json" "$here/traces")" ] && has_no_secret
}

# refused MODULE PATTERN: a wrong password, and what the run says of it.
refused() {
  local SECRET=${SECRET}x
  roundtrip 3 "$1" "$SECRET" && has "$flows/mqtt_roundtrip/junit.xml" "$2"
}

check "an echo server starts" start_servers
check "a broker starts" start_broker open
check "ct12 4.1.1, TCP and UDP in AT mode" tcp_udp
check "ct12 4.1.2, TCP and UDP in direct mode" direct
check "ct12 4.1.3, MQTT" mqtt
check "ct12 4.2.1, simple mode with TCP" simple_tcp
check "ct12 4.2.2, simple mode with MQTT" simple_mqtt
check "ct12 4.2.3, simple mode with a stream of messages" simple_mqtt_stream
check "ml302 3.1 to 3.3, MQTT" ml302_mqtt
check "ml302 3.4, a server that falls silent" ml302_lost_server
check "a broker that wants a password starts" start_broker closed line4 "$SECRET"
check "a round trip through ct12; no password in what it leaves" roundtrip 0 ct12 "$SECRET"
check "a round trip through ml302; no password in what it leaves" roundtrip 0 ml302 "$SECRET"
check "two modules at a time do not disturb each other" roundtrip 0 ml302 "$SECRET" --slots 2
check "a wrong password is refused by ct12, and not told" refused ct12 '203'
check "a wrong password is refused by ml302, and not told" refused ml302 '614'
peers_stop
