#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# table.sh [--markdown] ROWS  prints the rows that the scripts have left in the folder ROWS, one a twin,
# and what they add up to; with --markdown as docs/PROOF.md. Exits with 1 if a row is red.
#
# Recall and precision are counted in what was lost (connections, streams, threads), not in rows: of
# those that are known to be lost, how many were found as the class they are; and of all that was
# accused, how much was one of them.
set -euo pipefail

markdown=0
[ "${1:-}" != --markdown ] || { markdown=1; shift; }
rows=${1:?usage: table.sh [--markdown] ROWS}

# shellcheck disable=SC2016 # jq's
words='
def wanted: if .twin == "leaky" then (.count | ltrimstr(">=") | tonumber) else 0 end;
def open_ended: .count | startswith(">=");
def capped: [.found, wanted] | min;
def excess: if .twin == "leaky" and (open_ended | not) then [.found - wanted, 0] | max else 0 end;
def strays: (.false | map(.count) | add // 0) + excess;
def percent($a; $b): if $b == 0 then "-" else "\($a / $b * 1000 | floor / 10)%" end;
def share($what; $a; $b): "\($what) \(percent($a; $b)) (\($a) of \($b))";
def cells: [
	.program, .twin,
	(if .twin == "leaky" then .class else "nothing" end),
	(if .twin == "leaky" then (.count | sub(">="; "≥")) else "0" end),
	"\(.found)",
	(if .twin == "leaky" and .found > 0 then (if .at_most then "≤ " else "" end) + "\(.cs / 10 | round / 10) s" else "-" end),
	(if .twin == "mended" then "-" elif .function == "-" then "none asked"
	 else "\(.function) ×\(.named)" end),
	"\(strays)",
	(if .reason == "" then "ok" else "RED: \(.reason)" end)];
def header: ["program", "twin", "class", "expected", "found", "after", "function", "false", "result"];
def sums:
	([.[] | capped] | add // 0) as $true
	| ([.[] | wanted] | add // 0) as $all
	| ([.[] | strays] | add // 0) as $false
	| "\(share("recall"; $true; $all)), \(share("precision"; $true; $true + $false))",
	  "\(map(select(.reason == "")) | length) passed, \(map(select(.reason != "")) | length) failed";
sort_by(.script, .no)'

all() { jq -s "$@" < <(find "$rows" -name '[0-9]*.json' -exec cat {} +); }

# The bugs that lostsock and tether are measured by: each as tether's fault, and as real software has it,
# by the programs of the rows. A program that is not among the rows was not run.
# shellcheck disable=SC2016 # jq's
bugs='
def bugs: [
	["BFE: a connection'"'"'s reader waits for a request, for ever, when its peer has closed",
	 "tether, reader:every=2", "Go net/http, body not closed"],
	["fasthttp: the body after Expect: 100-continue never comes, and no ReadTimeout ends it",
	 "tether, expect:every=2", "fasthttp, no ReadTimeout"],
	["quic-go: a bidirectional stream is closed on one side",
	 "tether, half-close:every=1", "quic-go, streams half closed"],
	["Corteza: the request'"'"'s context ends before its body was read",
	 "tether, cancel-early:every=4", "Go net/http, cancelled early"],
	["quic-go: counting connections down and telling of the last are two steps",
	 "tether, drain-race", "Go, counter in two steps"]];
def found($all; $program): $all | map(select(.program == $program)) | sort_by(.twin)
	| if length < 2 then "not run"
	  else (map(select(.reason != "")) | length) as $red
	  | if $red > 0 then "RED" else "\(.[0].found) of \(.[0].count | sub(">="; "≥")) \(.[0].class), mended 0" end end;
. as $all | bugs | map(. as [$bug, $tether, $real]
	| {bug: $bug, tether: $tether, real: $real,
	   by: [found($all; $tether), found($all; $real)]})'

bug_cells='.[] | ["\(.bug)", "\(.tether): \(.by[0])", "\(.real): \(.by[1])"]'

plain() {
	all -r "$words | (header, (.[] | cells)) | @tsv" | awk -F'\t' '
		{ for (i = 1; i <= NF; i++) { cell[NR, i] = $i
			if (i < NF && length($i) > width[i]) width[i] = length($i) } }
		END { for (r = 1; r <= NR; r++) { line = ""
			for (i = 1; i <= 9; i++) line = line sprintf("%-" width[i] + 2 "s", cell[r, i])
			sub(/ +$/, "", line); print line } }'
	all -r "$words | $bugs | map(select(any(.by[]; . != \"not run\"))) | $bug_cells | \"bug: \" + join(\"; \")"
	all -r "$words | map(select(.others != \"\")) | .[] | \"beside \(.program), \(.twin): \(.others)\""
	[ ! -s "$rows/skipped" ] || sed 's/^/not run: /' "$rows/skipped"
	echo
}

document() {
	cat <<-END
		<!-- SPDX-License-Identifier: BSD-2-Clause -->
		<!-- Written by \`make proof\` and \`make proof-healthy\`; not to be edited. -->
		# The proof

		Programs that leak, each beside its mended twin, and healthy ones, judged by lostsock as it is.
		All rows have the same thresholds: \`--after ${AFTER:-2s}\`, and the defaults for what is healthy. A row is
		red, and stays here, when lostsock misses something, names another function, or accuses anybody in
		that network namespace who has lost nothing.

		Five bugs of real software are what both are measured by: lostsock has to find them, as libtether commits
		them on purpose and as others have them. BFE's transport was made from Go's own, which is asked here. The
		version of quic-go that has the last one is not packaged: its two steps are those of a server in Go.

	END
	# shellcheck disable=SC2016 # jq's
	all -r "$words | $bugs | "'(["bug", "libtether-faulty", "real software"], ["---", "---", "---"],
		('"$bug_cells"')) | "| " + join(" | ") + " |"'
	cat <<-END

		$(date -u +%F), Linux $(uname -r), $(uname -m), $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)

		- *expected*, *found*: connections (streams, threads) that are lost, and that are accused of it, as that class.
		- *after*: from when the last of them was lost, to the report that has them all; in looks of half a second; of
		  streams, which \`attach\` reports when it ends, at most. Where a server has to hang up first, or a window has to pass, that is in it.
		- *function*: who is said to have opened them, or to wait on them, and for how many.
		- *false*: what is accused besides, at any time, of the twins and of their servers and clients.

	END
	# shellcheck disable=SC2016 # jq's
	all -r "$words"' | def row: "| " + (map(gsub("\\|"; "\\|")) | join(" | ")) + " |";
		(header | row), (header | map("---") | row), (.[] | cells | .[6] |= (if . == "-" or . == "none asked" then . else sub("^(?<f>.*) ×"; "`\(.f)` ×") end) | row)'
	echo
	all -r "$words | \"**\" + ([sums] | join(\"; \")) + \"**\""
	echo
	others=$(all -r "$words"' | map(select(.others != "")) | .[] | "- \(.program), \(.twin): \(.others)"')
	[ -z "$others" ] || printf 'The same leak, as its other end has it, which is neither asked for nor false:\n\n%s\n\n' "$others"
	[ ! -s "$rows/skipped" ] || { printf 'Not run:\n\n'; sed 's/^/- /' "$rows/skipped"; echo; }
	[ ! -s "$rows/healthy.md" ] || cat "$rows/healthy.md"
	[ ! -s "$rows/kernels.md" ] || { echo && cat "$rows/kernels.md"; }
}

if [ $markdown -eq 1 ]; then
	document
else
	plain
	all -r "$words | sums"
fi
all -e 'all(.reason == "")' >/dev/null
