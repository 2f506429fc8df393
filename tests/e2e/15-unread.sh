#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Bytes or datagrams wait and nobody reads them: TCP, UDP, UNIX.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

for variant in "--family 4" "--family 6" "--family unix" "--mode dgram" \
	"--mode dgram --family 6"; do
	# shellcheck disable=SC2086 # words
	load unread --leaky $variant
	expects unread
	# shellcheck disable=SC2086
	load unread --mended $variant
	expects nothing
done
look --for 4s --after 1s
