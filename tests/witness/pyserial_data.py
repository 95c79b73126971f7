# SPDX-License-Identifier: MIT
#
# pyserial in the data mode of `attest sim ct12`: what is an escape and what
# is data, what the far end says meanwhile, and the way back. The far end is
# data_server.py. Ends with 0 when all of it held.
#
#     pyserial_data.py PORT FAR_PORT GUARD

import re
import sys
import time

import serial

TICKS = b"".join(b"<%04d>\r\nOK\r\n" % number for number in range(40))


def fail(what, got):
    sys.exit("%s: %r" % (what, got))


def read_until(port, wanted, what, seconds=5):
    got = b""
    deadline = time.monotonic() + seconds
    while not re.search(wanted, got, re.DOTALL):
        if time.monotonic() >= deadline:
            fail(what, got)
        got += port.read(port.in_waiting or 1)
    return got


def read_for(port, seconds):
    got = b""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        got += port.read(port.in_waiting or 1)
    return got


def ask(port, text, wanted):
    port.write(text.encode("ascii") + b"\r\n")
    return read_until(port, wanted, text)


def escape(port, guard):
    """Keeps the first silence; the answer comes after the second."""
    time.sleep(1.5 * guard)
    port.write(b"+++")


def echoes(port, guard, *pieces):
    for piece in pieces:
        port.write(piece)
        time.sleep(guard / 2)
    got = read_for(port, 1.5 * guard)
    if got != b"".join(pieces):
        fail("%r came back as" % (pieces,), got)


def main(path, far_port, guard):
    with serial.Serial(path, 115200, timeout=0.02) as port:
        # The word of the boot may come right behind an answer, and last before +CREG:0,1.
        while b"+CREG:0,1" not in ask(port, "AT+CREG?", rb"\+CREG:\d,\d\r\n\r\nOK\r\n"):
            time.sleep(0.1)
        ask(port, "ATE0", rb"\r\nOK\r\n$")
        ask(port, 'AT+QIOPEN="TCP","echo.example.net",%s,0,1' % far_port, rb"CONNECT,ID:3\r\n$")

        # Data: pluses with a neighbour, or without a silence on both sides.
        time.sleep(1.5 * guard)
        echoes(port, guard, b"a+++b")
        echoes(port, guard, b"+++", b"b")
        echoes(port, guard, b"++++")
        echoes(port, guard, b"+++\r\n")
        echoes(port, guard, b"AT\r\nATO\0\xff")

        # What the far end says during the escape comes before its OK, what it
        # says behind that after ATO.
        port.write(b"TICK")
        escape(port, guard)
        before = read_for(port, 1.5 * guard)
        if not before.endswith(b"\r\n\r\nOK\r\n"):
            fail("no OK at the end of", before)
        before = before[:-6]
        if not TICKS.startswith(before) or before in (b"", TICKS):
            fail("not some ticks", before)
        got = ask(port, "AT+QISTATE", rb"OK\r\n$") + read_for(port, 0.3)
        if b"<" in got or b'+QISTATE:3,"TCP"' not in got:
            fail("data in command mode, or no link", got)
        port.write(b"ATO")
        behind = read_until(port, rb"<0039>\r\nOK\r\n", "the rest of the ticks")
        if before + behind != TICKS:
            fail("ticks were lost, doubled or moved", before + behind)

        echoes(port, guard, b"more")
        escape(port, guard)
        read_until(port, rb"^\r\nOK\r\n$", "the second escape")
        ask(port, "AT+QICLOSE=3", rb"DISCONNECT\r\n$")
        ask(port, "ATE1", rb"\r\nOK\r\n$")


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
