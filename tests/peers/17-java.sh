#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Java, with the map that jcmd writes.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs nginx java jcmd
web 8080 1s
BEFORE=java_map
names Session.payInvoice "${java[@]}" Session
