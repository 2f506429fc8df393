#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Connected, and not a byte either way; whoever accepted it may be told as well. Of UNIX sockets the
# kernel counts no bytes, so they are never accused of this.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

for family in 4 6; do
	load never-used --leaky --family "$family"
	expects never-used
	allows never-used "$PEER"
	load never-used --mended --family "$family"
	expects nothing
done
load never-used --leaky --family unix
expects nothing
look --for 4s --after 1s
