#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is much: fifteen thousand processes that live for a moment leave no series and no memory behind; and
# with more connections than there is room for, the oldest are kept, and the others counted.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$export_pid/status"; }
# sum FAMILY: of all its series in the last body.
sum() { awk -v name="$1{" 'index($0, name) == 1 { n += $NF } END { print n + 0 }' "$TMPDIR/body"; }
names() { grep -c '^lostsock_process_instances{' "$TMPDIR/body"; }
opened() {
	gets 200 /metrics
	[ "$(names)" -le 101 ] || fail "$(names) names of processes have series"
	[ "$(sum lostsock_process_connections_opened_total)" -ge "$1" ]
}
# What the last process of a burst had is there: of ten thousand ends, one or two may have to heal.
burst() {
	load shortlived --count 5000 --hold 60 "$@"
	total=$((total + 5000))
	until_true 30 opened $((total - 10)) || fail "opened: $(sum lostsock_process_connections_opened_total) of $total"
}

# --- each with its pid ---

exporting --by-pid
gets 200 /metrics
total=$(sum lostsock_process_connections_opened_total)
processes=$(sample 'lostsock_ledger_entries{table="processes"}')
burst
burst # by now it knows as many as it ever will
middle=$(resident)
burst
left() {
	gets 200 /metrics
	! awk '/comm="shortlived"/' "$TMPDIR/body" | grep -qvE "pid=\"($parents|)\""
}
parents=$(jq -r .pid "$TMPDIR"/load.* | paste -sd'|')
until_true 30 left || fail "series are left: $(grep 'comm="shortlived"' "$TMPDIR/body" | head -n 3)"
comes 'lostsock_ledger_entries{table="processes"}' '<=' $((processes + 50))
after=$(resident)
[ $((after - middle)) -lt 4096 ] || fail "memory: $middle kB after 10,000 processes, $after kB after 15,000"
[ "$(sample lostsock_series_dropped)" -eq 0 ] || fail "series were dropped"
exported

# --- each with a name of its own: a hundred are told apart, the sum of all stays the sum ---

LINES_SAID=2 exporting
gets 200 /metrics
total=$(sum lostsock_process_connections_opened_total)
burst --mode names
burst --mode names
middle=$(resident)
burst --mode names
after=$(resident)
[ $((after - middle)) -lt 4096 ] || fail "memory: $middle kB after 10,000 names, $after kB after 15,000"
LINES_SAID=2
[ "$(wc -l <"$export_log")" -eq 2 ] || LINES_SAID=1 # nobody may have been there while it looked
exported

# --- more connections than there is room for ---

load close-wait --leaky --count 60
first=$PID
exporting --after 1s --max-connections 130 # each has two ends, and one listens
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '=' 60
gets 200 /metrics
[ "$(sample lostsock_connections_dropped)" -eq 0 ] || fail "dropped at first: $(sample lostsock_connections_dropped)"
[ "$(sample 'lostsock_ledger_capacity{table="connections"}')" -eq 130 ] || fail "capacity"
load idlepool --count 60
comes lostsock_connections_dropped '>=' 50
gets 200 /metrics
compare "$(sample lostsock_connections_dropped)" '<=' 130 || fail "dropped: $(sample lostsock_connections_dropped)"
[ "$(sample 'lostsock_ledger_entries{table="connections"}')" -eq 130 ] || fail "entries: $(sample 'lostsock_ledger_entries{table="connections"}')"
[ "$(sample 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}')" = 60 ] || fail "what leaks was left out"
gets 200 /findings
[ "$(jq "[.findings[] | select(.pid == $first and .class == \"close-wait\")] | length" "$TMPDIR/body")" -eq 60 ] || fail "findings"
grep -q 'more than 130 connections .*left out' "$export_log" || fail "it does not say so: $(cat "$export_log")"
LINES_SAID=2 exported
