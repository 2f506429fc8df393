#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
#
# streams.py FILE: writes the recording streams.lsk (docs/RECORDING.md), by hand, so that it is the
# same each time: a proxy with streams that it left half open, one whose peer withholds, a client
# that can open no more, a counter that is off, a drain that ended twice; and beside them a server
# with slow answers, and one whose users come and stay.
import socket
import struct
import sys

S = 1000000000
START = 1000 * S
TICKS = 100
OPEN, READ, WRITE, RELEASE, FREE, BLOCKED, CREDIT = 1, 2, 3, 4, 5, 6, 7
CONN_OPEN, CONN_CLOSE, COUNT, BEGIN, DONE, REFUSED = 1, 2, 3, 4, 5, 6
ENDED, RESET, CANCELLED, LOST = 1, 2, 3, 4
PEERS, UNI = 1, 2
NONE = 2**64 - 1
NAMES = {100: "h3-proxy", 200: "h3-client", 300: "feed", 400: "drainer", 500: "chat"}

records = []


def put(kind, time, body):
    assert len(body) % 8 == 0
    records.append(struct.pack("=HHIQ", kind, 16 + len(body), 0, time) + body)


def who(pid, tid=None):
    return struct.pack("=IIQ", pid, pid if tid is None else tid, pid * 1000)


def stream(time, pid, conn, number, what, how=0, stack=-1, library=0):
    put(18, time, who(pid) + struct.pack("=QQiHBB", conn, number, stack, what, how, library))


def conn(time, pid, number, what, value=0, fd=-1, role=2):
    put(19, time, who(pid) + struct.pack("=QQiBBBB", number, value, fd, what, role, 3, 0))


def frame(stack, index, function, file, line, own):
    text = b"\0".join(s.encode() for s in (function, file, "/usr/bin/h3-proxy", "c0ffee")) + b"\0"
    text += b"\0" * (-len(text) % 8)
    put(13, START, struct.pack("=iHHIIQ", stack, index, own, line, 0, 16) + text)


# A UDP socket: its cookie, its process and descriptor, its ports.
SOCKETS = [
    (11, 100, 7, 4433, 0, "0.0.0.0", "0.0.0.0", 4),
    (21, 200, 5, 40021, 4433, "10.0.0.5", "10.0.0.9", 1),
    (31, 300, 6, 4434, 0, "0.0.0.0", "0.0.0.0", 4),
]


def row(time, cookie, pid, fd, lport, rport, local, remote, role):
    ends = socket.inet_aton(local).ljust(16, b"\0") + socket.inet_aton(remote).ljust(16, b"\0")
    put(6, time, who(pid, 0)
        + struct.pack("=QiIIIQQIIIIQ", cookie, fd, 128 if rport else 0, 0, 0, 0, 0,
                      0xffffffff, 0xffffffff, 0xffffffff, 0, 0)
        + struct.pack("=BBBBHHI", 2, 17, role, 1 if rport else 7, lport, rport, 1) + ends
        + struct.pack("=I", 0))


def snapshot(time, number):
    put(8, time, struct.pack("=HHIQQQ", 1, 3, 0, number, 0, 0))
    for pid, name in NAMES.items():
        put(7, time, who(pid) + struct.pack("=QQQIIiiIIII16s", 0, 0, 7, 1, 1, -1, -1, 0, 1, 1, 0,
                                            name.encode()))
    for s in SOCKETS:
        row(time, *s)
    put(8, time, struct.pack("=HHIQQQ", 2, 3, 3, number, 5000000, 8))


def begin(t):
    # 100 accepted two connections, 200 opened one; 300 has its clients, 400 its count.
    for number in (1, 2):
        conn(t, 100, number, CONN_OPEN, 11, 7, 2)
    conn(t, 200, 1, CONN_OPEN, 21, 5, 1)
    conn(t, 300, 1, CONN_OPEN, 31, 6, 2)
    for number in (1, 2, 3):
        conn(t, 400, number, CONN_OPEN)
        conn(t, 400, 0, COUNT, number)
    conn(t, 500, 0, COUNT, 0)
    put(20, t, struct.pack("=I28s", 3, b"quic-go"))


def tell(t, tick):
    if tick < 16:  # answered by 100, and not ended by its peers
        stream(t, 100, 1 + tick % 2, 4 * tick, OPEN, PEERS, 5)
        stream(t, 100, 1 + tick % 2, 4 * tick, WRITE, ENDED)
        stream(t, 200, 1, 4 * tick, OPEN, 0, 6)
        stream(t, 200, 1, 4 * tick, WRITE, ENDED)
        stream(t, 300, 1, 4 * tick, OPEN, PEERS, 7)
        stream(t, 300, 1, 4 * tick, READ, ENDED)
    if tick % 3 == 0:  # and many that come and go
        stream(t, 100, 1, 1000 + 4 * tick, OPEN, PEERS, 5)
        stream(t, 100, 1, 1000 + 4 * tick, READ, ENDED)
        stream(t, 100, 1, 1000 + 4 * tick, WRITE, ENDED)
        stream(t, 100, 1, 1000 + 4 * tick, RELEASE)
        stream(t, 100, 1, 1000 + 4 * tick, FREE)
        conn(t, 500, 10 + tick, CONN_OPEN)
        conn(t, 500, 0, COUNT, tick // 3 + 1)
        stream(t, 500, 10 + tick, 0, OPEN, PEERS)
    if tick == 5:
        stream(t, 100, 2, 9001, OPEN, 0, 8)
        stream(t, 100, 2, 9001, WRITE, CANCELLED)
        stream(t, 100, 2, 9001, RELEASE)
        stream(t, 300, 0, 0xc000123400, OPEN, 0, -1, 3)
        stream(t, 300, 1, 4000, FREE)  # never opened
        stream(t, 300, 9, 4, READ, RESET)  # of a connection that was there before
    if tick in (16, 60):
        stream(t, 200, 1, NONE, BLOCKED, 1)
    if tick == 30:
        conn(t, 400, 0, COUNT, 2)
    if tick == 80:
        conn(t, 100, 3, BEGIN, 2)
        conn(t, 100, 3, REFUSED)
        conn(t, 100, 3, DONE)
        conn(t, 100, 3, DONE)


def header(count):
    return struct.pack("=8sHHIII16sQQQ64s64s", b"LOSTSOCK", 1, 0x0102, 0, 192, 0, b"\0" * 16,
                       1795257702 * S - START, START, count, b"6.18.44 x86_64", b"shop")


for at, (function, line) in enumerate([("accept_stream", 41), ("fetch", 17), ("subscribe", 88),
                                       ("push", 23)]):
    frame(5 + at, 0, "lib_stream_new", "", 0, 0)
    frame(5 + at, 1, function, "proxy.c", line, 1)
snapshot(START, 1)
begin(START + S // 2)
for tick in range(TICKS):
    tell(START + tick * S + S // 2 + 1000, tick)
    if tick % 4 == 3:
        snapshot(START + (tick + 1) * S, tick // 4 + 2)

with open(sys.argv[1], "wb") as out:
    out.write(header(len(records)) + b"".join(records))
