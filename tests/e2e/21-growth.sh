#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# One line of code opens connections that never go. The server of such a client may be told as well.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load growth --leaky
expects growth ">=20"
allows growth "$PEER"
load growth --mended
expects nothing
look --for 10s --after growth=4s
