#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Connections wait in the accept queue. The listener is accused, once; the clients are not.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

load not-accepted --leaky
expects not-accepted ">=1"
load not-accepted --leaky --family 6 --count 3
expects not-accepted ">=1"
load not-accepted --leaky --family unix
expects not-accepted ">=1"
load not-accepted --mended
expects nothing
load listener
expects nothing
look --for 4s --after 1s
