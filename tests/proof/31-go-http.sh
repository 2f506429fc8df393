#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Go's net/http: bodies that nobody closes, and contexts that end before the body was read.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs nginx
web 8080 1s
twins "Go net/http, body not closed" close-wait 5 "net/http.(*Transport).dialConn" \
	"$PROOF/http_client" unclosed
SESSIONS=20
twins "Go net/http, cancelled early" aborted 20 "net/http.(*Transport).dialConn" \
	"$PROOF/http_client" cancelled
proved
