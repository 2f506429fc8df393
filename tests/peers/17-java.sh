#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Java, with the map that jcmd writes.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs nginx java jcmd
web 8080 1s
map() { jcmd "$1" Compiler.perfmap >"$TMPDIR/jcmd" 2>&1 || fail "jcmd: $(cat "$TMPDIR/jcmd")"; }
BEFORE=map
# shellcheck disable=SC2054 # the commas are java's
java=(java -XX:+PreserveFramePointer -Xcomp "-XX:CompileCommand=quiet" "-XX:CompileCommand=dontinline,Session::*"
	-XX:CompileCommand=compileonly,Session::* -cp "$PEERS")
names Session.payInvoice "${java[@]}" Session
