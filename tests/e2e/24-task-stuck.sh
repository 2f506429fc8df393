#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Threads blocked in recv on connected UDP sockets. The server, blocked just so, is not stuck.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load task-stuck --leaky
expects task-stuck
load task-stuck --leaky --family 6 --count 3
expects task-stuck
load task-stuck --mended
expects nothing
load listener --mode accept
expects nothing
look --after 1s --after task-stuck=1s
