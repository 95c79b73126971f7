# SPDX-License-Identifier: MIT
"""How a Python client tells tests/bench/measure where it is."""
import os
import sys


def mark(name, units=1):
    print("mark", name, units, flush=True)
    if not sys.stdin.readline():
        sys.exit("the launcher is gone")


def ports():
    return os.environ["BENCH_PORTS"].split()
