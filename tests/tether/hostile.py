#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What peers that err, or mean harm, send to a server, and what it must answer.

    hostile.py PORT messages            malformed, oversized and smuggling-shaped requests
    hostile.py PORT slow SECONDS        peers that take their time; each must be gone after SECONDS
    hostile.py PORT hold KIND COUNT     COUNT peers of one slow kind, until standard input ends

Prints a line for each check that fails and ends with 1 then. /echo must echo a request's body.
"""
import re
import select
import socket
import sys
import time

HOST = b"Host: twin\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST /echo HTTP/1.1\r\n" + HOST

# An answer that began before the error came, and could only be cut off before its end.
CUT = -200

# name, what is sent, statuses that will do, whether the connection must be closed afterwards
MESSAGES = [
    ("a plain request", GET + b"\r\n", {200}, False),
    ("HTTP/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n", {200}, True),
    ("absolute form", b"GET http://twin/ HTTP/1.1\r\n" + HOST + b"\r\n", {200}, False),
    ("space before the colon", GET + b"X-A : 1\r\n\r\n", {400}, True),
    ("space before the colon of Content-Length", POST + b"Content-Length : 5\r\n\r\nhello", {400}, True),
    ("folded line", GET + b"X-A: 1\r\n 2\r\n\r\n", {400}, True),
    ("folded line, tab", GET + b"X-A: 1\r\n\t2\r\n\r\n", {400}, True),
    ("folded Transfer-Encoding", POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", {400}, True),
    ("no Host", b"GET / HTTP/1.1\r\n\r\n", {400}, True),
    ("two Hosts", GET + b"Host: other\r\n\r\n", {400}, True),
    ("the same Host twice", GET + HOST + b"\r\n", {400}, True),
    ("Transfer-Encoding on HTTP/1.0", b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}, True),
    ("both lengths", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}, True),
    ("both lengths, the other way", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", {400}, True),
    ("two lengths that differ", POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", {400}, True),
    ("a list of lengths that differ", POST + b"Content-Length: 5, 6\r\n\r\nhello", {400}, True),
    ("a negative length", POST + b"Content-Length: -1\r\n\r\n", {400}, True),
    ("a length with a plus", POST + b"Content-Length: +5\r\n\r\nhello", {400}, True),
    ("a hexadecimal length", POST + b"Content-Length: 0x5\r\n\r\nhello", {400}, True),
    ("an empty length", POST + b"Content-Length:\r\n\r\n", {400}, True),
    ("a length beyond 64 bits", POST + b"Content-Length: 99999999999999999999\r\n\r\n", {400, 413}, True),
    ("a huge length", POST + b"Content-Length: 999999999999\r\n\r\n", {413}, True),
    ("xchunked", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {400, 501}, True),
    ("chunked twice", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", {400, 501}, True),
    ("chunked not last", POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", {400, 501}, True),
    ("identity", POST + b"Transfer-Encoding: identity\r\n\r\n", {400, 501}, True),
    ("chunked with a vertical tab", POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", {400, 501}, True),
    ("two Transfer-Encodings", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", {400, 501}, True),
    ("a bad chunk size", POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", {400}, True),
    ("a chunk size beyond 64 bits", POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", {400, 413}, True),
    ("a chunk longer than it says", POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", {400, CUT}, True),
    ("bare line feeds", b"GET / HTTP/1.1\nHost: twin\n\n", {400}, True),
    ("a bare carriage return in a value", GET + b"X-A: 1\rX-B: 2\r\n\r\n", {400}, True),
    ("NUL in a value", GET + b"X-A: a\0b\r\n\r\n", {400}, True),
    ("NUL in the target", b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", {400}, True),
    ("an empty header name", GET + b": 1\r\n\r\n", {400}, True),
    ("HTTP/0.9", b"GET /\r\n\r\n", {400, 505}, True),
    ("HTTP/1.2", b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", {400, 505}, True),
    ("HTTP/2.0", b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", {400, 505}, True),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 405, 501, 505}, True),
    ("noise", bytes(range(1, 120)) + b"\r\n\r\n", {400}, True),
    ("a client hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 64, {400}, True),
    ("a long header", GET + b"X-A: " + b"a" * 100000 + b"\r\n\r\n", {431}, True),
    ("a long header's name", GET + b"a" * 100000 + b": 1\r\n\r\n", {400, 431}, True),
    ("many headers", GET + b"".join(b"X-%d: 1\r\n" % i for i in range(5000)) + b"\r\n", {431}, True),
    ("a long target", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", {414, 431}, True),
    ("CONNECT", b"CONNECT twin:1 HTTP/1.1\r\n" + HOST + b"\r\n", {400, 405, 501}, True),
    ("an unknown method", b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", {400, 405, 501}, None),
    ("a parent directory", b"GET /../../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", {400, 403, 404}, None),
    ("an encoded parent directory", b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", {400, 403, 404}, None),
    ("an encoded slash", b"GET /..%2f..%2fetc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", {400, 403, 404}, None),
    ("an encoded NUL", b"GET /index.html%00.png HTTP/1.1\r\n" + HOST + b"\r\n", {400, 404}, None),
    ("an unknown expectation", POST + b"Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello", {417}, None),
    ("upgrade that is not offered", GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", {200}, None),
]

wrong = 0


def complain(name, what):
    global wrong
    wrong += 1
    print(f"{name}: {what}")


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def read_some(sock, seconds):
    """What comes within so many seconds, and whether the peer has closed."""
    data, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([sock], [], [], max(0, end - time.monotonic()))[0]:
            break
        try:
            more = sock.recv(65536)
        except ConnectionResetError:
            return data, True
        if not more:
            return data, True
        data += more
    return data, False


def statuses(data):
    """Wherever they stand: nothing ends a body's last line. No file that is served has such bytes."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", data)]


