# SPDX-License-Identifier: MIT
#
# pyserial as a client of `attest sim ct12`: plain commands, a wrong rate, and
# bytes over a real TCP connection. Ends with 0 when all of it held.
#
#     pyserial_ct12.py PORT ECHO_PORT

import re
import sys
import time

import serial


SECONDS = 20  # for an answer, on a machine that has much else to do


def answer(port, text, wanted):
    """Sends a command and reads until `wanted` is found."""
    port.write(text.encode("ascii") + b"\r\n")
    return read_until(port, wanted, text)


def read_until(port, wanted, what):
    got = b""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        got += port.read(256)
        if re.search(wanted, got):
            return got
    sys.exit("%s: no %r in %r" % (what, wanted, got))


def main(path, echo_port):
    with serial.Serial(path, 9600, timeout=0.1) as port:
        port.write(b"AT\r\n")
        time.sleep(0.5)
        got = port.read(256)
        if b"OK" in got:
            sys.exit("answered at the wrong rate: %r" % got)

    with serial.Serial(path, 115200, timeout=0.05) as port:
        port.write(b"\r\n")
        time.sleep(0.2)
        port.reset_input_buffer()
        answer(port, "AT", rb"\r\nOK\r\n")
        answer(port, "AT+GSN", rb"860720087453595\r\n\r\nOK\r\n")
        answer(port, "AT+NOSUCH", rb"ERROR")
        got = answer(port, 'AT+QIOPEN="TCP","echo.example.net",%s,0,0' % echo_port,
                     rb"CONNECT\D+(\d+)\r\n")
        link = re.search(rb"CONNECT\D+(\d+)", got).group(1).decode()
        answer(port, "AT+QISEND=%s,5" % link, rb">")
        port.write(b"hello")
        read_until(port, rb"SEND OK(.|\n)*hello", "echo")
        answer(port, "AT+QICLOSE=" + link, rb"OK")


main(sys.argv[1], sys.argv[2])
