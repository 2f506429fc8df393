#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A kernel that is too old is refused in clear words, by every verb that would watch and by doctor.
# shellcheck source=tests/e2e/lib.sh
. /tests/e2e/lib.sh

refuses 3 '6\.1 or later is needed' top --once
refuses 3 '6\.1 or later is needed' run -- true
status=0
"$LOSTSOCK" doctor >"$TMPDIR/out" || status=$?
[ "$status" -eq 3 ] || fail "doctor: exit status 3 expected, got $status"
grep -q 'among them what lostsock cannot do without' "$TMPDIR/out" || fail "$(cat "$TMPDIR/out")"
grep -q 'a kernel from 6.1 on has it' "$TMPDIR/out" || fail "no mend: $(cat "$TMPDIR/out")"
