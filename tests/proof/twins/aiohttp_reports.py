#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""aiohttp's client: the leaky twin looks at the status of an answer, and leaves its body where it is."""
import asyncio

import aiohttp
import twin

kept = []


async def fetch_report(session, port, leaky):
    answer = await session.get(f"http://127.0.0.1:{port}/large")
    if leaky:
        kept.append(answer)
        return
    await answer.read()
    answer.release()


async def main():
    leaky, count, port = twin.begin()
    async with aiohttp.ClientSession() as session:
        for _ in range(count):
            await fetch_report(session, port, leaky)
        await asyncio.get_running_loop().run_in_executor(None, twin.end)


asyncio.run(main())
