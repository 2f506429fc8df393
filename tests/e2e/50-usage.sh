#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What cannot be meant is refused in a line, with the nearest word that could be.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

refuses 2 'top' tpo
refuses 2 'replay' rpelay file
refuses 2 '--json' top --jsno
refuses 2 '--after' top --aftre 3s
refuses 2 'close-wait' top --once --class close-wiat
refuses 2 'close-wait' top --once --after close-wiat=1s
refuses 2 'oldest' top --once --sort oldset
refuses 2 'leaked' top --once --columns pid,leakde
refuses 2 'pid.*abc|abc.*pid' top --once -p abc
refuses 2 '4194399' top --once -p 4194399
refuses 2 'pid' top --once -p ''
refuses 2 '/no/such' top --once --netns /no/such
refuses 2 '/no/such' top --once --cgroup /no/such
refuses 2 'argument|value' top --for
refuses 2 'file' record
refuses 2 'file' replay
refuses 2 'unexpected|argument|more' doctor now
refuses 2 'web.listen-address' export --listen :1
refuses 2 '--comm NAME' top nginx
refuses 2 'class help' top --once --class quux
refuses 2 'class help' top --once --after quux=1s
refuses 2 'lostsock top --once' --once
refuses 2 'attach' help attatch
refuses 2 'is a directory' run --suppress / -- true
if [ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ]; then
	refuses 2 'kernel thread' top --once -p 2
fi
LINES_MAX=60 refuses 2 'usage'
lostsock --help >"$TMPDIR/out" || fail "--help: exit status $?"
grep -q doctor "$TMPDIR/out" || fail "--help does not name the verbs"
lostsock --version | grep -qE '^lostsock [0-9]' || fail "--version"
lostsock help attach | grep -q 'usage: lostsock attach' || fail "help VERB is not VERB's"

# In a pid namespace of its own it can find nobody by number: a gate that sees nothing must not pass.
strange() { timeout 10 unshare --pid --fork --mount-proc "$LOSTSOCK" "$@"; }
for verb in 'run -- true' 'attach 1' 'top --once -p 1'; do
	status=0
	# shellcheck disable=SC2086 # words
	strange $verb >"$TMPDIR/out" 2>"$TMPDIR/err" || status=$?
	case $verb:$status in
	top*:2 | run*:3 | attach*:3) ;;
	*) fail "lostsock $verb in another pid namespace: exit status $status" ;;
	esac
	grep -q 'pid=host' "$TMPDIR/err" || fail "$verb: $(cat "$TMPDIR/err")"
done
strange doctor | grep -q '^missing *numbers of processes' || fail "doctor does not say so"
