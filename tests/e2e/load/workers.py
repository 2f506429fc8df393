#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two workers share a listener, as forking servers' do. One (peer_pid) has accepted all five
connections and does not close them though their clients have; the other (pid) has none of them.
ss: 5 x CLOSE-WAIT, 5 x FIN-WAIT-2."""
import json
import os
import socket
import sys
import time

COUNT = 5
listener = socket.create_server(("127.0.0.1", 0))
parent = os.getpid()


def worker(takes):
    pid = os.fork()
    if pid:
        return pid
    held = [listener.accept()[0] for _ in range(takes)]
    for _ in range(600):
        if os.getppid() != parent:
            break
        time.sleep(0.1)
    os._exit(len(held) - takes)


idle, busy = worker(0), worker(COUNT)
clients = [socket.create_connection(listener.getsockname()) for _ in range(COUNT)]
for c in clients:
    c.send(b"x")
time.sleep(0.2)
for c in clients:
    c.close()
listener.close()
print(json.dumps({"ready": True, "pid": idle, "peer_pid": busy, "count": COUNT}), flush=True)
sys.stdin.read()
os.kill(idle, 15)
os.kill(busy, 15)
