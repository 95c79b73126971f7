# SPDX-License-Identifier: MIT
#
# A TCP server on a raw socket that watches what a module's far end sees: it
# echoes and writes everything that it received into FILE, one file for all
# connections. A connection that says TICK gets numbered lines until it says TOCK.
#
#     data_server.py FILE       prints "ready PORT"

import socket
import sys
import threading

PAUSE = 0.05


def tick(client, stop):
    number = 0
    while not stop.wait(PAUSE):
        client.sendall(b"<%04d>\r\nOK\r\n" % number)
        number += 1
    client.sendall(b"<end>\r\n")


def serve(client, record):
    stop = threading.Event()
    with client:
        while True:
            piece = client.recv(65536)
            if not piece:
                return
            record.write(piece)
            if b"TICK" in piece:
                threading.Thread(target=tick, args=(client, stop), daemon=True).start()
            elif b"TOCK" in piece:
                stop.set()
            else:
                client.sendall(piece)


def main(path):
    with open(path, "ab", buffering=0) as record, socket.create_server(("127.0.0.1", 0)) as server:
        print("ready", server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            threading.Thread(target=serve, args=(client, record), daemon=True).start()


main(sys.argv[1])
