#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A socket for each look-up; the leaky twin closes none. It goes on, twice a second, until its standard
input ends."""
import os
import select
import socket
import sys

import twin

kept = []


def look_up(port, leaky):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect(("127.0.0.1", port))
    s.send(b"who?")
    s.recv(64)
    if leaky:
        kept.append(s)
    else:
        s.close()


def main():
    leaky, _, port = twin.begin()
    twin.opened()
    while not select.select([sys.stdin], [], [], 0.5)[0]:
        look_up(port, leaky)
    os._exit(0)


main()
