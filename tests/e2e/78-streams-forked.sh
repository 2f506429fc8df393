#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A watched program's forked children live: their streams are heard; and a program whose probes stand on
# what this kernel would make a call of, which children do not survive, is left alone and named.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs gcc

# opened: how many streams of the program were heard.
opened() { jq --argjson pid "$PID" '[.processes[] | select(.pid == $pid) | .streams.opened // 0] | add // 0' "$JSON"; }

# forks ARGS...: what is heard of a program whose child comes to its own end.
forks() {
	load forked "$@"
	watch --streams --for 4s
	load_done
	[ "$(truth child)" = $((7 << 8)) ] || fail "its child ended with $(truth child), as wait() has it"
	watched
	unload
}

forks
[ "$(opened)" = 2 ] || fail "of two streams $(opened) are heard: $(cat "$JSON.err")"

[ "$(uname -m)" = x86_64 ] || skip "nops of five bytes: this is $(uname -m)"
gcc -O2 -D_GNU_SOURCE -DNOP5 -o "$TMPDIR/forked" "$here/load/forked.c" -lpthread
LOAD=$TMPDIR forks --seconds 3
if grep -qaF head_tramps /sys/kernel/btf/vmlinux; then
	grep -qF "no streams of $TMPDIR/forked: on this kernel" "$JSON.err" || fail "left alone without a word: $(cat "$JSON.err")"
	[ "$(opened)" = 0 ] || fail "it was not left alone"
else
	[ "$(opened)" = 2 ] || fail "left alone though nothing calls for it: $(cat "$JSON.err")"
fi
