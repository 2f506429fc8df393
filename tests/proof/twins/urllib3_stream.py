#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""urllib3: streamed answers; the leaky twin never gives their connections back to the pool."""
import twin
import urllib3

kept = []


def stream(pool, leaky):
    answer = pool.request("GET", "/", preload_content=False)
    if leaky:
        kept.append(answer)
        return
    answer.read()
    answer.release_conn()


def main():
    leaky, count, port = twin.begin()
    pool = urllib3.HTTPConnectionPool("127.0.0.1", port)
    for _ in range(count):
        stream(pool, leaky)
    if not leaky:
        pool.close()
    twin.end()


main()
