#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# libpq: a session for each query, with a PostgreSQL that ends those that idle.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

postgres 8080 1s
twins "libpq, TCP" close-wait 5 load_orders "$PEERS/pq_session"
proved
