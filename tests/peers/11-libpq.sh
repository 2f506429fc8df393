#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Sessions of libpq with a real PostgreSQL, which ends those that idle.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

postgres 8080 1s
names load_orders "$PEERS/pq_session"
gates load_orders "$PEERS/pq_session"
