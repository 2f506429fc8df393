#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes a recording of days that never were to stdout:

	daylong.py --hours 24 --look 60 --rate 1 [--leak 3600] [--halt 6 8] >recording

A process "steady" (pid 4000) opens --rate connections a second and closes each after 20 seconds,
keeps a pool of 20, one of which is used at each look, serves 10 keep-alives that are idle, and has one
more of which it has just not read the latest request. Every --look seconds there is a snapshot. Every
ten seconds a process begins and ends.
--leak S: a process "leaky" (pid 5000) opens one connection every S seconds, asks, is answered, and
never uses or closes it. --forget S: likewise, but the peer closes it.
--halt AT H: after AT hours the clock jumps by H hours, in which nothing happened; then comes a look.
"""
import argparse
import random
import struct
import sys

OPEN, END, PROC, SOCK, TASK, SNAP = 1, 2, 5, 6, 7, 8
CLIENT, SERVER = 1, 2
ESTABLISHED, CLOSE_WAIT = 1, 8
FORK, EXIT = 2, 4
NEVER = 0xFFFFFFFF
S = 10**9
START = 1000 * S
STEADY, LEAKY = 4000, 5000


class Conn:
    def __init__(self, cookie, pid, role, port, now):
        self.cookie, self.pid, self.role, self.port = cookie, pid, role, port
        self.state, self.open, self.sent, self.received = ESTABLISHED, now, 0, 0
        self.send = self.recv = None
        self.unread = 0
        self.fd = cookie % 1000 + 3

    def used(self, now):
        self.sent += 100
        self.received += 300
        self.send, self.recv = now - S // 500, now

    def tuple(self):
        mine, other = 20000 + self.cookie % 40000, self.port
        if self.role == SERVER:
            mine, other = other, mine
        return struct.pack("=BBBBHHI16s16s", 2, 6, self.role, self.state, mine, other, 1,
                           bytes([127, 0, 0, 1]), bytes([127, 0, 0, 2]))


class Writer:
    def __init__(self, out):
        self.out, self.buf, self.seq = out, [], 0
        self.put(struct.pack("=8sHHIII16sQQQ64s64s", b"LOSTSOCK", 1, 0x0102, 0, 192, 0, bytes(16),
                             1795000000 * S, START, 0, b"none", b"nowhere"))

    def put(self, data):
        self.buf.append(data)
        if len(self.buf) >= 4096:
            self.flush()

    def flush(self):
        self.out.write(b"".join(self.buf))
        self.buf = []

    def record(self, kind, now, body):
        self.put(struct.pack("=HHIQ", kind, 16 + len(body), 0, now) + body)

    def proc(self, now, pid, start, what, comm):
        self.record(PROC, now, struct.pack("=IIQIIIIQQII16s", pid, pid, start, what, 1, 0, 1, 1,
                                           start, 0, 0, comm))

    def open(self, now, c):
        self.record(OPEN, now, struct.pack("=IIQQii", c.pid, c.pid, START, c.cookie, -1, c.fd)
                    + c.tuple() + bytes(4))

    def end(self, now, c):
        self.record(END, now, struct.pack("=Q", c.cookie))

    def look(self, now, conns, procs):
        def age(t):
            return NEVER if t is None else min((now - t) // 10**6, NEVER - 1)

        self.seq += 1
        self.record(SNAP, now, struct.pack("=HHIQQQ", 1, 3, 3, self.seq, 0, 0))
        for c in conns:
            heard = c.recv if c.recv is not None else c.open
            self.record(SOCK, now, struct.pack(
                "=IIQQiIIIQQIIIIQ", c.pid, 0, START, c.cookie, c.fd, 1 << 7, c.unread, 0, c.sent,
                c.received, age(c.send), age(c.recv), age(heard), 0, 0) + c.tuple() + bytes(4))
        for pid, comm in procs:
            self.record(TASK, now, struct.pack("=IIQQQQIIiiIIII16s", pid, pid, START, 0, now // S, 1,
                                               1, 1, -1, -1, 0, 1, 1, 0, comm))
        self.record(SNAP, now, struct.pack("=HHIQQQ", 2, 3, 3, self.seq, 10**6, len(conns)))


def main():
    p = argparse.ArgumentParser()
    for name, value in (("hours", 24), ("look", 60), ("rate", 1), ("leak", 0), ("forget", 0)):
        p.add_argument("--" + name, type=float, default=value)
    p.add_argument("--halt", type=float, nargs=2, default=(0, 0))
    a = p.parse_args()
    dice, w = random.Random(1), Writer(sys.stdout.buffer)
    procs = [(STEADY, b"steady"), (LEAKY, b"leaky")]
    cookie = 0
    now = START + S

    def new(pid, role, port):
        nonlocal cookie
        cookie += 1
        c = Conn(cookie, pid, role, port, now)
        if role == CLIENT:
            w.open(now, c)
        return c

    for pid, comm in procs:
        w.proc(START, pid, START, FORK, comm)
    pool = [new(STEADY, CLIENT, 5432) for _ in range(20)]
    keepalives = [new(STEADY, SERVER, 8080) for _ in range(10)]
    for c in pool + keepalives:
        c.used(now)
    busy = keepalives[-1]
    busy.unread = 300
    short, lost = [], []
    jump, skipped, births = int(a.halt[1] * 3600 * S), 0, 0
    end = START + int(a.hours * 3600) * S
    step = 0
    while now - skipped < end:
        if jump and now - START >= a.halt[0] * 3600 * S:
            now, skipped, jump = now + jump, jump, 0
            w.look(now, pool + keepalives + short + lost, procs)
            now += S
        for _ in range(int(a.rate) if a.rate >= 1 else dice.random() < a.rate):
            short.append(new(STEADY, CLIENT, 80))
            short[-1].used(now)
        while short and now - short[0].open > 20 * S:
            w.end(now, short.pop(0))
        if step % 10 == 0:
            births += 1
            w.proc(now, 100000 + births % 300, now, FORK, b"short")
            w.proc(now + S // 2, 100000 + births % 300, now, EXIT, b"short")
        for every, closed in ((a.leak, False), (a.forget, True)):
            if every and step % int(every) == int(every) // 2:
                lost.append(new(LEAKY, CLIENT, 3306 if closed else 9200))
                lost[-1].used(now)
                lost[-1].state = CLOSE_WAIT if closed else ESTABLISHED
        if step % int(a.look) == 0:
            dice.choice(pool).used(now)
            busy.used(now)
            w.look(now, pool + keepalives + short + lost, procs)
        now += S
        step += 1
    busy.used(now)
    w.look(now, pool + keepalives + short + lost, procs)
    w.flush()


main()
