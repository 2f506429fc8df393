#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Without privileges: one line that says what would help, and exit 3. replay needs none.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs setpriv
mkdir "$TMPDIR/public"
cp "$LOSTSOCK" "$TMPDIR/public/lostsock"
chmod 755 "$TMPDIR/public" "$TMPDIR/public/lostsock"
lostsock record "$TMPDIR/public/recording" --for 1s
chmod 644 "$TMPDIR/public/recording"
cd "$TMPDIR/public" || exit
cat >nobody <<-'END'
	#!/bin/sh
	exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all ./lostsock "$@"
END
chmod 755 nobody
LOSTSOCK=$PWD/nobody
refuses 3 'root|CAP_|capabilit' top --once --json
refuses 3 'root|CAP_|capabilit' record /dev/null --for 1s
lostsock replay recording --once --json | jq -e '.schema == 1' >/dev/null ||
	fail "replay asks for privileges"
lostsock --help >/dev/null || fail "--help asks for privileges"
