#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# attach names the line that opened a connection, the one that waits on it, and for how long.
# shellcheck source=tests/e2e/lib.sh
. /tests/e2e/lib.sh

has() { grep -qE -- "$1" "$TMPDIR/report" || fail "no /$1/ in: $(cat "$TMPDIR/report")"; }

# Opened while it is watched.
load died-holding --leaky --mode exit --seconds 30
"$LOSTSOCK" attach "$PID" --after 1s >"$TMPDIR/report" 2>"$TMPDIR/err" 9>&- ||
	fail "attach: exit status $?: $(cat "$TMPDIR/err")"
has 'exited with status 0: .* 8 live at its end'

load silent-peer --leaky
"$LOSTSOCK" attach "$PID" --for 5s --after 1s >"$TMPDIR/report" 2>"$TMPDIR/err" 9>&- ||
	fail "attach: exit status $?: $(cat "$TMPDIR/err")"
has '^silent-peer: 8 stalled by silent-peer'
has '    waits     thread [0-9]+ .* in (read|recvfrom)\(\): .*load_recv \(load.h:[0-9]+\) < wait_for_answer \(silent-peer.c:'
has '^Blocked time'

# The site of a finding is where it was opened.
load growth --leaky
"$LOSTSOCK" attach "$PID" --for 8s --after growth=3s --json >"$JSON" 2>"$JSON.err" 9>&- || check_json $?
check_json 0
jq -e --argjson pid "$PID" 'any(.findings[]; .pid == $pid and .class == "growth"
	and any(.site.frames[]?; tostring | test("load_connect")))' "$JSON" >/dev/null ||
	wrong "growth without its site: $(jq -c '.findings[].site' "$JSON")"
