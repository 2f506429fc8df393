#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two at the same time see the same, and the end of one is nothing to the other.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load close-wait --leaky
expects close-wait
watch --for 3s --after 1s
first=$watch_pid first_json=$JSON
watch --for 5s --after 1s
wait "$first" || fail "the first: exit status $?"
watched
check_expected
JSON=$first_json
check_expected
