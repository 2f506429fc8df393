#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A recording tells what the live view told, and the same each time.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load unread --leaky
expects unread
allows silent-peer "$PEER" # which is idle after an answer, and asked about by name
load close-wait --leaky --family 6
expects close-wait
load silent-peer --leaky
expects silent-peer
essence() { jq -cS '[.findings[] | {class, pid, fd, count, local, remote}] | sort' "$1"; }

lostsock record "$TMPDIR/recording" --for 4s --netns self --interval 500ms &
look --for 4s --after 1s --after silent-peer=1s
wait $!
live=$(essence "$JSON")
for n in 1 2; do
	lostsock replay "$TMPDIR/recording" --once --json --after 1s --after silent-peer=1s \
		>"$JSON.replay$n" || fail "replay: exit status $?"
done
cmp "$JSON.replay1" "$JSON.replay2" || fail "two replays differ"
[ "$(essence "$JSON.replay1")" = "$live" ] || {
	diff <(jq . <<<"$live") <(essence "$JSON.replay1" | jq .) >&2 || :
	fail "live and replay differ"
}
