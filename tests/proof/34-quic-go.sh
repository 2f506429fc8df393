#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# quic-go's streams, of which Close() closes one side. The program is not built here yet.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

[ -x "$PROOF/quic_streams" ] || skip "the twin in quic-go is not there yet"
twins "quic-go, streams half closed" stream-half-open 5 - "$PROOF/quic_streams"
proved
