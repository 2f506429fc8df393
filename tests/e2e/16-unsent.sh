#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The send queue makes no progress, for its reader has stopped; then the reader is an unread. With a
# slow reader both queues are as full, but move.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load unsent --leaky --mode blocking
expects unsent
expects unread "=$COUNT" "$PEER"
load unsent --leaky --mode nonblock
expects unsent
expects unread "=$COUNT" "$PEER"
load unsent --mended --mode blocking
expects nothing
load unsent --mended --mode nonblock
expects nothing
look --for 5s --after 2s
