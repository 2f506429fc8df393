#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A thread for each job, twice a second, until standard input ends. When its job is done, the leaky
twin's waits for another that nobody gives it."""
import os
import queue
import select
import sys
import threading

import twin


def work(jobs, leaky):
    jobs.get()
    if leaky:
        jobs.get()


def main():
    leaky, _, _ = twin.begin()
    twin.opened()
    while not select.select([sys.stdin], [], [], 0.5)[0]:
        jobs = queue.Queue()
        jobs.put("print the invoice")
        threading.Thread(target=work, args=(jobs, leaky), daemon=True).start()
    os._exit(0)


main()
