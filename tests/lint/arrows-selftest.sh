#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# arrows.sh reports each wrong arrow of a tree that has them, and nothing else.
set -eu

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# put FILE INCLUDE...
put() {
	local file=$tree/$1 include
	shift
	mkdir -p "$(dirname "$file")"
	for include; do
		echo "#include $include"
	done >"$file"
}

put include/lostsock/event.h '<stdint.h>'
put include/tether/tether.h
put src/base/time.h '<time.h>'
put src/ledger/ledger.h '"base/time.h"' '"lostsock/event.h"'
put src/verdict/rules.h '"ledger/ledger.h"' '"base/time.h"'
put src/view/top.c '<ncurses.h>' '"verdict/rules.h"' '"view/columns.h"' '"columns.h"'
put src/view/columns.h
put src/source/live.c '"lostsock.skel.h"' '"lostsock/event.h"' '"base/time.h"'
put src/verb/top.c '"view/columns.h"' '"source/live.c"' '"lostsock.skel.h"'
put src/lostsock.c '"verb/top.c"'
put src/tether/pool.c '"tether/tether.h"' '<errno.h>'
put bpf/maps.bpf.h '"vmlinux.h"' '<bpf/bpf_helpers.h>' '"lostsock/event.h"'
put bpf/conn.bpf.c '"vmlinux.h"' '"maps.bpf.h"'
if ! output=$(tests/lint/arrows.sh "$tree"); then
	printf 'a good tree is accused:\n%s\n' "$output"
	exit 1
fi

put src/base/bad.c '<stdio.h>' '"lostsock/event.h"'
put src/ledger/bad.c '"base/time.h"' '"../view/columns.h"'
put src/verdict/bad.c '"view/columns.h"'
put src/view/bad.c '"lostsock.skel.h"'
put src/source/bad.c '"ledger/ledger.h"'
put src/tether/bad.c '<lostsock/event.h>'
put src/novel/new.c
put include/lostsock/bad.h '"base/time.h"'
put bpf/bad.bpf.c '"vmlinux.h"' '  "base/time.h"'
expected='bpf/bad.bpf.c:2
include/lostsock/bad.h:1
src/base/bad.c:2
src/ledger/bad.c:2
src/novel/new.c:1
src/source/bad.c:1
src/tether/bad.c:1
src/verdict/bad.c:1
src/view/bad.c:1'
status=0
output=$(tests/lint/arrows.sh "$tree") || status=$?
found=$(cut -d: -f1-2 <<<"$output" | LC_ALL=C sort)
if [ "$status" -ne 1 ] || [ "$found" != "$expected" ]; then
	printf 'status %s, and found:\n%s\n' "$status" "$output"
	exit 1
fi
