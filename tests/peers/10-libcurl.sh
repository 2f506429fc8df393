#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# libcurl is built without frame pointers; its caller is named all the same.
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"

needs nginx
web 8080 1s
names fetch_catalog "$PEERS/curl_easy"
gates fetch_catalog "$PEERS/curl_easy"
