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

# Who has some of them only, as root in a container does, gives up the others all the same.
LOSTSOCK=$PWD/lostsock
sleep 60 9>&- &
asleep=$!
setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace ./lostsock attach "$asleep" >out 2>err 9>&- &
attached=$!
until_true 15 grep -q 'attached to' err || fail "not attached: $(cat err)"
has=$(awk '$1 == "CapPrm:" { print $2 }' "/proc/$attached/status")
kill "$asleep"
wait "$attached" || fail "attach: exit status $?: $(cat err)"
bpf=39 perfmon=38 dac_read_search=2
[ $((16#$has & ~(1 << bpf | 1 << perfmon | 1 << dac_read_search | 1 << 21))) -eq 0 ] ||
	fail "it may still: $has"
