#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The rows that docs/PROBES.md has for nghttp3 are right: of ngtcp2's own client and server, which tell
# nothing, each stream is seen to be opened and freed, at both ends.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs gtlsclient gtlsserver openssl
rows=$TMPDIR/rows
awk '$0 == "```probes" { on = 1; next } /^```$/ { on = 0 } on' "$here/../../docs/PROBES.md" >"$rows"
[ "$(grep -c '^nghttp3 ' "$rows")" -eq 4 ] || fail "no rows in PROBES.md"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-keyout "$TMPDIR/key.pem" -out "$TMPDIR/cert.pem" 2>/dev/null
echo word >"$TMPDIR/index.html"

gtlsserver -q -d "$TMPDIR" 127.0.0.1 4433 "$TMPDIR/key.pem" "$TMPDIR/cert.pem" >"$TMPDIR/server.log" 2>&1 9>&- &
server=$!
watch -p "$server" --streams --stream-probe "$rows" --for 6s
timeout 20 "$LOSTSOCK" run --json --report "$TMPDIR/client" --stream-probe "$rows" -- \
	gtlsclient -q --exit-on-all-streams-close -n 50 127.0.0.1 4433 https://localhost/index.html \
	>"$TMPDIR/client.log" 2>&1 9>&- || fail "the client: $(cat "$TMPDIR/client.log")"
watched
kill "$server"
wait "$server" || :
for file in "$JSON" "$TMPDIR/client"; do
	jq -e '[.processes[].streams | select(.)] | length == 1 and (.[0] |
		.opened == 50 and .freed == 50 and .live == 0 and .nonsense == 0 and .unseen == 0)' \
		"$file" >/dev/null || fail "50 streams expected: $(jq -c '.processes[] | [.comm, .streams]' "$file")"
done
