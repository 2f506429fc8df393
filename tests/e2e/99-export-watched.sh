#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The exporter, while it is scraped, is watched by others of its kind: they find nothing, and nor does
# it of itself.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"

needs python3
exporting --after 2s
# As Prometheus: one connection that is kept, and asked now and then; beside it short ones, all paths.
python3 - "${base##*:}" >"$TMPDIR/scrapes" 2>&1 9>&- <<'END' &
import http.client, sys, time, urllib.request
port, kept, end = int(sys.argv[1]), None, time.monotonic() + 60
while time.monotonic() < end:
    kept = kept or http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    kept.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    kept.getresponse().read()
    for path in ("/", "/findings", "/metrics", "/nothing"):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).read()
        except urllib.error.HTTPError:
            pass
    print("scraped", flush=True)
    time.sleep(2.5)
END
scraper=$!
until_true 10 eval '[ -s "$TMPDIR/scrapes" ]' || fail "nobody scrapes"
fds() { find "/proc/$web_pid/fd" -mindepth 1 | wc -l; }

healthy
FOR=6s healthy
findings --for 6s --after 2s -p "$export_pid,$web_pid"
expect_nothing
# Attached to, which looks closest: its stacks, its threads, and how it waits.
for pid in "$web_pid" "$export_pid"; do
	"$LOSTSOCK" attach "$pid" --for 6s --after 2s --json >"$JSON" 2>"$JSON.err" 9>&- || fail "attach: $(cat "$JSON.err")"
	expect_nothing
done
gets 200 /findings
[ "$(jq -c .findings "$TMPDIR/body")" = '[]' ] || fail "of itself it finds $(jq -c '[.findings[] | [.class, .comm, .pid]]' "$TMPDIR/body")"
kill -0 "$scraper" || fail "the scraper: $(cat "$TMPDIR/scrapes")"
[ "$(fds)" -lt 30 ] || fail "$(fds) descriptors"
kill "$scraper"
wait "$scraper" || :
exported
