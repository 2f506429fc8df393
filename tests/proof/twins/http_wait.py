#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""http.client asks a server that never answers, a thread for each request; the leaky twin sets no
timeout."""
import http.client
import threading

import twin


def ask(port, timeout):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    connection.request("GET", "/")
    try:
        connection.getresponse()
    except TimeoutError:
        connection.close()


def main():
    leaky, count, port = twin.begin()
    for _ in range(count):
        threading.Thread(target=ask, args=(port, None if leaky else 1.0), daemon=True).start()
    twin.end()


main()
