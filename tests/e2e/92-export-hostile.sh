#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Peers that mean harm: slow ones, huge ones, a thousand at once, half-open ones; then a scrape still
# works, and nothing of them is left.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"

needs python3
exporting
fds() { find "/proc/$web_pid/fd" -mindepth 1 | wc -l; }
baseline=$(fds)
before=$(awk '/^VmRSS/ { print $2 }' "/proc/$web_pid/status")

"${BASH_SOURCE[0]%/*}/load/badscrape.py" "${base##*:}" >&2 || fail "see above"
back() { [ "$(fds)" -eq "$baseline" ]; }
until_true 15 back || fail "$(fds) descriptors, $baseline before: $(ls -l "/proc/$web_pid/fd")"
gets 200 /metrics
[ "$(sample lostsock_http_connections)" -le 3 ] || comes lostsock_http_connections '<=' 3
comes lostsock_http_timeouts_total '>=' 1
comes lostsock_http_bad_requests_total '>=' 1
after=$(awk '/^VmRSS/ { print $2 }' "/proc/$web_pid/status")
[ $((after - before)) -lt 65536 ] || fail "memory: $before kB, then $after kB"
gets 200 /findings
exported
