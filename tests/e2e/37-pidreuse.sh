#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A pid that is used again begins anew.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

watch --for 8s --all
load pidreuse
watched
expect_connections "$PID" 3
got=$(jq -c "[.processes[] | select(.pid == $PID and .live > 0) | {live, opened, closed}]" "$JSON")
[ "$got" = '[{"live":3,"opened":3,"closed":0}]' ] || wrong "process $PID: 3 live, no more"
