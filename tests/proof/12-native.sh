#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# C++, the same without symbols, and Rust: a session that is forgotten.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs nginx
web 8080 1s
twins "C++ class" close-wait 5 "shop::open_basket<shop::Session>" "$PEERS/session-cpp"
twins "C++, stripped" close-wait 5 session-cpp-stripped+0x "$PEERS/session-cpp-stripped"
[ ! -x "$PEERS/session-rs" ] ||
	twins "Rust" close-wait 5 "shop::Visit>::visit" "$PEERS/session-rs"
proved
