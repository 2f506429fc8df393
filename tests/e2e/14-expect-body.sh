#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 100 Continue was said and the body never comes: a thread parked on it, or an event loop.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load expect-body --leaky --mode thread
expects expect-body
load expect-body --leaky --mode loop
expects expect-body
load expect-body --leaky --family 6 --count 3
expects expect-body
load expect-body --mended --mode thread
expects nothing
load expect-body --mended --mode loop
expects nothing
load idlepool # as idle, but answered
expects nothing
look --after 1s --after expect-body=1s
