# SPDX-License-Identifier: MIT
#
# pyserial as a client that knows what to expect: sends each command and reads
# until its answer has come. Ends with 0 when all of them came.
#
#     pyserial_exchange.py PORT COMMAND=~PATTERN...
#
# COMMAND may hold \r and the like; nothing is added to it.

import re
import sys
import time

import serial

SECONDS = 20


def read_until(port, wanted, what):
    got = b""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        got += port.read(256)
        if re.search(wanted, got):
            return
    sys.exit("%s: no %r in %r" % (what, wanted, got))


def main(path, exchanges):
    with serial.Serial(path, 115200, timeout=0.02) as port:
        for exchange in exchanges:
            command, wanted = exchange.split("=~")
            port.write(command.encode("ascii").decode("unicode_escape").encode("latin-1"))
            read_until(port, wanted.encode("latin-1"), command)


main(sys.argv[1], sys.argv[2:])
