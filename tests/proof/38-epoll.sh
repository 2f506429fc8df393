#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A server on epoll that takes the end for nothing.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs python3
act() {
	go_on
	other_end visit 8080 5
}
twins "epoll server in C" close-wait 5 accept_guests "$PROOF/epoll_server"
proved
