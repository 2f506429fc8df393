#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Python 3.11 writes no map of its functions: the interpreter's own are named.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs nginx python3
python3 -c 'import requests' 2>/dev/null || skip 'requests is not installed'
web 8080 1s
names _PyEval_EvalFrameDefault "$twins/session.py"
gates _PyEval_EvalFrameDefault "$twins/session.py"
