#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What sockets stay in, each leaky and mended, TCP, UDP and UNIX: as many as there are, and no others.
# One look for all of them, as a guest takes its time to start anything.
# shellcheck source=tests/e2e/lib.sh
. /tests/e2e/lib.sh

for variant in "close-wait --mode seen" "close-wait --family 6" "close-wait --family unix" \
	"unread --family 4" "unread --family unix" "unread --mode dgram" "task-stuck"; do
	# shellcheck disable=SC2086 # words
	load $variant --leaky
	expects "${variant%% *}"
done
load never-used --leaky
expects never-used
allows never-used "$PEER"
load half-closed --leaky
expects half-closed
expects close-wait "=$COUNT" "$PEER"
for program in close-wait unread task-stuck never-used half-closed; do
	load "$program" --mended
	expects nothing
done
look --for 4s --after 1s --after task-stuck=1s
