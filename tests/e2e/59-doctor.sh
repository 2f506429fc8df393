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
