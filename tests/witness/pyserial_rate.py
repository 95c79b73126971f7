# SPDX-License-Identifier: MIT
#
# pyserial takes a module from one rate to another and leaves it there. Ends
# with 0 when it answered at both.
#
#     pyserial_rate.py PORT FROM TO

import sys
import time

import serial


def ask(port, text):
    port.reset_input_buffer()
    port.write(text + b"\r\n")
    time.sleep(0.5)
    got = port.read(256)
    if b"\r\nOK\r\n" not in got:
        sys.exit("%r at %d: %r" % (text, port.baudrate, got))


def main(path, first, second):
    with serial.Serial(path, first, timeout=0.1) as port:
        time.sleep(0.5)
        ask(port, b"AT")
        ask(port, b"AT+IPR=%d" % second)
        port.baudrate = second
        time.sleep(0.5)
        ask(port, b"AT")


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
