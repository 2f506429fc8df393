#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# States that are leaks, in C.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/proof/states.sh
. "${0%/*}/states.sh"

state close-wait
state close-wait --family 6
state close-wait --family unix
state dead-fd
state half-closed
state never-used
state inherited
proved
