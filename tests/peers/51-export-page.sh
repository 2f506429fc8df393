#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A real browser opens the exporter's page: what leaks is in it, its policy lets all of it work, and the
# name of a process that looks like HTML stays a name.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/../e2e/export.sh"

needs chromium
cp "$LOAD/close-wait" "$TMPDIR/<i id=x>" # /proc has 15 letters of it
LOAD=$TMPDIR load '<i id=x>' --leaky
exporting --after 1s
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '=' "$COUNT"
HOME=$TMPDIR timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
	--enable-logging=stderr --user-data-dir="$TMPDIR/profile" --virtual-time-budget=8000 --dump-dom \
	"$base/" >"$TMPDIR/dom" 2>"$TMPDIR/chromium" 9>&- || fail "chromium: $(tail -n 3 "$TMPDIR/chromium")"
grep -q "id=\"say\"[^>]*class=\"leaks\">$COUNT leaked, 0 stalled<" "$TMPDIR/dom" || fail "the page says: $(grep 'id="say"' "$TMPDIR/dom")"
grep -qE '<th scope="row"[^>]*>&lt;i id=x&gt;</th>' "$TMPDIR/dom" || fail "no row of it: $(grep -o '<tbody.*' "$TMPDIR/dom" | head -c 800)"
! grep -qF '<i id' "$TMPDIR/dom" || fail "a name has become HTML"
grep -q '<svg id="ages"[^>]*aria-label="Findings by age: '"$COUNT" "$TMPDIR/dom" || fail "no ages"
! grep -iE 'content security policy|uncaught|syntaxerror' "$TMPDIR/chromium" || fail "see above"
gets 200 /metrics
grep -q '{comm="<i id=x>"' "$TMPDIR/body" || fail "not in the metrics"
exported
