#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""psycopg2 over the UNIX socket in the directory that is its first argument: getconn without putconn."""
import sys

import psycopg2.pool
import twin


def main():
    leaky, count, port = twin.begin()
    pool = psycopg2.pool.SimpleConnectionPool(0, 20, host=sys.argv[1], port=port, user="postgres",
                                              dbname="postgres")
    for _ in range(count):
        connection = pool.getconn()
        connection.autocommit = True  # the server counts a transaction as no idling
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        if not leaky:
            pool.putconn(connection, close=True)
    twin.end()


main()
