# SPDX-License-Identifier: MIT
#
# pyserial takes a module from one rate to another and leaves it there, with
# nothing unread. Ends with 0 when it answered at both.
#
#     pyserial_rate.py PORT FROM TO

import re
import sys
import time

import serial

BOOT = 0.5
SECONDS = 5  # for an answer, on a machine that has much else to do
TRIES = 6


def ask(port, text):
    """Sends a command; returns what came from its echo to its OK, or nothing."""
    port.reset_input_buffer()
    port.write(text + b"\r\n")
    got = b""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        got += port.read(256)
        answer = re.search(re.escape(text) + rb"\r\n(.*\r\n)?\r\nOK\r\n", got, re.DOTALL)
        if answer:
            return answer.group()
    return b""


def meet(port):
    """Asks until it has booted: the last word of that comes before +CREG:0,1."""
    for _ in range(TRIES):
        time.sleep(BOOT)
        if b"+CREG:0,1" in ask(port, b"AT+CREG?"):
            return
    sys.exit("no answer at %d" % port.baudrate)


def main(path, first, second):
    with serial.Serial(path, first, timeout=0.1) as port:
        meet(port)
        if not ask(port, b"AT+IPR=%d" % second):
            sys.exit("AT+IPR is not answered")
        port.baudrate = second
        meet(port)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
