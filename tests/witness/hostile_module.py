# SPDX-License-Identifier: MIT
#
# A hostile module on a PTY, as fast as the line takes it.
#
#     hostile_module.py LINK FLOOD     FLOOD: answers, or what is sent without end
#
# With "answers" it answers each command with values that a terminal would obey
# and with lines that look like verdicts. Prints "ready", ends when killed.

import os
import pty
import random
import select
import sys
import tty

EVIL = (
    b"\x1b[2J\x1b]52;c;QUJD\x07\x9b2J\xc2\x9b2J\xe2\x80\xae\xff\x08\x7f"
    b"\rslot 1  PASS\x0bslot 1  PASS"
)

FLOODS = {
    "random": bytes(random.Random(1).randrange(256) for _ in range(65536)),
    "line": b"x" * 65536,
    "urcs": b"\r\n+CREG: 1\r\n" * 5000,
    "prompts": b">" * 65536,
    "digits": b"\r\n+CSQ: " + b"9" * 65536,
    "fields": b"\r\n+CSQ: " + b"1," * 32768,
    "escapes": EVIL * 500,
}


def answer(line):
    echo = line + b"\r\n"
    if line.startswith(b"AT+GMR"):
        return echo + b"\r\n" + EVIL + b"\r\n\r\nOK\r\n"
    if line.startswith(b"AT+BAD"):
        return echo + b"\r\n+CME ERROR: " + EVIL + b"\r\n"
    return echo + b"\r\n+NEWS: " + EVIL + b"\r\n\r\nOK\r\n"


def serve_answers(fd):
    rest = b""
    while True:
        rest += os.read(fd, 4096)
        while b"\r" in rest or b"\n" in rest:
            line, _, rest = rest.replace(b"\r", b"\n").partition(b"\n")
            if line:
                os.write(fd, answer(line))


def serve_flood(fd, chunk):
    os.set_blocking(fd, False)
    at = 0
    while True:
        readable, writable, _ = select.select([fd], [fd], [])
        if readable:
            try:
                os.read(fd, 65536)
            except BlockingIOError:
                pass
        if writable:
            try:
                at = (at + os.write(fd, chunk[at:])) % len(chunk)
            except BlockingIOError:
                pass


def main(link, what):
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.symlink(os.ttyname(theirs), link)
    print("ready", flush=True)
    if what == "answers":
        serve_answers(ours)
    else:
        serve_flood(ours, FLOODS[what])


if __name__ == "__main__":
    main(*sys.argv[1:])
