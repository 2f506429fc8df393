#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Node, with its map of functions, and frames of its own for those that are interpreted.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs nginx node
web 8080 1s
names openTill env -C "$TMPDIR" node --perf-basic-prof --interpreted-frames-native-stack "$twins/session.js"
