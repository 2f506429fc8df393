#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# gRPC, HTTP/2: a dial for each call.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

LIMIT=60
"$PROOF/grpc_dial" serve 8080 9>&- &
server=$!
act() {
	go_on
	also growth "$server" "the server that they are left in"
}
twins "gRPC, dialled for each call" growth ">=10" "google.golang.org/grpc" "$PROOF/grpc_dial"
proved
