#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# PostgreSQL over its UNIX socket: psycopg2's pool.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs python3
postgres 8080 1s
twins "psycopg2 pool, UNIX" close-wait 5 _PyEval_EvalFrameDefault "$own/psycopg2_pool.py" "$db"
proved
