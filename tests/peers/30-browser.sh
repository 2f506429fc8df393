#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A real browser loads a page from tether-serve: its style, script and picture with it, over several
# connections that it keeps.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs chromium
www=$TMPDIR/www
mkdir "$www"
cat >"$www/index.html" <<-'END'
	<!doctype html>
	<title>tether</title>
	<link rel="stylesheet" href="style.css">
	<body><img id="dot" src="dot.svg"><p id="said">nothing</p><script src="page.js"></script></body>
END
echo 'p { color: rgb(1, 2, 3); }' >"$www/style.css"
echo '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="9"></svg>' >"$www/dot.svg"
cat >"$www/page.js" <<-'END'
	onload = async () => {
		const said = document.getElementById("said");
		const echo = await fetch("/echo", { method: "POST", body: "hello from the page" });
		said.textContent = [await echo.text(), getComputedStyle(said).color,
			document.getElementById("dot").naturalWidth].join(" | ");
	};
END
"${LOSTSOCK%/*}/tether-serve" --listen 127.0.0.1:8080 "$www" 9>&- 2>"$TMPDIR/served" &
server=$!
until_true 5 curl -s -o /dev/null http://127.0.0.1:8080/ || fail "tether-serve: $(cat "$TMPDIR/served")"
HOME=$TMPDIR timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
	--user-data-dir="$TMPDIR/profile" --virtual-time-budget=10000 --dump-dom http://127.0.0.1:8080/ \
	>"$TMPDIR/dom" 2>"$TMPDIR/chromium" 9>&- || fail "chromium: $(tail -n 3 "$TMPDIR/chromium")"
grep -qF 'hello from the page | rgb(1, 2, 3) | 7' "$TMPDIR/dom" || fail "the page is: $(cat "$TMPDIR/dom")"
kill "$server"
wait "$server" || fail "tether-serve ended with $?"
