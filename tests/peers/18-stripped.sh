#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A stripped program: module, offset and build id, and no name that is a guess.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs nginx
web 8080 1s
names session-cpp-stripped+0x "$PEERS/session-cpp-stripped"
gates session-cpp-stripped+0x "$PEERS/session-cpp-stripped"