def message(port, name, sent, good, closed):
    sock = connect(port)
    try:
        sock.sendall(sent)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it answered before it had read all
    data, gone = read_some(sock, 0.4)
    got = statuses(data)
    if got == [200] and gone and b"chunked" in data and not data.endswith(b"\r\n0\r\n\r\n"):
        got = [CUT]
    if len(got) != 1 or got[0] not in good:
        complain(name, f"answered {got or data[:60]}, one of {sorted(good)} expected")
    if closed is not None and gone != closed:
        complain(name, "left open" if closed else "closed")
    sock.close()


def sequence(port, name, sent, want, tail=b""):
    sock = connect(port)
    sock.sendall(sent)
    data, _ = read_some(sock, 0.4)
    if statuses(data) != want or not data.endswith(tail):
        complain(name, f"answered {statuses(data)}, {want} expected; it ends with {data[-20:]!r}")
    sock.close()


def messages(port):
    for name, sent, good, closed in MESSAGES:
        message(port, name, sent, good, closed)
    body = POST + b"Content-Length: 5\r\n\r\nhello"
    chunks = POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n"
    sequence(port, "three in a pipeline", (GET + b"\r\n") * 3, [200] * 3)
    sequence(port, "bodies in a pipeline", body + chunks + body, [200] * 3, b"hello")
    sequence(port, "good, then bad", GET + b"\r\n" + GET + b"A : b\r\n\r\n" + GET + b"\r\n", [200, 400])
    sequence(port, "close ends the pipeline", GET + b"Connection: close\r\n\r\n" + GET + b"\r\n", [200])
    sequence(port, "smuggled by a refused length",
             POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n" + HOST + b"\r\n", [400])
    expect = POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    sequence(port, "100-continue", expect, [100])
    sock = connect(port)
    sock.sendall(expect)
    first, _ = read_some(sock, 0.3)
    sock.sendall(b"hello")
    second, _ = read_some(sock, 0.4)
    if statuses(first) != [100] or statuses(second) != [200] or not second.endswith(b"hello"):
        complain("100-continue with its body", f"{first[:30]!r} {second[:30]!r}")
    sock.close()
    for i in range(1, len(chunks)):  # every place at which a packet may end
        sock = connect(port)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(chunks[:i])
        time.sleep(0.001)
        sock.sendall(chunks[i:])
        data, _ = read_some(sock, 0.02)
        if statuses(data) != [200]:
            data += read_some(sock, 0.5)[0]
        if statuses(data) != [200]:
            complain("split", f"after {i} bytes: {statuses(data)}")
        sock.close()
    message(port, "still serving", GET + b"\r\n", {200}, False)


def slow_header(sock, tick):
    sock.sendall(b"X" if tick else GET + b"X-")


def slow_body(sock, tick):
    sock.sendall(b"x" if tick else POST + b"Content-Length: 100000\r\n\r\n")


def slow_chunks(sock, tick):
    sock.sendall(b"1\r\nx\r\n" if tick else POST + b"Transfer-Encoding: chunked\r\n\r\n")


def expect_nothing(sock, tick):
    if not tick:
        sock.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")


def idle(sock, tick):
    if not tick:
        sock.sendall(GET + b"\r\n")


def silent(sock, tick):
    pass


def half_open(sock, tick):
    if not tick:
        sock.sendall(GET)
        sock.shutdown(socket.SHUT_WR)


def never_reads(sock, tick):
    if not tick:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        try:
            while True:
                sock.send((GET.replace(b"/ ", b"/large ", 1) + b"\r\n") * 100)
        except BlockingIOError:
            pass


KINDS = {f.__name__.replace("_", "-"): f for f in (
    slow_header, slow_body, slow_chunks, expect_nothing, idle, silent, half_open, never_reads)}


def gone(sock, reads):
    """Whether the server has ended the connection. One that never reads asks the kernel's state."""
    state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    if state in (7, 8):  # CLOSE, CLOSE_WAIT
        return True
    if not reads:
        return False
    try:
        while select.select([sock], [], [], 0)[0]:
            if not sock.recv(65536):
                return True
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def slow(port, seconds):
    peers = {name: connect(port) for name in KINDS}
    begin, tick = time.monotonic(), 0
    while peers and time.monotonic() - begin < seconds:
        for name, sock in list(peers.items()):
            try:
                KINDS[name](sock, tick)
            except (ConnectionResetError, BrokenPipeError):
                peers.pop(name).close()
                continue
            if gone(sock, name != "never-reads"):
                peers.pop(name).close()
        tick += 1
        time.sleep(0.1)
    for name in peers:
        complain(name, f"still connected after {seconds:g} s")
    message(port, "still serving", GET + b"\r\n", {200}, False)


def hold(port, kind, count):
    peers = [connect(port) for _ in range(count)]
    tick = 0
    while not select.select([sys.stdin], [], [], 0.2)[0]:
        for sock in list(peers):
            try:
                KINDS[kind](sock, tick)
            except (ConnectionResetError, BrokenPipeError):
                peers.remove(sock)
        if not tick:
            print(len(peers), flush=True)
        tick += 1


def main():
    port, what = int(sys.argv[1]), sys.argv[2]
    if what == "messages":
        messages(port)
    elif what == "slow":
        slow(port, float(sys.argv[3]))
    else:
        hold(port, sys.argv[3], int(sys.argv[4]))
    sys.exit(1 if wrong else 0)


main()
