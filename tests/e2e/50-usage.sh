#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What cannot be meant is refused in a line, with the nearest word that could be.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

refuses 2 'top' tpo
refuses 2 'replay' rpelay file
refuses 2 '--json' top --jsno
refuses 2 '--after' top --aftre 3s
refuses 2 'close-wait' top --once --class close-wiat
refuses 2 'close-wait' top --once --after close-wiat=1s
refuses 2 'oldest' top --once --sort oldset
refuses 2 'leaked' top --once --columns pid,leakde
refuses 2 'pid.*abc|abc.*pid' top --once -p abc
refuses 2 '4194399' top --once -p 4194399
refuses 2 'pid' top --once -p ''
refuses 2 '/no/such' top --once --netns /no/such
refuses 2 '/no/such' top --once --cgroup /no/such
refuses 2 'argument|value' top --for
refuses 2 'file' record
refuses 2 'file' replay
refuses 2 'unexpected|argument|more' doctor now
LINES_MAX=60 refuses 2 'usage'
lostsock --help >"$TMPDIR/out" || fail "--help: exit status $?"
grep -q doctor "$TMPDIR/out" || fail "--help does not name the verbs"
lostsock --version | grep -qE '^lostsock [0-9]' || fail "--version"
