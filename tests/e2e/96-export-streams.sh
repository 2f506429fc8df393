#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Streams, of a program that starts when the collector has given its privileges up.
# shellcheck disable=SC2016 # what until_true evaluates each time
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"

needs capsh
exporting --streams --after 1s --after stream-half-open=1s
gets 200 /metrics
[ "$(sample lostsock_streams)" = 0 ] || fail "streams before there are any"
load streams --count 50 --keep 20
comes lostsock_streams '=' 20
comes lostsock_streams_half_open '=' 20
half_open='lostsock_findings{class="stream-half-open",kind="leak",certainty'
until_true 45 eval 'gets 200 /metrics; [ $(($(sample "$half_open=\"certain\"}") + $(sample "$half_open=\"suspected\"}"))) -eq 20 ]' ||
	fail "findings: $(grep -F "$half_open" "$TMPDIR/body")"
caps=$(capsh --decode="$(awk '/^CapEff:/ { print $2 }' "/proc/$export_pid/status")")
[ "${caps#*=}" = cap_dac_read_search,cap_sys_ptrace,cap_perfmon,cap_bpf ] || fail "the collector may: $caps"
grep -q '^Seccomp:.2' "/proc/$export_pid/status" || fail "no seccomp"
unload
comes lostsock_streams '=' 0
exported
