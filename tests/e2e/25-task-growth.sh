#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Threads that one place starts and that never end.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load task-growth --leaky --mode conn
expects task-growth ">=20"
load task-growth --leaky --mode pipe
expects task-growth ">=20"
load task-growth --mended --mode conn
expects nothing
load task-growth --mended --mode pipe
expects nothing
look --for 10s --after task-growth=4s
