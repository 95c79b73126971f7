# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# People's mistakes on the command line: one clear line on stderr, status 2,
# nothing on stdout, no record, no port left open.

mkdir "$scratch/cwd"

# refuses PATTERN ARGUMENT...
refuses() {
  local pattern=$1
  shift
  (cd "$scratch/cwd" && ends_with 2 "$attest" "$@") &&
    has_lines "$scratch/err" 1 && has_lines "$scratch/out" 0 &&
    has "$scratch/err" "$pattern" &&
    { [ -z "$(ls -A "$scratch/cwd")" ] || { echo "left:"; ls -A "$scratch/cwd"; return 1; }; }
}

printf 'local x = 1\nlocal = 2\n' >"$scratch/syntax.lua"
printf 'return require("attest").plan { name = "empty" }\n' >"$scratch/empty.lua"
printf 'print("no plan")\n' >"$scratch/noplan.lua"
printf 'local a = require "attest"\nlocal p = a.plan { name = "p", colour = 1 }\nreturn p\n' \
  >"$scratch/option.lua"
final=$root/scripts/factory/ct12_final.lua

check "no verb" refuses 'verb'
check "unknown verb" refuses 'nonsense' nonsense
check "a verb that is not built" refuses 'term' term --port x
check "unknown global option" refuses '--nonsense' --nonsense
check "unknown language" refuses 'fr.*en or zh' --lang fr ports
check "unknown option of run" refuses '--nonsense' run "$final" --sim ct12 --nonsense
check "unknown option of send" refuses '--nonsense' send --port x --nonsense AT
check "unknown option of sim" refuses '--nonsense' sim ct12 --nonsense
check "run without a script" refuses 'script' run --sim ct12
check "run with a script that is missing" refuses 'missing\.lua' run "$scratch/missing.lua" --sim ct12
check "run with a syntax error" refuses 'syntax\.lua:2' run "$scratch/syntax.lua" --sim ct12
check "run with a plan without phases" refuses 'empty.*phase' run "$scratch/empty.lua" --sim ct12
check "run with a script that returns no plan" refuses 'noplan\.lua.*plan' \
  run "$scratch/noplan.lua" --sim ct12
check "run with an unknown plan option" refuses 'option\.lua:2.*colour' \
  run "$scratch/option.lua" --sim ct12
check "run with an unknown module" refuses 'nokia' run "$final" --sim nokia
check "run with an unknown parameter" refuses 'colour' run "$final" --sim ct12 -D colour=red
check "run with a parameter of the wrong type" refuses 'bytes' run "$final" --sim ct12 -D bytes=many
check "run on a port that does not exist" refuses '/dev/nonexistent' \
  run "$final" --port /dev/nonexistent
check "run without a port: nothing ran" ends_with 4 "$attest" run "$final"
check "run with a wrong map" refuses 'nowhere.*HOST=ADDR' run "$final" --sim ct12 --map nowhere
check "run with an unknown setting" refuses 'colour' run "$final" --sim ct12 --set colour=red
check "run with an unknown fault" refuses 'gremlin' run "$final" --sim ct12 --fault gremlin
check "run on an address with an unknown key" refuses 'colour' \
  run "$final" --port 'sim:ct12?colour=red'
check "send on a port that does not exist" refuses '/dev/nonexistent' \
  send --port /dev/nonexistent AT
check "send without a port" refuses '--port' send AT
check "send without a command" refuses 'command' send --port sim:ct12
check "send with a wrong rate" refuses 'fast' send --port sim:ct12 --baud fast AT
check "send with a wrong timeout" refuses 'timeout|-1' send --port sim:ct12 --timeout=-1 AT
check "sim of an unknown module" refuses 'nokia' sim nokia
check "sim with an unknown setting" refuses 'colour' sim ct12 --set colour=red
check "sim with a link that cannot be made" refuses '/dev/null/link' sim ct12 --link /dev/null/link
check "run with a folder of modules that does not exist" refuses 'nowhere.*no such folder' \
  run "$final" --sim ct12 --catalogue "$scratch/nowhere"
check "send with a folder of modules that does not exist" refuses 'nowhere.*no such folder' \
  send --port sim:ct12 --catalogue "$scratch/nowhere" AT
check "sim with a folder of modules that does not exist" refuses 'nowhere.*no such folder' \
  sim ct12 --catalogue "$scratch/nowhere"
check "doc with a folder of modules that does not exist" refuses 'nowhere.*no such folder' \
  doc --catalogue "$scratch/nowhere"
check "run with a module that does not exist" refuses 'nokia' run "$final" --sim ct12 --module nokia
check "doc of an unknown command" refuses 'NOSUCH' doc AT+NOSUCH
check "doc of an unknown module" refuses 'nokia' doc --module nokia
check "lua of a missing file" refuses 'missing\.lua' lua "$scratch/missing.lua"
check "lua of a syntax error" refuses 'syntax\.lua:2' lua "$scratch/syntax.lua"

# says STATUS PATTERN ARGUMENT...: stdout holds the data
says() {
  local status=$1 pattern=$2
  shift 2
  ends_with "$status" "$attest" "$@" && has "$scratch/out" "$pattern"
}

# complains STATUS PATTERN ARGUMENT...: stderr says why
complains() {
  local status=$1 pattern=$2
  shift 2
  ends_with "$status" "$attest" "$@" && has "$scratch/err" "$pattern"
}

check "--version" says 0 '^attest [0-9]+\.[0-9]+' --version
check "--help names the verbs" says 0 '^  sim' --help
check "--help in Chinese" says 0 '用法' --lang zh --help
check "help of a verb" says 0 '--link' sim --help
check "doc of a command" says 0 'QISEND' doc AT+QISEND
check "doc in Chinese" says 0 '发送' doc AT+QISEND --lang zh
check "doc lists the commands" says 0 'QISEND' doc
check "ports as JSON" says 0 '^\[' ports --json
check "send prints the answer" says 0 'CT12_V1' send --port sim:ct12 AT+GMR
check "send ends with 1 when the module refuses" complains 1 'refused with ERROR=104' \
  send --port sim:ct12 AT+NOSUCH
check "send ends with 3 when nothing answers" \
  ends_with 3 "$attest" send --port 'sim:ct12?fault=silent' --timeout 1 AT

printf 'print(arg[0], #arg, arg[1], ...)\n' >"$scratch/args.lua"
check "lua passes its arguments on, dashes too" says 0 'args\.lua	2	--x	--x	y' \
  lua "$scratch/args.lua" --x y
printf 'error("boom")\n' >"$scratch/boom.lua"
check "lua ends with 1 after an error, and shows where" ends_with 1 "$attest" lua "$scratch/boom.lua"
