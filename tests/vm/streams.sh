#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a program tells of its streams is heard: by one link for all probes, or by perf's probes where
# the kernel has no such link.
# shellcheck source=tests/e2e/lib.sh
. /tests/e2e/lib.sh

load streams --count 3000 --keep 30
"$LOSTSOCK" record --streams --interval 500ms -p "$PID" "$TMPDIR/rec" 2>"$JSON.err" 9>&- &
watch_pid=$!
load_done
[ "$(truth watched)" = true ] || fail "nobody listens to the program: $(cat "$JSON.err")"
kill -INT "$watch_pid"
wait "$watch_pid" || fail "lostsock record: $(cat "$JSON.err")"
"$LOSTSOCK" replay --once --json --all "$TMPDIR/rec" >"$JSON" 2>"$JSON.err" || check_json $?
check_json 0
n=$(jq --argjson pid "$PID" '[.streams[] | select(.pid == $pid)] | length' "$JSON")
[ "$n" -eq 30 ] || wrong "30 live streams expected, got $n"
jq -e '.lost.total == 0' "$JSON" >/dev/null || wrong "records were lost"
