#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The server of docs/TETHER.md, compiled as it stands, serves and drains.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs curl gcc

root=$here/../..
lib=${LOSTSOCK%/*}
awk '/^## A server in/ { on = 1 } /^```$/ { if (code) exit } code { print } on && /^```c$/ { code = 1 }' \
	"$root/docs/TETHER.md" >"$TMPDIR/hello.c"
lines=$(grep -c . "$TMPDIR/hello.c")
if [ "$lines" -lt 20 ] || [ "$lines" -gt 34 ]; then
	fail "$lines lines are no server in 30"
fi
gcc -Wall -Wextra -Wno-unused-parameter -Werror -I "$root/include" -o "$TMPDIR/hello" "$TMPDIR/hello.c" \
	-L "$lib" -ltether -Wl,-rpath,"$lib" || fail "it does not compile"

serves() { [ "$(curl -s --max-time 2 http://127.0.0.1:8080/)" = hello ]; }

"$TMPDIR/hello" >"$TMPDIR/said" 9>&- &
hello=$!
until_true 5 serves || fail "it does not say hello"
kill -TERM "$hello"
wait "$hello" || fail "exit status $?"
[ "$(cat "$TMPDIR/said")" = drained ] || fail "it said: $(cat "$TMPDIR/said")"

# The manual names each option that the program has, and no other.
man=$root/docs/man/tether-serve.1
"$lib/tether-serve" --help | grep -oE '^  --[a-z-]+' | tr -d ' ' | sort >"$TMPDIR/has"
sed -n 's/^\.It Fl -\([a-z-]*\).*/--\1/p' "$man" | sort >"$TMPDIR/named"
diff "$TMPDIR/has" "$TMPDIR/named" >&2 || fail "options of tether-serve and its manual differ"
