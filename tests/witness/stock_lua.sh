# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# A stock lua5.4 loads the module, uses it for real and leaves without a crash.

stock() { # STATUS FILE
  ends_with "$1" env LUA_CPATH="$lib/?.so;;" lua5.4 "$root/tests/witness/stock/$2"
}

stock_uses_it() {
  stock 0 use.lua && has "$scratch/out" '^line: hello$' && has "$scratch/out" '^slept$'
}

stock_after_luv() {
  stock 0 after_luv.lua && has "$scratch/out" '^timer$' && has "$scratch/out" '^slept$'
}

stock_error() {
  stock 1 error.lua && has "$scratch/err" 'on purpose'
}

stock_exit() {
  stock 0 exit.lua
}

check "lua5.4 loads the module and waits, spawns and talks" stock_uses_it
check "lua5.4 shares one loop between luv and the module" stock_after_luv
check "lua5.4 ends by an error with open handles, without a crash" stock_error
check "lua5.4 ends by os.exit with open handles, without a crash" stock_exit
