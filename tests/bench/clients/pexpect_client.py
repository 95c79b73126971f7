# SPDX-License-Identifier: MIT
"""pexpect on an open descriptor; HOW is default or tuned (exact, large reads).

    pexpect_client.py HOW at|urc|qisend|first N
"""
import os
import sys
import termios
import tty

from pexpect import fdpexpect

from marks import mark, ports

how, what = sys.argv[1:3]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 1
fd = os.open(ports()[0], os.O_RDWR | os.O_NOCTTY)
tty.setraw(fd, termios.TCSANOW)
child = fdpexpect.fdspawn(fd, timeout=10)
child.delaybeforesend = None  # a pause of 50 ms would hide all the rest
expect = child.expect
if how == "tuned":
    child.maxread = 65536
    child.delayafterread = None
    expect = child.expect_exact


def command():
    child.send("AT+GMR\r\n")
    expect("\r\nOK\r\n")
    assert b"+VERSION=CT12_V1.0.1" in child.before


def at():
    for _ in range(100):
        command()
    mark("begin")
    for _ in range(count):
        command()
    mark("end", count)


def urc():
    mark("begin")
    child.send("AT+BENCHURC=%d\r\n" % count)
    last = b""
    while last != b"+BENCHEND":
        expect("\r\n")
        last = child.before
    mark("end", count)


def qisend():
    payload = "U" * 1024
    mark("begin")
    for _ in range(count):
        child.send("AT+QISEND=3,1024\r\n")
        expect("\r\n>")
        child.send(payload)
        expect("\r\nSEND OK\r\n")
    mark("end", count)


def first():
    command()
    print("OK", flush=True)


{"at": at, "urc": urc, "qisend": qisend, "first": first}[what]()
