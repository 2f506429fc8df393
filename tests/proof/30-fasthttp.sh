#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# fasthttp's server and clients that say Expect: 100-continue and then nothing, beside idle keep-alives.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

act() {
	go_on
	other_end expect 8080 5
}
twins "fasthttp, no ReadTimeout" expect-body 5 ContinueReadBody "$PROOF/fasthttp_expect"
proved
