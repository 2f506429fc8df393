#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The peer closed, we hold: read to the end or not, v4, v6 and UNIX. The mended one closes.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

for variant in "--mode seen" "--mode blind" "--family 6" "--family unix"; do
	# shellcheck disable=SC2086 # words
	load close-wait --leaky $variant
	expects close-wait
done
load close-wait --leaky --count 1
expects close-wait
load close-wait --mended
expects nothing
load close-wait --mended --family unix
expects nothing
look --after 1s
