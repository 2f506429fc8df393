#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# C++: the name comes demangled, with its namespace and its template's argument.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs nginx
web 8080 1s
names "shop::open_basket<shop::Session>" "$PEERS/session-cpp"
gates "shop::open_basket<shop::Session>" "$PEERS/session-cpp"
