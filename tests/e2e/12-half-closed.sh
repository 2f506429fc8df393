#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# We shut down writing and hold; the peer, which holds in its turn, is rightly a close-wait.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load half-closed --leaky
expects half-closed
expects close-wait "=$COUNT" "$PEER"
load half-closed --leaky --family 6 --count 3
expects half-closed
expects close-wait "=$COUNT" "$PEER"
load half-closed --mended
expects nothing
look --after 1s
