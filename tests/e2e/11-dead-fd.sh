#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The peer has reset the connection, the descriptor is still held.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load dead-fd --leaky
expects dead-fd
load dead-fd --leaky --family 6 --count 3
expects dead-fd
load dead-fd --mended
expects nothing
look --after 1s
