#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A socket for each look-up, none of them closed.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs python3
other_end answer 8080
LIMIT=60
twins "UDP client in Python" growth ">=10" _PyEval_EvalFrameDefault "$own/udp_lookup.py"
proved
