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

PAUSE = 0.05  # between two pieces: shorter than any guard
SECONDS = 20  # for an answer, on a machine that has much else to do


def fail(what, got):
    sys.exit("%s: %r" % (what, got))


def read_until(port, wanted, what):
    got = b""
    deadline = time.monotonic() + SECONDS
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


def silence(port, guard):
    """The module has read all that was sent: what it hears now is longer."""
    return read_for(port, 1.1 * guard)


def escape(port, guard):
    """Keeps the first silence; the answer comes after the second."""
    got = silence(port, guard)
    port.write(b"+++")
    return got


def echoes(port, guard, *pieces):
    sent = b"".join(pieces)
    for piece in pieces:
        port.write(piece)
        time.sleep(PAUSE)
    got = read_until(port, b".{%d}" % len(sent), pieces) + silence(port, guard)
    if got != sent:
        fail("%r came back as" % (pieces,), got)


def check_ticks(got):
    count = got.count(b"<") - 1
    if got != b"".join(b"<%04d>\r\nOK\r\n" % number for number in range(count)) + b"<end>\r\n":
        fail("ticks were lost, doubled or moved", got)


def main(path, far_port, guard):
    with serial.Serial(path, 115200, timeout=0.02) as port:
        # The word of the boot may come right behind an answer, and last before +CREG:0,1.
        while b"+CREG:0,1" not in ask(port, "AT+CREG?", rb"\+CREG:\d,\d\r\n\r\nOK\r\n"):
            time.sleep(0.1)
        ask(port, "ATE0", rb"\r\nOK\r\n$")
        ask(port, 'AT+QIOPEN="TCP","echo.example.net",%s,0,1' % far_port, rb"CONNECT,ID:3\r\n$")

        # Data: pluses with a neighbour, or without a silence on both sides.
        silence(port, guard)
        echoes(port, guard, b"a+++b")
        echoes(port, guard, b"+++", b"b")
        echoes(port, guard, b"++++")
        echoes(port, guard, b"+++\r\n")
        echoes(port, guard, b"AT\r\nATO\0\xff")

        # What the far end says during the escape comes before its OK, what it
        # says behind that after ATO.
        port.write(b"TICK")
        before = read_until(port, rb"OK\r\n", "no tick")
        before += escape(port, guard)
        before += read_until(port, rb"\r\n\r\nOK\r\n$", "no OK at the end of")
        got = ask(port, "AT+QISTATE", rb"OK\r\n$") + read_for(port, 0.3)
        if b"<" in got or b'+QISTATE:3,"TCP"' not in got:
            fail("data in command mode, or no link", got)
        port.write(b"ATO")
        behind = read_until(port, rb"<\d{4}>\r\nOK\r\n", "no tick after ATO")
        port.write(b"TOCK")
        behind += read_until(port, rb"<end>\r\n", "the rest of the ticks")
        check_ticks(before[:-6] + behind)

        echoes(port, guard, b"more")
        escape(port, guard)
        read_until(port, rb"^\r\nOK\r\n$", "the second escape")
        ask(port, "AT+QICLOSE=3", rb"DISCONNECT\r\n$")
        ask(port, "ATE1", rb"\r\nOK\r\n$")


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
