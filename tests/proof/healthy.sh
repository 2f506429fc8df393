#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# healthy.sh: runs healthy/, and prints what became of it; HEALTHY_SECONDS is how long. The rest of the
# environment is that of run.sh.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export RESULTS=${RESULTS:-$root/build/results}
export ROWS=${PROOF_DIR:-$root/build/proof-rows}
export HEALTHY_SECONDS=${HEALTHY_SECONDS:-60}
export TEST_SECONDS=$((HEALTHY_SECONDS + 150))
mkdir -p "$ROWS"
rm -f "$ROWS"/healthy.*

status=0
"$here/../e2e/run.sh" -d "$here/healthy" || status=1
[ -s "$ROWS/healthy.tally" ] || exit 1
echo
cat "$ROWS/healthy.md"
"$here/table.sh" --markdown "$ROWS" >"${PROOF_DOC:-$root/docs/PROOF.md}" || :
exit $status
