#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""redis-py: connections that are taken from a pool; the leaky twin does not give them back. By TCP, or by
the UNIX socket that is its first argument."""
import sys

import redis
import twin

kept = []


def take(pool, leaky):
    connection = pool.get_connection("PING")
    connection.send_command("PING")
    connection.read_response()
    if leaky:
        kept.append(connection)
    else:
        pool.release(connection)


def main():
    leaky, count, port = twin.begin()
    if sys.argv[1].startswith("/"):
        pool = redis.ConnectionPool(connection_class=redis.UnixDomainSocketConnection, path=sys.argv[1])
    else:
        pool = redis.ConnectionPool(host="127.0.0.1", port=port)
    for _ in range(count):
        take(pool, leaky)
    if not leaky:
        pool.disconnect()
    twin.end()


main()
