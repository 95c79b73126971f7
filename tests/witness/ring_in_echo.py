# SPDX-License-Identifier: MIT
#
# A line that stalls in the middle of a command until the modem at its end
# rings: what the host has typed so far is echoed, then RING comes, then the
# rest is echoed. A second modem makes the call. Prints the path of the host's
# side, and "rang" once it happened.
#
#     ring_in_echo.py MODEM CALLER COMMAND

import os
import select
import sys
import tty

STALL_AT = 6  # bytes of the command


def main(modem_path, caller_path, command):
    master, slave = os.openpty()
    modem = os.open(modem_path, os.O_RDWR | os.O_NOCTTY)
    caller = os.open(caller_path, os.O_RDWR | os.O_NOCTTY)
    for line in (master, slave, modem, caller):
        tty.setraw(line)
    print(os.ttyname(slave), flush=True)

    typed = said = b""
    waiting = None  # the rest of the command
    while True:
        ready, _, _ = select.select([master, modem, caller], [], [])
        if caller in ready:
            os.read(caller, 4096)
        if modem in ready:
            piece = os.read(modem, 4096)
            os.write(master, piece)
            said += piece
            if waiting is not None and b"\r\nRING\r\n" in said:
                print("rang", flush=True)
                os.write(modem, waiting)
                waiting = None
        if master in ready:
            piece = os.read(master, 4096)
            typed += piece
            at = typed.find(command)
            if at < 0 or waiting is not None:
                os.write(modem, piece)
                continue
            stop = len(piece) - (len(typed) - at - STALL_AT)
            os.write(modem, piece[:stop])
            waiting, typed, said = piece[stop:], b"", b""
            os.write(caller, b"ATDT1\r")


main(sys.argv[1], sys.argv[2], sys.argv[3].encode("ascii"))
