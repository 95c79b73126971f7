# SPDX-License-Identifier: MIT
#
# A TCP server on a raw socket that watches what a module's far end sees: it
# echoes and writes everything that it received into FILE, one file for all
# connections. A connection that says TICK gets numbered lines for two seconds.
#
#     data_server.py FILE       prints "ready PORT"

import socket
import sys
import threading
import time

TICKS = 40
PAUSE = 0.05


def tick(client):
    for number in range(TICKS):
        client.sendall(b"<%04d>\r\nOK\r\n" % number)
        time.sleep(PAUSE)


def serve(client, record):
    with client:
        while True:
            piece = client.recv(65536)
            if not piece:
                return
            record.write(piece)
            if b"TICK" in piece:
                threading.Thread(target=tick, args=(client,), daemon=True).start()
            else:
                client.sendall(piece)


def main(path):
    with open(path, "ab", buffering=0) as record, socket.create_server(("127.0.0.1", 0)) as server:
        print("ready", server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            threading.Thread(target=serve, args=(client, record), daemon=True).start()


main(sys.argv[1])
