#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Clients of a server that is told to end: what of their requests was answered whole, and what was cut.

    drainload.py PORT --how keep-alive|close|slow [--threads N]

Each thread asks until the server is there no more. An answer of which only a part came is cut. A
connection that ends before the first byte of an answer is "unanswered": on a kept connection that is
HTTP's way to say no, and counted apart; on one that was made for the request, it is cut.
"""
import argparse
import json
import socket
import threading

BODY = b"x" * 300000


class Account:
    def __init__(self):
        self.whole = self.cut = self.unanswered = self.refused = 0


def read_answer(sock):
    """The answer's bytes, and whether it is whole."""
    data = b""
    while True:
        head, sep, body = data.partition(b"\r\n\r\n")
        if sep:
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
            if len(body) >= int(fields[b"Content-Length"]):
                return data, True
        try:
            more = sock.recv(65536)
        except ConnectionResetError:
            return data, False
        if not more:
            return data, False
        data += more


def ask(sock, how):
    """Sends one request, in pieces with time between where it is to be slow."""
    if how == "slow":
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        for i in range(0, len(BODY), 100000):
            threading.Event().wait(0.1)
            sock.sendall(BODY[i:i + 100000])
    else:
        close = b"Connection: close\r\n" if how == "close" else b""
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n" + close + b"\r\n")


def client(port, how, account):
    sock, asked = None, 0
    while True:
        if not sock:
            try:
                sock, asked = socket.create_connection(("127.0.0.1", port), timeout=20), 0
            except (ConnectionRefusedError, ConnectionResetError):
                account.refused += 1
                return
        data, whole = b"", False
        try:
            ask(sock, how)
            data, whole = read_answer(sock)
        except (BrokenPipeError, ConnectionResetError):
            pass
        asked += 1
        if whole:
            account.whole += 1
        elif data:
            account.cut += 1
        elif asked == 1:
            # Refused by the kernel after the last one was taken in: as if it had not connected.
            account.refused += 1
        else:
            account.unanswered += 1
        if not whole or how == "close" or b"\r\nConnection: close\r\n" in data:
            sock.close()
            sock = None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--how", choices=["keep-alive", "close", "slow"], required=True)
    parser.add_argument("--threads", type=int, default=4)
    args = parser.parse_args()
    accounts = [Account() for _ in range(args.threads)]
    threads = [threading.Thread(target=client, args=(args.port, args.how, a)) for a in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({k: sum(getattr(a, k) for a in accounts) for k in vars(accounts[0])}))


main()
