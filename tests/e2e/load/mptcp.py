#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""mptcp: a server and --count clients of it (peer_pid) that talk MPTCP, one of these:

--mended  they ask and are answered now and then: healthy
--leaky   the clients close, and the server never does
--queue   nobody accepts
"""
import argparse
import ctypes
import json
import os
import select
import signal
import socket
import time

MPTCP = 262


def clients(address, options):
    connections = []
    for _ in range(options.count):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
        connection.connect(address)
        connection.send(b"?")
        if not options.queue:
            connection.recv(1)
        connections.append(connection)
    if options.leaky:
        while connections:
            connections.pop().close()
    os.write(options.pipe, b".")
    while True:
        time.sleep(0.3)
        for connection in connections[1:] if options.mended else []:
            connection.send(b"?")
            connection.recv(1)


def serve(listener, options):
    open_now = {}
    poll = select.poll()
    poll.register(0, select.POLLIN)
    if not options.queue:
        poll.register(listener, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == 0:
                return
            if fd == listener.fileno():
                new = listener.accept()[0]
                open_now[new.fileno()] = new
                poll.register(new, select.POLLIN)
            elif not open_now[fd].recv(1):
                poll.unregister(fd)
            else:
                open_now[fd].send(b"!")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--leaky", action="store_true")
    parser.add_argument("--mended", action="store_true")
    parser.add_argument("--queue", action="store_true")
    options = parser.parse_args()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    ready, options.pipe = os.pipe()
    child = os.fork()
    if not child:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        address = listener.getsockname()
        listener.close()
        clients(address, options)
    truth = {"ready": True, "pid": os.getpid(), "peer_pid": child, "class": None}
    truth = {**truth, "count": options.count, "fds": []}
    if not options.queue:
        signal.signal(signal.SIGALRM, lambda *_: print(json.dumps(truth), flush=True))
        signal.setitimer(signal.ITIMER_REAL, 0.5)
    else:
        os.read(ready, 1)
        print(json.dumps(truth), flush=True)
    serve(listener, options)


main()
