#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Python, Node and Java: sessions that are kept and never closed.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs nginx python3 node java jcmd
web 8080 1s
twins "Python requests.Session" close-wait 5 _PyEval_EvalFrameDefault "$twins/session.py"
twins "Node net.Socket" close-wait 5 openTill \
	env -C "$TMPDIR" node --perf-basic-prof --interpreted-frames-native-stack "$twins/session.js"

begin() {
	twin "${@:2}" "$1"
	java_map "$PID"
}
twins "Java Socket" close-wait 5 Session.payInvoice "${java[@]}" Session
proved
