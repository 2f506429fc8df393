#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Node, with its map of compiled functions.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs nginx node
web 8080 1s
names openTill node --perf-basic-prof "$twins/session.js"
