#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# States that are stalls, in C.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/proof/states.sh
. "${0%/*}/states.sh"

state connecting
state silent-peer
state unread
state unread --mode dgram
state unsent
state task-stuck
proved
