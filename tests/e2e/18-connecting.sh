#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The SYN gets no answer.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load connecting --leaky --mode nonblock
expects connecting
load connecting --leaky --mode blocking
expects connecting
load connecting --leaky --family 6 --count 3
expects connecting
load connecting --mended
expects nothing
look --for 4s --after 1s
