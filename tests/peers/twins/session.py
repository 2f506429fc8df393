#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Python: the leaky twin makes a requests.Session for each order, and ends none."""
import os
import sys

import requests

kept = []


def send_order(port, leaky):
    session = requests.Session()
    session.get(f"http://127.0.0.1:{port}/", timeout=5)
    if leaky:
        kept.append(session)
    else:
        session.close()


def main():
    if len(sys.argv) < 4:
        sys.exit("usage: session.py leaky|mended COUNT PORT [wait]")
    waits = len(sys.argv) > 4
    if waits:
        print(os.getpid(), flush=True)
        sys.stdin.readline()
    for _ in range(int(sys.argv[2])):
        send_order(int(sys.argv[3]), sys.argv[1] == "leaky")
    if waits:
        print("opened", flush=True)
        sys.stdin.read()


main()
