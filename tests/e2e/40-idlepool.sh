#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A pool that idles, over TCP and UNIX sockets, on both of its ends.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load idlepool --count 20
load idlepool --count 20 --family 6
load idlepool --count 20 --family unix
load dup
load fork
healthy
