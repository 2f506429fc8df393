#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A recording or a result that cannot be written is an error, not a silence.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

refuses 1 'no space' record /dev/full --for 1s --netns self
refuses '[12]' 'no such file|cannot' record "$TMPDIR/none/recording" --for 1s
status=0
lostsock top --once --json --netns self >/dev/full 2>"$TMPDIR/err" || status=$?
[ $status -eq 1 ] || fail "JSON to a full disk: exit status $status"
grep -qi 'no space' "$TMPDIR/err" || fail "JSON to a full disk: $(cat "$TMPDIR/err")"
