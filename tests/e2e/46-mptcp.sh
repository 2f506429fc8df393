#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# MPTCP: a program's sockets are wrappers there, whose counters, clocks and accept queue are elsewhere,
# and accepted ones have the cookie of their listener. Each is one connection, and judged as TCP's.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs python3
python3 -c 'import socket; socket.socket(2, 1, 262)' 2>/dev/null || skip MPTCP

load mptcp.py --leaky
expects close-wait
load mptcp.py --queue --count 3
expects not-accepted =1
load mptcp.py --mended
expects nothing
mended=$PID clients=$PEER
look --for 8s --after 2s --all
expect_connections "$mended" 5 '.role == "server"'
expect_connections "$clients" 5 '.role == "client"'

# Watched from the first instruction on: who opened them is known, and their end heals nothing.
watch --for 6s --after 2s
load mptcp.py --mended
sleep 2
unload
load mptcp.py --leaky
watched
jq -e '.totals.healed == 0' "$JSON" >/dev/null || wrong 'ends were healed'
expect_process "$PEER" opened=5 closed=5
expects close-wait
check_expected
