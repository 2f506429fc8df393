#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The other ends of the twins, each of which does nothing wrong. Prints "ready" once it stands, and lives
until its standard input ends.

  expect PORT N      N clients that say "Expect: 100-continue", hear it, and send no body; beside as many
                     idle keep-alives. Whoever is hung up on hangs up.
  visit PORT N       N clients that ask, are answered, and go
  queue PORT N       one client that says nothing, then N that ask and wait
  drain PORT N       N idle keep-alives, and two that ask for /slow and wait. Whoever is hung up on
                     hangs up.
  leave PORT N       N clients that ask, get no answer within half a second, and go
  silent PORT        a server that takes requests and answers none
  answer PORT        a server of datagrams
"""
import os
import select
import socket
import sys
import threading
import time

ASK = b"GET / HTTP/1.1\r\nHost: other\r\n\r\n"
EXPECT = b"POST / HTTP/1.1\r\nHost: other\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"


def connect(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=5)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit("nobody listens")


def say(s, what):
    s.sendall(what)
    return s.recv(4096)


def ready():
    print("ready", flush=True)


def live(sockets):
    """Until standard input ends; closes each that the other side has closed."""
    while True:
        some = select.select([sys.stdin, *sockets], [], [], 5)[0]
        for s in some:
            if s is sys.stdin:
                os._exit(0)
            if not s.recv(4096):
                s.close()
                sockets.remove(s)


def expect(port, n):
    sockets = [connect(port) for _ in range(2 * n)]
    for s in sockets[:n]:
        assert b" 100 " in say(s, EXPECT)
    for s in sockets[n:]:
        assert b" 200 " in say(s, ASK)
    ready()
    live(sockets)


def visit(port, n):
    for _ in range(n):
        with connect(port) as s:
            say(s, ASK)
    ready()
    live([])


def queue(port, n):
    sockets = [connect(port)]
    time.sleep(0.3)
    for _ in range(n):
        sockets.append(connect(port))
        sockets[-1].sendall(ASK)
    ready()
    live(sockets)


def drain(port, n):
    sockets = [connect(port) for _ in range(n + 2)]
    for s in sockets[:n]:
        assert b" 200 " in say(s, ASK)
    for s in sockets[n:]:
        s.sendall(ASK.replace(b" / ", b" /slow "))
    time.sleep(0.3)
    ready()
    live(sockets)


def leave(port, n):
    sockets = [connect(port) for _ in range(n)]
    for s in sockets:
        s.sendall(ASK)
    time.sleep(0.5)
    for s in sockets:
        s.close()
    ready()
    live([])


def silent(port, _):
    listener = socket.create_server(("127.0.0.1", port), backlog=64)

    def accept():
        while True:
            threading.Thread(target=drain, args=(listener.accept()[0],), daemon=True).start()

    def drain(s):
        s.settimeout(600)
        try:
            while s.recv(4096):
                pass
        except OSError:
            pass
        s.close()

    threading.Thread(target=accept, daemon=True).start()
    ready()
    live([])


def answer(port, _):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", port))
    ready()
    while True:
        s.sendto(b"you", s.recvfrom(64)[1])


verb, where, *number = sys.argv[1:]
globals()[verb](int(where), int((number or [0])[0]))
