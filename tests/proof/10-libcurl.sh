#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# libcurl: an easy handle that is never cleaned up.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/lib.sh"

needs nginx
web 8080 1s
twins "libcurl, easy handle" close-wait 5 fetch_catalog "$PEERS/curl_easy"
proved
