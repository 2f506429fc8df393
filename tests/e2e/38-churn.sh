#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Many short connections: what was opened and closed is counted to the last one, on both sides.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

account() {
	expect_process "$(truth pid)" "opened=$(truth opened)" "closed=$(truth closed)" \
		"live=$(truth live)"
	expect_process "$(truth peer_pid)" "opened=$(truth peer_opened)" \
		"closed=$(truth peer_closed)" "live=$(truth peer_live)"
}

watch --for 8s --ring-pages 1024
load churn --count 10000 --keep 20
load_done
four=$TRUTH
load churn --count 3000 --rate 2000 --keep 7 --family 6
load_done
watched
jq -e '.lost.total == 0' "$JSON" >/dev/null || wrong "records were lost"
account
TRUTH=$four
account
expect_nothing
