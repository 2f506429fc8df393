#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# With the smallest ring, records are lost under churn: that is said, and the table heals.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

watch --for 9s --ring-pages 1 --all
load churn --count 20000 --keep 20
load_done
watched
jq -e '[.lost | .. | numbers] | add > 0' "$JSON" >/dev/null || wrong "lost records, and not a word"
expect_process "$PID" live=20
expect_process "$PEER" live=20
expect_connections "$PID" 20
expect_connections "$PEER" 20
expect_nothing
