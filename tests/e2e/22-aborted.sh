#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Closed with unread bytes: a reset goes out each time, and each is counted.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

watch --for 9s
load aborted --leaky --count 30 --rate 20
load_done
leaky=$PID
expects aborted "=$COUNT"
load aborted --mended --count 30 --rate 20
load_done
expects nothing
watched
check_expected
expect_process "$leaky" opened=30 closed=30 aborted=30
expect_process "$PID" opened=30 closed=30 aborted=0
