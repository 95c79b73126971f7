# SPDX-License-Identifier: MIT
"""pyserial, as a user would write it: HOW is until (read_until) or chunks.

    pyserial_client.py HOW at|urc|qisend|first N
"""
import selectors
import sys

import serial

from marks import mark, ports

how, what = sys.argv[1:3]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 1
lines = [serial.Serial(path, 115200, timeout=10) for path in ports()]


def until(port, end):
    if how == "until":
        return port.read_until(end)
    answer = b""
    while not answer.endswith(end):
        answer += port.read(port.in_waiting or 1)
    return answer


def command(port):
    port.write(b"AT+GMR\r\n")
    assert b"+VERSION=CT12_V1.0.1" in until(port, b"\r\nOK\r\n")


def at_one():
    for _ in range(100):
        command(lines[0])
    mark("begin")
    for _ in range(count):
        command(lines[0])
    mark("end", count)


def at_all():
    select = selectors.DefaultSelector()
    left = {}
    answers = {}
    for port in lines:
        select.register(port, selectors.EVENT_READ)
        left[port] = count
        answers[port] = b""
    mark("begin")
    for port in lines:
        port.write(b"AT+GMR\r\n")
    while left:
        for key, _ in select.select():
            port = key.fileobj
            answers[port] += port.read(port.in_waiting)
            if answers[port].endswith(b"\r\nOK\r\n"):
                answers[port] = b""
                left[port] -= 1
                if left[port]:
                    port.write(b"AT+GMR\r\n")
                else:
                    del left[port]
    mark("end", count * len(lines))


def urc():
    port = lines[0]
    seen = 0
    mark("begin")
    port.write(b"AT+BENCHURC=%d\r\n" % count)
    if how == "until":
        while port.read_until(b"\r\n") != b"+BENCHEND\r\n":
            seen += 1
    else:
        rest = b""
        while rest != b"+BENCHEND\r\n":
            *full, rest = (rest + port.read(port.in_waiting or 1)).split(b"\n")
            seen += len(full)
            if full and full[-1] == b"+BENCHEND\r":
                break
    mark("end", count)


def qisend():
    port = lines[0]
    payload = b"U" * 1024
    mark("begin")
    for _ in range(count):
        port.write(b"AT+QISEND=3,1024\r\n")
        until(port, b"\r\n>")
        port.write(payload)
        until(port, b"\r\nSEND OK\r\n")
    mark("end", count)


def first():
    command(lines[0])
    print("OK", flush=True)


def at():
    if len(lines) == 1:
        at_one()
    else:
        at_all()


{"at": at, "urc": urc, "qisend": qisend, "first": first}[what]()
