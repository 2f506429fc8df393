#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What peers that err, or mean harm, send to tether-serve: each is answered as the RFCs say, or gone
# in time.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/tether.sh
. "${0%/*}/tether.sh"

needs python3

serve --body-limit 100M
"$HOSTILE" "$port" messages >&2 || fail "messages, see above"
fds_back 5
served 5

# The deadlines, then 2 s of lingering at most.
serve --header-deadline 1s --body-deadline 1s --write-deadline 1s --idle 1s
"$HOSTILE" "$port" slow 5 >&2 || fail "slow peers, see above"
fds_back 5
served 5

serve --lifetime 1s --max-connections 3
exec 5<>"/dev/tcp/127.0.0.1/$port" 6<>"/dev/tcp/127.0.0.1/$port" 7<>"/dev/tcp/127.0.0.1/$port"
! curl -sS --max-time 2 "http://127.0.0.1:$port/" -o /dev/null 2>&1 || fail "a fourth connection is served"
# The idle ones go when their lifetime has passed.
until_true 4 curl -s --max-time 2 "http://127.0.0.1:$port/" -o /dev/null || fail "no connection after 4 s"
served 5
