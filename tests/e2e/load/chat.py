#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""chat: healthy. An asyncio chat: clients join steadily (--rate a second), more of them than leave;
one in three joins makes the oldest one go. Every message goes to everybody. The number of
connections rises as long as it runs, yet its oldest do go.

Who leaves shuts down writing, reads what is still on its way, and closes. The server is this
process (pid), the clients are its child (peer_pid). Each side also has the socketpair that asyncio
makes for its own wake-ups: never used, and nobody's leak.
ss: pairs of ESTAB, five more a second, lastsnd young on all; two UNIX ESTAB pairs, never used.
"""
import argparse
import asyncio
import ctypes
import json
import os
import signal
import stat


async def serve(pipe):
    room = set()

    async def guest(reader, writer):
        room.add(writer)
        try:
            while line := await reader.readline():
                for other in room:
                    other.write(line)
        except ConnectionError:
            pass
        room.discard(writer)
        writer.close()

    server = await asyncio.start_server(guest, "127.0.0.1", 0)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        asyncio.get_running_loop().add_reader(0, lambda: os._exit(0))
    os.write(pipe, b"%d\n" % server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


async def listen_in(reader, writer):
    while await reader.readline():
        pass
    writer.close()


async def join(port, options, ready):
    guests, tasks = [], []  # tasks: the event loop itself holds them weakly
    for n in range(int(options.hold * options.rate)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        guests.append(writer)
        tasks.append(asyncio.create_task(listen_in(reader, writer)))
        if n % 3 == 2:
            guests.pop(0).write_eof()
        for writer in guests:
            writer.write(b"hello\n")
        if n == options.count:
            ready(len(guests))
        await asyncio.sleep(1 / options.rate)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--hold", type=float, default=20)
    parser.add_argument("--rate", type=float, default=10)
    options = parser.parse_args()
    down, up = os.pipe()
    server = os.getpid()
    if os.fork():
        signal.signal(signal.SIGCHLD, lambda *_: os._exit(0))
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        asyncio.run(serve(up))
        return
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

    def ready(count):
        truth = {"ready": True, "pid": server, "peer_pid": os.getpid(), "class": None}
        print(json.dumps({**truth, "count": count, "fds": []}), flush=True)

    asyncio.run(join(int(os.read(down, 16)), options, ready))


main()
