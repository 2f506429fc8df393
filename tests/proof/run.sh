#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh: runs the rows of the proof and prints the table; exits with 1 if one that was run is red. From the environment: what tests/e2e/run.sh
# takes, with T=WORD for the scripts whose name has WORD in it, and
#
#	PROOF_DIR	where the rows are kept, build/proof-rows
#	PROOF_DOC	the table as markdown, docs/PROOF.md
#	RESUME=1	rows that this very lostsock has answered already are not run again
#	JOBS		scripts at a time, 3
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export RESULTS=${RESULTS:-$root/build/results}
export ROWS=${PROOF_DIR:-$root/build/proof-rows}
export TEST_SECONDS=${TEST_SECONDS:-300}
mkdir -p "$ROWS"
[ -n "${T:-}${RESUME:-}" ] || rm -f "$ROWS"/[0-9]*.json "$ROWS/skipped"

said=$(mktemp)
trap 'rm -f "$said"' EXIT
status=0
"$here/../e2e/run.sh" -j "${JOBS:-3}" -d "$here" | tee "$said"
[ "${PIPESTATUS[0]}" -eq 0 ] || status=1
sed -Ei 's/ \([0-9]+ s\)$//' "$said" # how long they took

# A script that ended before its rows could say so is a row itself.
while read -r name why; do
	rm -f "$ROWS/$name-0.json"
	[ -n "$why" ] || cat "$ROWS/$name"-*.json 2>/dev/null | jq -es 'any(.reason != "")' >/dev/null ||
		why="ended before its rows did"
	[ -z "$why" ] || jq -n --arg name "$name" --arg why "$why" '{script: $name, no: 0, program: $name,
		twin: "leaky", class: "-", count: "0", function: "-", found: 0, named: 0, cs: 0,
		false: [], others: "", reason: $why}' >"$ROWS/$name-0.json"
done < <(sed -n 's/^not ok \([^:]*\):\{0,1\}/\1/p' "$said")
while read -r name; do
	rm -f "$ROWS/$name-0.json"
done < <(sed -n 's/^ok //p' "$said")

# Who was skipped now, and who was before and is not among those that ran.
touch "$ROWS/skipped"
{
	sed -n 's/^skip //p' "$said"
	sed -n 's/^\(ok\|skip\|not ok\) \([^: ]*\).*/\2:/p' "$said" | grep -vF -f - "$ROWS/skipped"
} | sort -u >"$ROWS/skipped.new"
mv "$ROWS/skipped.new" "$ROWS/skipped"

echo
"$here/table.sh" "$ROWS" | tee "$said" || :
read -r passed failed < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$said")
echo "${passed:-0} ${failed:-1} $(wc -l <"$ROWS/skipped")" >"$RESULTS/proof"
"$here/table.sh" --markdown "$ROWS" >"${PROOF_DOC:-$root/docs/PROOF.md}" || :
exit $status
