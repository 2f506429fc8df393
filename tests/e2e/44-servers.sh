#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Servers that idle, of every make: blocked in accept, poll or epoll, a thread or a process for each
# connection, PostgreSQL's way over UNIX sockets.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

for mode in accept poll epoll; do
	load listener --mode "$mode"
done
load threadserver
load forkserver --mode epoll
load forkserver --mode epoll --family unix
load uring --mode fd
healthy
# Without any timeout, in recv itself: innocent as long as nobody asks for a shorter threshold.
load threadserver --mode untimed
load forkserver --mode recv
findings --for 2s
expect_nothing
