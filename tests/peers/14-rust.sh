#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rust: legacy mangling, a method of a trait.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs nginx
[ -x "$PEERS/session-rs" ] || skip "rustc is not installed"
web 8080 1s
names "shop::Visit>::visit" "$PEERS/session-rs"
gates "shop::Visit>::visit" "$PEERS/session-rs"
