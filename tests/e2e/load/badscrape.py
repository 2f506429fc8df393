#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""badscrape.py PORT: what an exporter should survive. Prints what went wrong, and ends with 1 then."""
import resource
import socket
import struct
import sys
import time
import urllib.request

PORT = int(sys.argv[1])
GET = b"GET /metrics HTTP/1.1\r\nHost: a\r\n"
bad = 0


def wrong(text):
    global bad
    bad = 1
    print("FAIL:", text)


def peer():
    s = socket.create_connection(("127.0.0.1", PORT), timeout=15)
    return s


def answer(s):
    """All that comes until the end, or b'' where it was cut off."""
    data = b""
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                return data
            data += piece
    except (ConnectionResetError, socket.timeout) as e:
        return data if data else repr(e).encode()


def status(s):
    words = answer(s).split(b" ", 2)
    return words[1].decode() if len(words) > 1 and words[0].startswith(b"HTTP/") else "none"


def scrape(when):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=10) as r:
            if b"lostsock_findings" not in r.read():
                wrong(f"no metrics {when}")
    except OSError as e:
        wrong(f"no scrape {when}: {e}")


def huge():
    for what, text in (
        ("a huge header", GET + b"X: " + b"x" * 100000 + b"\r\n\r\n"),
        ("many headers", GET + b"".join(b"X%d: y\r\n" % i for i in range(5000)) + b"\r\n"),
        ("a huge target", b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01" * 50 + b"\r\n\r\n"),
        ("a body", b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 10000),
    ):
        s = peer()
        try:
            s.sendall(text)
        except (BrokenPipeError, ConnectionResetError):
            pass
        got = status(s)
        if got not in ("400", "405", "413", "414", "431", "none"):
            wrong(f"{what}: {got}")
        s.close()
    scrape("after huge ones")


def slow():
    """A byte now and then: gone after the deadline, however busy it looks."""
    drip = [peer() for _ in range(50)]
    half = [peer() for _ in range(50)]
    begin = time.monotonic()
    for s in half:
        s.sendall(GET)
    for byte in GET + b"\r\n":
        alive = 0
        for s in drip:
            try:
                s.send(bytes((byte,)))
                alive += 1
            except OSError:
                pass
        scrape("among slow ones")
        if not alive or time.monotonic() - begin > 12:
            break
        time.sleep(0.5)
    took = time.monotonic() - begin
    if took > 11:
        wrong(f"slow peers are there after {took:.0f} s")
    for s in half:
        if status(s) not in ("408", "none"):
            wrong("half a request is answered")
    for s in drip + half:
        s.close()


def many():
    """A thousand at once, most of which ask and do not read; the rest go with a reset."""
    peers = []
    for i in range(1000):
        try:
            s = socket.socket()
            s.settimeout(10)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", PORT))
            if i % 2:
                s.sendall((GET + b"\r\n") * 3)
            peers.append(s)
        except OSError as e:
            wrong(f"peer {i}: {e}")
            break
    scrape("among a thousand")
    for i, s in enumerate(peers):
        if i % 3 == 0:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    scrape("after a thousand")


resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
huge()
slow()
many()
sys.exit(bad)
