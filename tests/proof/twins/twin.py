# SPDX-License-Identifier: BSD-2-Clause
"""What the twins in Python share: TWIN ... leaky|mended COUNT PORT wait, as tests/peers/twins/twin.h."""
import os
import sys


def begin():
    """Says the pid, and waits until it may go on. Returns leaky, count, port."""
    print(os.getpid(), flush=True)
    sys.stdin.readline()
    mode, count, port = sys.argv[-4:-1]
    return mode == "leaky", int(count), int(port)


def opened():
    print("opened", flush=True)


def end():
    opened()
    sys.stdin.read()
    os._exit(0)
