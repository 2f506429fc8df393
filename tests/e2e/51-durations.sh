#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Durations and numbers that make no sense.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

for bad in '' -1s 5x s 1e99s 1s2 '3 s' nan inf 99999999999999999999s; do
	refuses 2 'for' top --once --for "$bad"
	refuses 2 'after' top --once --after "$bad"
	refuses 2 'after' top --once --after "close-wait=$bad"
	refuses 2 'interval' top --once --interval "$bad"
done
refuses 2 'interval' top --once --interval 0
refuses 2 'count' top --json --count 0
refuses 2 'count' top --json --count -3
refuses 2 'count' top --json --count many
refuses 2 'ring-pages' top --once --ring-pages 0
refuses 2 'ring-pages' top --once --ring-pages many
refuses 2 'color' top --once --color=sometimes
