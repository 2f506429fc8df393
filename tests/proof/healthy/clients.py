#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Clients that lose nothing. Each prints "ready" once its connections stand, and lives until its standard
input ends.

  pool http|redis|memcached PORT N SECONDS   N connections, one in ten of which is used every few seconds
  subscribe PORT N SECONDS      MQTT subscribers without keep-alive, to whom nothing is published
  postgres WHERE PORT N SECONDS a pool of psycopg2; WHERE is 127.0.0.1 or the directory of the UNIX socket
  web PORT N SECONDS            aiohttp: a server with WebSockets and long polls, and N clients of each, in
                                one process each
  batch PORT N SECONDS          N connections to a memcached, opened in a quarter of SECONDS, used, and
                                all closed
"""
import asyncio
import os
import random
import select
import socket
import sys
import time

PROBE = {
    "http": b"GET / HTTP/1.1\r\nHost: healthy\r\n\r\n",
    "redis": b"PING\r\n",
    "memcached": b"version\r\n",
}
CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00"
SUBSCRIBE = b"\x82\x06\x00\x01\x00\x01t\x00"


def connect(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit("nobody listens")


def say(s, what):
    s.sendall(what)
    answer = s.recv(4096)
    assert answer, "hung up on"
    return answer


def ready():
    print("ready", flush=True)


def over(seconds):
    """Waits so long; ends the program with its standard input."""
    if select.select([sys.stdin], [], [], seconds)[0]:
        os._exit(0)


def pool(kind, port, n, _):
    sockets = [connect(port) for _ in range(n)]
    for s in sockets:
        say(s, PROBE[kind])
    ready()
    while True:
        over(3)
        for s in random.sample(sockets, max(1, n // 10)):
            try:
                say(s, PROBE[kind])
            except (AssertionError, ConnectionError):  # as a pool does: its server hung up
                s.close()
                sockets[sockets.index(s)] = s = connect(port)
                say(s, PROBE[kind])
        for s in list(sockets):
            if select.select([s], [], [], 0)[0]:
                s.close()
                sockets[sockets.index(s)] = s = connect(port)
                say(s, PROBE[kind])


def subscribe(port, n, _):
    sockets = [connect(port) for _ in range(n)]
    for s in sockets:
        assert say(s, CONNECT)[:1] == b"\x20" and say(s, SUBSCRIBE)[:1] == b"\x90"
    ready()
    over(None)


def postgres(where, port, n, _):
    import psycopg2.pool

    connections = psycopg2.pool.SimpleConnectionPool(n, n, host=where, port=port, user="postgres",
                                                     dbname="postgres")
    ready()
    while True:
        over(3)
        one = connections.getconn()
        with one, one.cursor() as cursor:
            cursor.execute("select 1")
        connections.putconn(one)


async def web_server(port):
    from aiohttp import web as aio

    async def socket_of(request):
        s = aio.WebSocketResponse()
        await s.prepare(request)
        async for message in s:
            await s.send_str(message.data)
        return s

    async def poll(_):
        await asyncio.sleep(25)
        return aio.Response(text="nothing new")

    app = aio.Application()
    app.add_routes([aio.get("/ws", socket_of), aio.get("/poll", poll)])
    runner = aio.AppRunner(app)
    await runner.setup()
    await aio.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def web_clients(port, n):
    import aiohttp

    async def listen(session):
        async with session.ws_connect(f"http://127.0.0.1:{port}/ws") as s:
            await s.send_str("hello")
            await s.receive()
            await s.receive()

    async def poll(session):
        while True:
            async with session.get(f"http://127.0.0.1:{port}/poll") as answer:
                await answer.text()

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        tasks = [asyncio.create_task(f(session)) for f in (listen, poll) for _ in range(n)]
        await asyncio.sleep(1)
        ready()
        loop = asyncio.get_running_loop()
        loop.add_reader(0, os._exit, 0)
        await asyncio.gather(*tasks)


def web(port, n, _):
    if os.fork() == 0:
        server = os.getppid()
        asyncio.get_event_loop_policy().get_event_loop().add_reader(0, os._exit, 0)
        asyncio.get_event_loop_policy().get_event_loop().run_until_complete(web_server(port))
        os.kill(server, 15)
    connect(port).close()
    asyncio.run(web_clients(port, n))


def batch(port, n, seconds):
    ready()
    begin = time.monotonic()
    sockets = []
    for i in range(n):
        sockets.append(connect(port))
        say(sockets[-1], PROBE["memcached"])
        over(max(0, begin + seconds / 4 * i / n - time.monotonic()))
    for s in sockets:
        say(s, PROBE["memcached"])
        s.close()
    over(None)


verb, *words = sys.argv[1:]
globals()[verb](*[int(w) if w.isdigit() else w for w in words])
