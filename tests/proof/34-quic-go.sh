#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# quic-go's streams, of which Close() closes one side. Some may still be on their way when it is judged.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

[ -x "$PEERS/quic_streams" ] || skip "golang-github-lucas-clemente-quic-go-dev is not installed"
SESSIONS=1000
# shellcheck disable=SC2016 # for the inner shell
twins "quic-go, streams half closed" stream-half-open ">=990" quic-go.newStream \
	bash -c 'exec "$0" "$1" "$2"' "$PEERS/quic_streams"
proved
