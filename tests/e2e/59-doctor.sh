#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# doctor says what this kernel gives, and that is enough.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

lostsock doctor >"$TMPDIR/out" 2>&1 || {
	cat "$TMPDIR/out" >&2
	fail "exit status $?"
}
[ "$(wc -l <"$TMPDIR/out")" -ge 5 ] || fail "that is no table: $(cat "$TMPDIR/out")"

lostsock doctor --json >"$TMPDIR/json" || fail "--json: exit status $?"
jq -e '.schema == 1 and .works and (.features | length > 15)' "$TMPDIR/json" >/dev/null ||
	fail "not the JSON that was asked for: $(cat "$TMPDIR/json")"
[ "$(jq '.features | map(select(.works)) | length' "$TMPDIR/json")" -eq \
	"$(grep -c '^ok ' "$TMPDIR/out")" ] || fail "the table and the JSON differ"
